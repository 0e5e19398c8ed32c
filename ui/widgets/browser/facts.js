// <rr-facts>: a titled list of names and values; a value may be copyable, a link, a size, a time or a command.

define(
  "rr-facts",
  class extends Widget {
    render({ title, facts, folded }) {
      const list = h(
        "dl",
        {},
        facts.map((fact) => factRow(fact)),
      );
      if (folded) return h("details.card", {}, h("summary", {}, title), list);
      return h("section.card", { "aria-label": title }, h("h2", {}, title), list);
    }
  },
);

function factRow(fact) {
  const wide = fact.kind === "code" && fact.value ? ".wide" : "";
  return [
    h(`dt${wide}`, {}, fact.name),
    h(`dd${wide}`, { "data-testid": `fact-${fact.name}` }, factValue(fact)),
  ];
}

function factValue({ kind, value, label, link, note, warn }) {
  if (value == null || value === "") return h("span.muted", {}, "–");
  if (kind === "copy") return copyable(value, label ?? value);
  if (kind === "link") return external(link, label ?? value, value);
  if (kind === "ago") return ago(value);
  if (kind === "code") return h("code.block", {}, words(value));
  if (kind === "noted") return [value, note && h(`span.note${warn ? ".warn" : ""}`, {}, note)];
  if (kind === "meter") return [bar(value, label), h("span.muted", {}, label)];
  return String(value);
}

// A line breaks between words and not after the hyphens of an option. Declared, not assigned: an element that is on the
// page already is drawn while this file is still being read.
function words(text) {
  return text.split(/(\s+)/).map((part) => (part.trim() ? h("span.word", {}, part) : part));
}

// <rr-json>: a value as text; it keeps its scroll position while it changes.
define(
  "rr-json",
  class extends Widget {
    render({ title, note, value }) {
      return h(
        "section.card",
        { "aria-label": title },
        h("h2", {}, title),
        note && h("p.muted", {}, note),
        h(
          "pre.json",
          { tabindex: "0", "data-testid": "json", "aria-label": title },
          JSON.stringify(value, null, 2),
        ),
      );
    }
  },
);
