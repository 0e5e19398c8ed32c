// <rr-runs>: tables of runs; a row opens its run, and becomes a card where the page is narrow. Selected runs are
// compared, stopped or deleted together; the selection lives here, over all updates, and ends with the runs it names.

const ENDED = new Set(["succeeded", "failed", "stopped"]);
const MOST_COMPARED = 6;

define(
  "rr-runs",
  class extends Widget {
    render({ sections, empty }) {
      const filled = sections.filter((section) => section.rows.length);
      if (!filled.length) return h("div.blank", {}, h("strong", {}, empty.title), h("p", {}, empty.text));
      const rows = filled.flatMap((section) => section.rows);
      this.selected = new Set(rows.map((row) => row.run_id).filter((id) => this.selected?.has(id)));
      return h(
        "div.runs",
        {},
        filled.map((section) => this.section(section)),
        this.selected.size > 0 && this.actions(rows.filter((row) => this.selected.has(row.run_id))),
      );
    }

    // Below the tables and stuck to the window's edge: selecting moves nothing.
    actions(rows) {
      const ids = (fits) => rows.filter(fits).map((row) => row.run_id);
      const ended = (row) => ENDED.has(row.status);
      const act = (verb, label, chosen, most = Infinity) => {
        const off = !chosen.length || chosen.length > most;
        const title = chosen.length > most ? `At most ${most} runs` : null;
        const props = { type: "button", disabled: off, title, onclick: () => this.emit("act", { verb, runs: chosen }) };
        return h("button.press", props, label);
      };
      return h(
        "div.actions",
        { role: "toolbar", "aria-label": "Selected runs", "data-key": "actions" },
        h("strong", { role: "status" }, `${rows.length} selected`),
        act("compare", "Compare", ids((row) => row.comparable), MOST_COMPARED),
        act("stop", "Stop …", ids((row) => !ended(row) && row.status !== "stopping")),
        act("delete", "Delete …", ids(ended)),
        h("span.grow"),
        h("button.ghost", { type: "button", onclick: () => this.select(rows, false) }, "Clear"),
      );
    }

    select(rows, wanted) {
      for (const { run_id } of rows) wanted ? this.selected.add(run_id) : this.selected.delete(run_id);
      this.paint();
    }

    // What is checked follows the selection, not the other way round.
    paint() {
      super.paint();
      for (const box of this.shadowRoot.querySelectorAll("[data-checked]")) {
        box.checked = box.dataset.checked === "all";
        box.indeterminate = box.dataset.checked === "some";
      }
    }

    box(rows, label) {
      const count = rows.filter((row) => this.selected.has(row.run_id)).length;
      const checked = count === 0 ? "none" : count === rows.length ? "all" : "some";
      return h("input", {
        type: "checkbox",
        "aria-label": label,
        "data-checked": checked,
        onchange: (event) => this.select(rows, event.target.checked),
      });
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
              h("th.pick", { scope: "col" }, this.box(rows, `Select all runs of ${title}`)),
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
        if (event.target.closest(".pick") || event.ctrlKey || event.metaKey || event.shiftKey || getSelection()?.toString()) return;
        event.preventDefault();
        this.emit("open", run.run_id);
      };
      return h(
        "tr",
        { "data-key": run.run_id, "data-testid": "run-row", "data-run-id": run.run_id, onclick: open },
        h("td.pick", {}, h("label", {}, this.box([run], `Select ${run.name}`))),
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
