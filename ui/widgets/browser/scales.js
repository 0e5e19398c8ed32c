// Numbers to pixels and back, and the round numbers in between.

function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const rest = raw / power;
  return power * (rest >= 7 ? 10 : rest >= 3.2 ? 5 : rest >= 1.4 ? 2 : 1) || 1;
}

function linear([from, to], [start, end], { whole = false } = {}) {
  if (from === to)
    [from, to] = whole
      ? [from - 1, to + 1]
      : [from - (Math.abs(from) || 1) * 0.1, to + (Math.abs(to) || 1) * 0.1];
  const scale = (value) => start + ((value - from) / (to - from)) * (end - start);
  scale.invert = (pixel) => from + ((pixel - start) / (end - start)) * (to - from);
  scale.domain = [from, to];
  scale.ticks = (count) => {
    const step = Math.max(niceStep(to - from, count), whole ? 1 : 0);
    const first = Math.ceil(from / step - 1e-9);
    const last = Math.floor(to / step + 1e-9);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
  };
  return scale;
}

function logarithmic([from, to], range) {
  const inner = linear([Math.log10(from), Math.log10(to)], range);
  const scale = (value) => inner(Math.log10(value));
  scale.domain = [from, to];
  scale.ticks = (count) => {
    const decades = inner
      .ticks(count)
      .filter(Number.isInteger)
      .map((n) => 10 ** n);
    return decades.length > 1
      ? decades
      : linear([from, to], range)
          .ticks(count)
          .filter((n) => n > 0);
  };
  return scale;
}

const tickText = (value) => {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e6 || size < 1e-3) return value.toExponential(0).replace("e+", "e");
  if (size >= 1e4) return `${+(value / 1000).toFixed(1)}k`;
  return String(+value.toPrecision(4));
};

// An average that forgets, corrected for its start, so that the first points are not pulled to zero.
function smooth(values, weight) {
  if (!weight) return values;
  let average = 0;
  let mass = 0;
  return values.map((value) => {
    if (value == null) return null;
    average = average * weight + value * (1 - weight);
    mass = mass * weight + (1 - weight);
    return average / mass;
  });
}
