// <rr-notice>: what a person must know, as a sentence: a failed run, a preflight finding, an error at a field, the app being away.

const NOTICE_MARKS = { ok: "✓", info: "i", warn: "!", error: "✕", wait: "" };

define(
  "rr-notice",
  class extends Widget {
    render({ items, compact }) {
      this.toggleAttribute(
        "floating",
        items.some((item) => item.level === "wait"),
      );
      return h(
        `div.notices${compact ? ".compact" : ""}`,
        {},
        items.map((item) => notice(item, (id) => this.emit("press", id))),
      );
    }
  },
);

function notice({ level, text, hint, lines, code, buttons }, press) {
  const role = level === "error" ? "alert" : "status";
  return h(
    `div.notice.${level}`,
    { role, "data-testid": `notice-${level}`, "data-code": code },
    h("span.mark", { "aria-hidden": "true" }, NOTICE_MARKS[level] ?? "i"),
    h(
      "div",
      {},
      h("p.text", {}, prose(text)),
      hint && h("p.hint", {}, prose(hint)),
      buttons?.length > 0 &&
        h(
          "div.buttons",
          {},
          buttons.map(({ id, label, main }) =>
            h(`button.press${main ? ".main" : ""}`, { type: "button", onclick: () => press(id) }, label),
          ),
        ),
    ),
    code && level === "error" && h("code.tag", { title: "Error code" }, code),
    lines?.length > 0 &&
      h("pre.lines", { tabindex: "0", "aria-label": "The lines that show it" }, lines.join("\n")),
  );
}
