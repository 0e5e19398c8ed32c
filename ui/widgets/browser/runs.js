// <rr-runs>: tables of runs; a row opens its run, and becomes a card where the page is narrow.

define(
  "rr-runs",
  class extends Widget {
    render({ sections, empty }) {
      const filled = sections.filter((section) => section.rows.length);
      if (!filled.length) return h("div.blank", {}, h("strong", {}, empty.title), h("p", {}, empty.text));
      return h(
        "div.runs",
        {},
        filled.map((section) => this.section(section)),
      );
    }

    section({ title, rows }) {
      const head = ["Status", "Run", "Progress", "Best score", "Duration", "Submitted"];
      return h(
        "section",
        { "data-key": title, "aria-label": title },
        h("h2", {}, title),
        h(
          "table",
          {},
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              head.map((name) => h("th", { scope: "col" }, name)),
            ),
          ),
          h(
            "tbody",
            {},
            rows.map((row) => this.row(row)),
          ),
        ),
      );
    }

    row(run) {
      const open = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || getSelection()?.toString()) return;
        event.preventDefault();
        this.emit("open", run.run_id);
      };
      return h(
        "tr",
        { "data-key": run.run_id, "data-testid": "run-row", "data-run-id": run.run_id, onclick: open },
        h("td.status", {}, pill(run.status)),
        h(
          "td.run",
          {},
          h("a", { href: `run?run_id=${encodeURIComponent(run.run_id)}`, title: run.name }, run.name),
          h("span.muted", { title: run.source }, run.source),
        ),
        h("td.progress", {}, this.progress(run)),
        h(
          `td.best${run.best ? "" : ".none"}`,
          {},
          run.best ? [h("strong", {}, run.best), h("span.muted", { title: run.monitor }, run.monitor)] : "–",
        ),
        h(`td.duration${run.started_at ? "" : ".none"}`, {}, since(run.started_at, run.ended_at)),
        h("td.submitted.muted", {}, ago(run.created_at)),
      );
    }

    progress(run) {
      if (run.note) return h("span.muted", { title: run.note }, run.note);
      return [
        h(
          "div.row",
          {},
          h("span", {}, run.phase, run.fraction != null && ` ${Math.floor(run.fraction * 100)} %`),
          h("span.muted", {}, run.eta),
        ),
        bar(run.fraction, `Progress of ${run.name}`),
      ];
    }
  },
);
