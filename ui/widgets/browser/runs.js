// <rr-runs>: tables of runs; a row opens its run, and becomes a card where the page is narrow. Selected runs are
// compared, stopped or deleted together; the selection lives here, over all updates, and ends with the runs it names.

const ENDED = new Set(["succeeded", "failed", "stopped"]);
const MOST_COMPARED = 6;
// Columns, what they sort by, and in which direction first.
const COLUMNS = [
  ["Status", "status", ""],
  ["Run", "name", ""],
  ["Progress", null],
  ["Best score", "score", "-"],
  ["Duration", "duration", "-"],
  ["Submitted", "submitted", "-"],
];

define(
  "rr-runs",
  class extends Widget {
    render({ sections, sort, empty }) {
      const filled = sections.filter((section) => section.rows.length);
      if (!filled.length) return h("div.blank", {}, h("strong", {}, empty.title), h("p", {}, empty.text));
      const rows = filled.flatMap((section) => section.rows);
      this.selected = new Set(rows.map((row) => row.run_id).filter((id) => this.selected?.has(id)));
      return h(
        "div.runs",
        {},
        filled.map((section) => this.section(section, sort)),
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
        act("stop", "Stop …", ids((row) => row.may_stop && !ended(row) && row.status !== "stopping")),
        act("delete", "Delete …", ids((row) => row.may_delete && ended(row))),
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

    section({ title, note, rows }, sort) {
      return h(
        "section",
        { "data-key": title, "aria-label": title },
        h("h2", {}, title, note && h("span.muted.more", {}, note)),
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
              COLUMNS.map((column) => this.heading(...column, title === "Now" ? null : sort)),
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

    // What runs now is in the order in which it will end up being done; the rest in the order the person wants.
    heading(name, key, first, sort) {
      if (!key || !sort) return h("th", { scope: "col" }, name);
      const chosen = sort.replace("-", "") === key;
      const down = sort.startsWith("-");
      const next = chosen ? (down ? key : `-${key}`) : first + key;
      return h(
        "th",
        { scope: "col", "aria-sort": chosen ? (down ? "descending" : "ascending") : null },
        h(
          "button.sort",
          { type: "button", title: `Sort by ${name.toLowerCase()}`, onclick: () => this.emit("sort", next) },
          name,
          h("span", { "aria-hidden": "true" }, chosen ? (down ? " ↓" : " ↑") : " ↕"),
        ),
      );
    }

    row(run) {
      const open = (event) => {
        if (event.target.closest(".pick, button") || event.ctrlKey || event.metaKey || event.shiftKey || getSelection()?.toString()) return;
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
          this.source(run),
        ),
        h("td.progress", {}, this.progress(run)),
        h(
          `td.best${run.best || run.spark.length > 1 ? "" : ".none"}`,
          {},
          run.best && [h("strong", {}, run.best), h("span.muted", { title: run.monitor }, run.monitor)],
          run.spark.length > 1 && sparkline(run.spark, `${run.curve} over the run`),
          !run.best && run.spark.length < 2 && "–",
        ),
        h(`td.duration${run.started_at ? "" : ".none"}`, {}, since(run.started_at, run.ended_at)),
        h("td.submitted.muted", {}, ago(run.created_at), run.by && this.who(run.by)),
      );
    }

    source({ repository, commit, script }) {
      return h(
        "span.source.muted",
        { title: `${repository}@${commit} · ${script}` },
        h(
          "button.link",
          {
            type: "button",
            "aria-label": `Only runs of ${repository}`,
            title: `${repository}@${commit} · ${script}\nClick for the runs of this repository only`,
            onclick: () => this.emit("repository", repository),
          },
          repository,
        ),
        `@${commit} · ${script}`,
      );
    }

    who(name) {
      const props = { type: "button", title: "Click for the runs of this person", onclick: () => this.emit("who", name) };
      return h("span.who", {}, "by ", h("button.link", { ...props, "aria-label": `Only runs of ${name}` }, name));
    }

    progress(run) {
      if (run.note) return h("span.muted", { title: run.note }, prose(run.note));
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
