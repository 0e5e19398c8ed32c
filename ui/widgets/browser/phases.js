// <rr-phases>: the four phases with their times, the progress of the present one, and the figures of the run.

const PHASE_MARKS = { done: "✓", failed: "✕", stopped: "■" };

define(
  "rr-phases",
  class extends Widget {
    render({ phases, line, eta, stages, figures }) {
      return h(
        "section.card.phases",
        { "aria-label": "Progress" },
        h(
          "ol",
          {},
          phases.map((phase) => this.phase(phase)),
        ),
        (line || eta) &&
          h(
            "p.line",
            { "data-testid": "progress-line" },
            h("span", {}, line),
            eta && h("span.muted", {}, eta),
          ),
        stages.length > 0 &&
          h(
            "ul.stages",
            { "aria-label": "Stages of the training" },
            stages.map(({ name, time, active }) =>
              h(
                `li${active ? ".now" : ""}`,
                { "data-testid": `stage-${name}`, "aria-current": active ? "step" : null },
                h("span.name", {}, name),
                h("span.time", {}, time),
              ),
            ),
          ),
        figures.length > 0 &&
          h(
            "div.figures",
            {},
            figures.map((figure) => this.figure(figure)),
          ),
      );
    }

    phase({ name, state, started_at, ended_at, fraction }) {
      return h(
        `li.${state}`,
        {
          "data-testid": `phase-${name}`,
          "data-state": state,
          "aria-current": state === "active" ? "step" : null,
        },
        bar({ done: 1, active: fraction, failed: 1, stopped: 1, todo: 0 }[state], name),
        h("span.name", {}, h("span.mark", { "aria-hidden": "true" }, PHASE_MARKS[state] ?? ""), name),
        h(
          "span.time",
          {},
          started_at ? since(started_at, ended_at) : "",
          state === "active" && fraction != null ? ` · ${Math.floor(fraction * 100)} %` : "",
        ),
      );
    }

    figure({ name, value, note, since: start, until }) {
      return h(
        "div.figure",
        { "data-testid": `figure-${name}` },
        h("span.label", {}, name),
        h("strong", {}, start ? since(start, until) : value),
        note && h("span.muted", { title: note }, note),
      );
    }
  },
);
