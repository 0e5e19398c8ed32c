// One chart of a few lines over a common axis, drawn as SVG from plain arrays.

const PLOT = { height: 210, left: 52, right: 14, top: 10, bottom: 26 };
const DASHES = [null, "7 4", "2 3", "9 3 2 3"];
const AXIS_NAMES = { step: "step", epoch: "epoch", time: "time" };

const lineColor = (index) => `var(--c${index % 8})`;
const finiteOnly = (values) => values.filter((value) => Number.isFinite(value));

function layout(lines, width, { zoom, log, whole }) {
  const xs = finiteOnly(lines.flatMap((line) => line.xs));
  const domain = zoom ?? [Math.min(...xs), Math.max(...xs)];
  const inside = lines.flatMap((line) =>
    line.ys.filter((y, i) => Number.isFinite(y) && line.xs[i] >= domain[0] && line.xs[i] <= domain[1]),
  );
  const positive = log && inside.some((y) => y > 0);
  const shown = positive ? inside.filter((y) => y > 0) : inside;
  const [low, high] = shown.length ? [Math.min(...shown), Math.max(...shown)] : [0, 1];
  const pad = (high - low) * 0.06;
  const vertical = [PLOT.height - PLOT.bottom, PLOT.top];
  return {
    x: linear(domain, [PLOT.left, width - PLOT.right], { whole: whole && !zoom }),
    y: positive
      ? logarithmic([low, high === low ? low * 10 : high], vertical)
      : linear([low - pad, high + pad], vertical),
    log: positive,
  };
}

function pathOf(xs, ys, { x, y, log }) {
  let pen = "M";
  let path = "";
  ys.forEach((value, i) => {
    if (!Number.isFinite(value) || (log && value <= 0)) return (pen = "M");
    path += `${pen}${x(xs[i]).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

function axes({ x, y }, width, axis) {
  const bottom = PLOT.height - PLOT.bottom;
  const label = axis === "time" ? durationText : tickText;
  return h(
    "g.axes",
    { "aria-hidden": "true" },
    y
      .ticks(4)
      .map((value) =>
        h(
          "g",
          {},
          h("line.grid", { x1: PLOT.left, x2: width - PLOT.right, y1: y(value), y2: y(value) }),
          h("text", { x: PLOT.left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value)),
        ),
      ),
    x
      .ticks(Math.max(2, Math.floor(width / 90)))
      .map((value) => h("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, label(value))),
    h("line.base", { x1: PLOT.left, x2: width - PLOT.right, y1: bottom, y2: bottom }),
  );
}

function curve(line, scales) {
  const points = line.xs.map((value, i) => [value, line.ys[i]]).filter(([, value]) => Number.isFinite(value));
  const style = `stroke:${lineColor(line.color)}`;
  return h(
    "g",
    { "data-key": line.name },
    line.raw && h("path.raw", { d: pathOf(line.xs, line.raw, scales), style }),
    h("path.curve", {
      d: pathOf(line.xs, line.ys, scales),
      style,
      "stroke-dasharray": DASHES[line.dash] ?? null,
      "data-testid": "curve",
      "data-name": line.name,
      "data-points": points.length,
      "data-step": line.steps.at(-1) ?? null,
    }),
    points.length <= 40 &&
      points.map(([px, py]) =>
        scales.log && py <= 0
          ? null
          : h("circle.dot", {
              cx: scales.x(px),
              cy: scales.y(py),
              r: 2.4,
              style: `fill:${lineColor(line.color)}`,
            }),
      ),
  );
}

function bestMark(line, scales) {
  if (!line.best) return null;
  const index = line.steps.indexOf(line.best.step);
  const at = line.xs[index];
  if (index < 0 || at == null || at < scales.x.domain[0] || at > scales.x.domain[1]) return null;
  const [cx, cy] = [scales.x(at), scales.y(line.best.value)];
  return h(
    "g.best",
    { "data-testid": "best-point" },
    h("title", {}, `Best ${line.name}: ${numberText(line.best.value)} at step ${line.best.step}`),
    h("circle", { cx, cy, r: 6.5, style: `stroke:${lineColor(line.color)}` }),
    h("circle.core", { cx, cy, r: 2.6, style: `fill:${lineColor(line.color)}` }),
  );
}

// Index of the point nearest to `at` on a line, or -1.
function nearest(xs, ys, at) {
  let best = -1;
  xs.forEach((x, i) => {
    if (x == null || !Number.isFinite(ys[i])) return;
    if (best < 0 || Math.abs(x - at) < Math.abs(xs[best] - at)) best = i;
  });
  return best;
}
