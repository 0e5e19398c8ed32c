// <rr-compare>: one column a run; what differs, by groups, and folded below what is the same in all.

define(
  "rr-compare",
  class extends Widget {
    render({ runs, different, same, best }) {
      return h(
        "section.card.compare",
        { "aria-label": "Differences" },
        h("h2", {}, "Differences"),
        different.length
          ? this.table(runs, different, best)
          : h("p.empty", {}, "These runs differ in nothing that is known of them."),
        same.length > 0 &&
          h(
            "details",
            {},
            h("summary", {}, `The same in all (${same.length})`),
            this.table(runs, same, null),
          ),
      );
    }

    table(runs, rows, best) {
      const groups = [...new Set(rows.map((row) => row.group))];
      return h(
        "div.scroll",
        { tabindex: "0", role: "group", "aria-label": "Table of properties" },
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, h("td"), runs.map((run, i) => this.head(run, i === best)))),
          groups.map((group) =>
            h(
              "tbody",
              { "data-key": group },
              h("tr.group", {}, h("th", { scope: "rowgroup", colspan: runs.length + 1 }, group)),
              rows.filter((row) => row.group === group).map((row) => this.row(row)),
            ),
          ),
        ),
      );
    }

    head({ run_id, name, status, color }, isBest) {
      return h(
        "th",
        { scope: "col" },
        h(
          "a",
          {
            href: `run?run_id=${encodeURIComponent(run_id)}`,
            title: name,
            onclick: (e) => this.open(e, run_id),
          },
          h("i.swatch", { style: `--line:${lineColor(color)}` }),
          name,
        ),
        h("span.marks", {}, pill(status), isBest && h("span.pill.succeeded", { "data-testid": "best-run" }, "★ best score")),
      );
    }

    open(event, run_id) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.emit("open", run_id);
    }

    row({ name, values, differs }) {
      return h(
        `tr${differs ? ".differs" : ""}`,
        { "data-key": name, "data-testid": differs ? "difference" : "same" },
        h("th", { scope: "row" }, name),
        values.map((value) => h("td", { title: value }, value || "–")),
      );
    }
  },
);
