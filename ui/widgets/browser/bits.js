// Small things used everywhere: times that tell themselves, ids that copy themselves, status marks, durations.

const two = (n) => String(n).padStart(2, "0");

function durationText(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function agoText(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  const days = Math.floor(seconds / 86400);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

function numberText(value) {
  if (value == null) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return value.toExponential(3).replace(/\.?0+e/, "e");
  return value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(size))));
}

function sizeText(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  for (; bytes >= 1000 && i < units.length - 1; i++) bytes /= 1000;
  return `${i && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[i]}`;
}

// A sentence whose `names` and `commands` are set as such.
const prose = (text) => text.split(/`([^`\n]+)`/).map((part, i) => (i % 2 ? h("code", {}, part) : part));

// <rr-time datetime mode="ago|since" until>: relative, the exact local time on hover, ticking without the server.
define(
  "rr-time",
  class extends HTMLElement {
    static observedAttributes = ["datetime", "until", "mode"];
    static clock = setInterval(() => document.dispatchEvent(new Event("rr-tick")), 1000);
    tick = () => this.show();

    connectedCallback() {
      document.addEventListener("rr-tick", this.tick);
      this.show();
    }

    disconnectedCallback() {
      document.removeEventListener("rr-tick", this.tick);
    }

    attributeChangedCallback() {
      if (this.isConnected) this.show();
    }

    show() {
      const start = new Date(this.getAttribute("datetime"));
      const until = this.getAttribute("until");
      const seconds = ((until ? new Date(until) : new Date()) - start) / 1000;
      const text = this.getAttribute("mode") === "since" ? durationText(seconds) : agoText(seconds);
      if (this.textContent !== text) this.textContent = text;
      this.title = start.toLocaleString() + (until ? ` to ${new Date(until).toLocaleString()}` : "");
    }
  },
);

const ago = (iso) => (iso ? h("rr-time", { datetime: iso, mode: "ago" }) : "–");
const since = (iso, until) => (iso ? h("rr-time", { datetime: iso, until, mode: "since" }) : "–");

// A short form of a long value; a click copies the long one.
function copyable(value, label = value, what = "value") {
  const copy = async (event) => {
    const button = event.currentTarget;
    await copyText(value);
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 1200);
  };
  return h(
    "button.copy",
    {
      type: "button",
      title: `${value}\nClick to copy`,
      "aria-label": `Copy ${what} ${value}`,
      onclick: copy,
    },
    label,
    copyIcon(),
  );
}

// The clipboard interface is closed to frames of another origin, which we are inside the app's page.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// Two sheets of paper; drawn, because not every font has a sign for copying.
const copyIcon = () =>
  h(
    "svg.icon",
    { viewBox: "0 0 16 16", width: 13, height: 13, "aria-hidden": "true" },
    h("rect", { x: 5.5, y: 5.5, width: 8, height: 8, rx: 1.5 }),
    h("path", { d: "M10.5 3.5v-.5a1.5 1.5 0 0 0-1.5-1.5H4A1.5 1.5 0 0 0 2.5 3v5A1.5 1.5 0 0 0 4 9.5" }),
  );

const STATUS_MARKS = { pending: "◷", running: "●", succeeded: "✓", failed: "✕", stopped: "■", stopping: "■" };

function pill(status) {
  return h(
    `span.pill.${status}`,
    { "data-testid": "run-status" },
    h("span.mark", { "aria-hidden": "true" }, STATUS_MARKS[status] ?? "•"),
    status,
  );
}

function bar(fraction, label) {
  const known = fraction != null;
  const props = { role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 };
  if (known) props["aria-valuenow"] = Math.round(fraction * 100);
  const width = known ? `${Math.min(100, Math.max(1.5, fraction * 100)).toFixed(1)}%` : "40%";
  return h(`div.bar${known ? "" : ".unknown"}`, props, h("i", { style: `width:${width}` }));
}

// A curve in a few values, as high as a line of text; what it is called is its label.
function sparkline(values, label) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => (high === low ? 11 : 20 - ((value - low) / (high - low)) * 18);
  const path = values.map((v, i) => `${((i / (values.length - 1)) * 84 + 2).toFixed(1)} ${y(v).toFixed(1)}`);
  const last = values.at(-1);
  return h(
    "svg.spark",
    { viewBox: "0 0 88 22", width: 88, height: 22, role: "img", "aria-label": label },
    h("title", {}, label),
    h("path", { d: `M${path.join("L")}` }),
    h("circle", { cx: 86, cy: y(last).toFixed(1), r: 2 }),
  );
}

const external = (url, label, title) =>
  url
    ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer", title }, label)
    : h("span", { title }, label);
