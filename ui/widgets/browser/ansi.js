// Terminal colours as spans; every other control sequence is gone before it comes here.

const SGR = /\x1b\[([\d;]*)m/g;
const ANSI_NAMES = ["black", "red", "green", "yellow", "blue", "violet", "cyan", "white"];

function ansiSpans(text) {
  if (!text.includes("\x1b")) return [text];
  const spans = [];
  let classes = new Set();
  let last = 0;
  for (const match of text.matchAll(SGR)) {
    spans.push(span(text.slice(last, match.index), classes));
    classes = applied(classes, match[1]);
    last = match.index + match[0].length;
  }
  spans.push(span(text.slice(last), classes));
  return spans.filter(Boolean);
}

const span = (text, classes) =>
  text && (classes.size ? h("span", { class: [...classes].join(" ") }, text) : text);

function applied(classes, codes) {
  const next = new Set(classes);
  for (const code of (codes || "0").split(";").map(Number)) {
    if (code === 0) next.clear();
    else if (code === 1) next.add("bold");
    else if (code === 22) next.delete("bold");
    else if (code === 39) dropColors(next);
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
      (dropColors(next), next.add(`ansi-${ANSI_NAMES[code % 10]}`));
    else if (code === 38 || code === 48) break;
  }
  return next;
}

const dropColors = (classes) => classes.forEach((name) => name.startsWith("ansi-") && classes.delete(name));
