// <rr-checkpoints>: the best checkpoint with its download, how to load it, and all others.

define(
  "rr-checkpoints",
  class extends Widget {
    render({ best, others, empty }) {
      return h(
        "section.card.checkpoint",
        { "aria-label": "Best checkpoint", "data-testid": "best-checkpoint" },
        h("h2", {}, "Best checkpoint"),
        best ? this.best(best) : h("p.empty", {}, empty),
        others.length > 0 && this.others(others),
      );
    }

    best(best) {
      return h(
        "div",
        {},
        h(
          "div.score",
          {},
          h("strong", { "data-testid": "best-score" }, best.score),
          h(
            "span.muted",
            {},
            best.monitor ? `${best.monitor}${best.mode ? `, ${best.mode}imum` : ""}` : "no metric monitored",
          ),
        ),
        h(
          "p.muted",
          {},
          [
            best.epoch != null && `epoch=${best.epoch}`,
            best.step != null && `step=${best.step}`,
            sizeText(best.size_bytes),
          ]
            .filter(Boolean)
            .join(" · "),
          " · saved ",
          ago(best.saved_at),
        ),
        h(
          "a.button",
          { href: best.download, download: true, "data-testid": "download-best" },
          "Download ",
          best.name,
        ),
        h(
          "dl",
          {},
          h("dt", {}, "sha256"),
          h(
            "dd",
            { "data-testid": "best-sha256", "data-value": best.sha256 },
            copyable(best.sha256, `${best.sha256.slice(0, 16)}…`, "sha256"),
          ),
          h("dt", {}, "Path"),
          h("dd", {}, copyable(best.path, best.short_path, "path")),
        ),
        h(
          "div.snippet",
          {},
          h("div.row", {}, h("span.muted", {}, "Load it"), copyable(best.snippet, "Copy", "snippet")),
          h("pre", { tabindex: "0" }, best.snippet),
        ),
      );
    }

    others(others) {
      return h(
        "details",
        {},
        h("summary", {}, `All checkpoints (${others.length})`),
        h(
          "ul.plain",
          {},
          others.map((one) =>
            h(
              "li",
              {},
              h("a", { href: one.download, download: true, title: one.sha256 }, one.name),
              h(
                "span.muted",
                {},
                [one.is_best && "best", one.is_last && "last", one.score, sizeText(one.size_bytes)]
                  .filter(Boolean)
                  .join(" · "),
              ),
            ),
          ),
        ),
      );
    }
  },
);
