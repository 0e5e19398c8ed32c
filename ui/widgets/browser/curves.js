// <rr-curves>: the metrics of a run (or of several), one chart for train and validation of a metric, over a chosen axis.

define(
  "rr-curves",
  class extends Widget {
    start() {
      this.state = { axis: "step", smoothing: 0, log: false, zoom: null, hover: null };
      new ResizeObserver(() => this.data && this.paint()).observe(this);
    }

    render({ groups, empty, controls = true, title, axis }) {
      if (axis) this.state.axis = axis;
      if (!groups.length) return h("div.blank", {}, h("strong", {}, empty.title), h("p", {}, empty.text));
      return h(
        "section.curves",
        { "aria-label": title ?? "Curves" },
        title && h("h2", {}, title),
        controls && this.toolbar(groups),
        h(
          "div.panels",
          {},
          groups.map((group) => this.panel(group)),
        ),
      );
    }

    toolbar(groups) {
      const { axis, smoothing, log, zoom } = this.state;
      const axes = Object.keys(AXIS_NAMES).filter(
        (name) =>
          name !== "epoch" || groups.some((g) => g.lines.some((l) => l.epochs.some((e) => e != null))),
      );
      return h(
        "div.toolbar",
        { role: "group", "aria-label": "Charts" },
        h(
          "div.choice",
          { role: "group", "aria-label": "Horizontal axis" },
          axes.map((name) =>
            h(
              "button",
              {
                type: "button",
                "aria-pressed": String(axis === name),
                onclick: () => (this.choose({ axis: name, hover: null }), this.zoom(null)),
              },
              AXIS_NAMES[name],
            ),
          ),
        ),
        h(
          "label",
          {},
          "Smoothing",
          h("input", {
            type: "range",
            min: 0,
            max: 0.95,
            step: 0.05,
            value: smoothing,
            oninput: (e) => this.choose({ smoothing: +e.target.value }),
          }),
        ),
        h(
          "label",
          {},
          h("input", {
            type: "checkbox",
            onchange: (e) => this.choose({ log: e.target.checked }),
            checked: log,
          }),
          "Log scale",
        ),
        zoom
          ? h("button.ghost", { type: "button", onclick: () => this.zoom(null) }, "Reset zoom")
          : h("span.muted.hint", {}, "Drag across a chart to zoom"),
      );
    }

    panel(group) {
      const lines = group.lines.map((line) => this.line(this.finest(line)));
      return h(
        "figure.panel",
        { "data-key": group.name, "data-testid": "chart", "data-metric": group.name },
        h(
          "figcaption",
          {},
          h("strong", { title: group.name }, group.name),
          h(
            "span.legend",
            {},
            lines.map((line) => this.legend(line)),
          ),
        ),
        this.plot(group.name, lines),
      );
    }

    line(line) {
      const { axis, smoothing } = this.state;
      const xs = { step: line.steps, epoch: line.epochs, time: line.times }[axis];
      const smoothed = smooth(line.values, line.values.length > 8 ? smoothing : 0);
      return { ...line, xs, ys: smoothed, raw: smoothed === line.values ? null : line.values };
    }

    // Of the stretch that is zoomed into there may be more points than of the whole.
    finest(line) {
      const { fine } = this.data;
      const fits = fine && this.state.zoom && String(fine.range) === String(this.state.stretch);
      const { steps, epochs, times, values, numbers } = (fits && fine.lines[line.name]) || line;
      return { ...line, steps, epochs, times, values, numbers };
    }

    // Numbers of the first and last value that can be seen between two places of the axis.
    stretch([from, to]) {
      const ranges = this.data.groups
        .flatMap((group) => group.lines.map((line) => this.line(this.finest(line))))
        .filter((line) => line.numbers?.length)
        .map(({ xs, numbers }) => {
          const first = Math.max(0, xs.findIndex((x) => x >= from) - 1);
          const last = xs.findLastIndex((x) => x <= to) + 1;
          return [numbers[first] - 1, numbers[Math.min(last, numbers.length - 1)]];
        });
      if (!ranges.length) return [];
      return [Math.min(...ranges.map(([a]) => a)), Math.max(...ranges.map(([, b]) => b))];
    }

    zoom(zoom) {
      const stretch = zoom ? this.stretch(zoom) : [];
      const asked = "fine" in this.data && String(stretch) !== String(this.state.stretch ?? []);
      this.choose({ zoom, stretch, drag: null });
      if (asked) this.emit("zoom", stretch);
    }

    legend(line) {
      const shown =
        this.state.hover == null ? line.values.length - 1 : nearest(line.xs, line.values, this.state.hover);
      return h(
        "span.entry",
        { title: line.note ?? line.name },
        h("i.swatch", { style: `--line:${lineColor(line.color)}`, class: line.dash ? "dashed" : null }),
        h("span.name", {}, line.label),
        h("b", {}, numberText(line.values[shown])),
        line.broken > 0 &&
          h(
            "span.warn",
            { title: `${line.broken} values are not finite numbers (NaN or infinity)` },
            "⚠ NaN",
          ),
      );
    }

    plot(name, lines) {
      const panel = this.shadowRoot.querySelector(`[data-key="${CSS.escape(name)}"]`);
      const width = Math.max(240, (panel?.clientWidth || this.clientWidth / 2) - 2);
      const scales = layout(lines, width, { ...this.state, whole: this.state.axis !== "time" });
      const hints = lines.map(
        (line) =>
          `${line.name}: ${line.total} points, latest ${numberText(line.values.at(-1))}${line.best ? `, best ${numberText(line.best.value)} at step ${line.best.step}` : ""}`,
      );
      return h(
        "svg",
        {
          role: "img",
          tabindex: "0",
          "aria-label": `${name}. ${hints.join(". ")}`,
          width,
          height: PLOT.height,
          viewBox: `0 0 ${width} ${PLOT.height}`,
          ...this.gestures(scales),
        },
        axes(scales, width, this.state.axis),
        h(
          "g",
          {},
          lines.map((line) => curve(line, scales)),
        ),
        h(
          "g",
          {},
          lines.map((line) => bestMark(line, scales)),
        ),
        this.cursor(scales, lines),
        this.selection(),
      );
    }

    cursor({ x, y, log }, lines) {
      const { hover } = this.state;
      if (hover == null || hover < x.domain[0] || hover > x.domain[1]) return null;
      const label =
        this.state.axis === "time"
          ? durationText(hover)
          : `${AXIS_NAMES[this.state.axis]} ${tickText(Math.round(hover))}`;
      return h(
        "g.cursor",
        { "aria-hidden": "true" },
        h("line", { x1: x(hover), x2: x(hover), y1: PLOT.top, y2: PLOT.height - PLOT.bottom }),
        h("text", { x: x(hover) + 5, y: PLOT.top + 9 }, label),
        lines.map((line) => {
          const i = nearest(line.xs, line.ys, hover);
          return (
            i >= 0 &&
            !(log && line.ys[i] <= 0) &&
            h("circle", {
              cx: x(line.xs[i]),
              cy: y(line.ys[i]),
              r: 3.6,
              style: `fill:${lineColor(line.color)}`,
            })
          );
        }),
      );
    }

    selection() {
      const { from, to } = this.state.drag ?? {};
      if (from == null || Math.abs(to - from) < 3) return null;
      return h("rect.selection", {
        x: Math.min(from, to),
        y: PLOT.top,
        width: Math.abs(to - from),
        height: PLOT.height - PLOT.top - PLOT.bottom,
      });
    }

    gestures({ x }) {
      const at = (e) => e.clientX - e.currentTarget.getBoundingClientRect().left;
      const clamp = (value) => Math.min(x.domain[1], Math.max(x.domain[0], value));
      const step = (x.domain[1] - x.domain[0]) / 50;
      const middle = () => this.state.hover ?? (x.domain[0] + x.domain[1]) / 2;
      return {
        onpointerdown: (e) =>
          e.button === 0 &&
          e.pointerType === "mouse" &&
          (e.currentTarget.setPointerCapture(e.pointerId), this.choose({ drag: { from: at(e), to: at(e) } })),
        onpointermove: (e) =>
          this.choose({
            hover: clamp(x.invert(at(e))),
            drag: this.state.drag && { ...this.state.drag, to: at(e) },
          }),
        onpointerup: () => this.finish(x),
        onpointerleave: () => !this.state.drag && this.choose({ hover: null }),
        ondblclick: () => this.zoom(null),
        onkeydown: (e) => {
          const move = { ArrowLeft: -step, ArrowRight: step }[e.key];
          if (e.key === "Escape") (this.choose({ hover: null }), this.zoom(null));
          if (e.key === "+") this.zoom([clamp(middle() - 12 * step), clamp(middle() + 12 * step)]);
          if (move)
            (e.preventDefault(), this.choose({ hover: clamp((this.state.hover ?? x.domain[0]) + move) }));
        },
      };
    }

    finish(x) {
      const { from, to } = this.state.drag ?? {};
      if (from != null && Math.abs(to - from) > 8)
        this.zoom([x.invert(Math.min(from, to)), x.invert(Math.max(from, to))]);
      else this.choose({ drag: null });
    }
  },
);
