// <rr-compare>: one column a run, differences first.

define(
  "rr-compare",
  class extends Widget {
    render({ runs, rows }) {
      return h(
        "section.card.compare",
        { "aria-label": "Differences" },
        h("h2", {}, "Differences"),
        h(
          "div.scroll",
          { tabindex: "0" },
          h(
            "table",
            {},
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                h("th", { scope: "col" }),
                runs.map((run) => this.head(run)),
              ),
            ),
            h(
              "tbody",
              {},
              rows.map((row) => this.row(row)),
            ),
          ),
        ),
      );
    }

    head({ run_id, name, status, color }) {
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
        " ",
        pill(status),
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
        { "data-key": name, "data-testid": "difference" },
        h("th", { scope: "row" }, name),
        values.map((value) => h("td", { title: value }, value || "–")),
      );
    }
  },
);
