// <rr-arguments>: a script's own arguments as fields; a change is sent, and comes back as the line's new value.

const FEW_FIELDS = 12;
const PATTERNS = { int: "[+\\-]?[0-9_]+", float: "[+\\-]?([0-9_]+\\.?[0-9]*|\\.[0-9]+)([eE][+\\-]?[0-9]+)?|[+\\-]?inf|nan" };

const typed = (field, props, send) =>
  h("input", {
    ...props,
    type: "text",
    inputmode: field.kind in PATTERNS ? "decimal" : null,
    pattern: PATTERNS[field.kind],
    placeholder: field.placeholder,
    autocomplete: "off",
    spellcheck: "false",
    oninput: (event) => (event.target.dirty = true),
    onchange: (event) => {
      event.target.dirty = false;
      send(event.target.value.trim());
    },
  });

const CONTROLS = {
  text: typed,
  switch: (field, props, send) =>
    h("input", {
      ...props,
      type: "checkbox",
      role: "switch",
      onchange: (event) => send(event.target.checked ? "on" : "off"),
    }),
  choice: (field, props, send) =>
    h(
      "select",
      { ...props, onchange: (event) => send(event.target.value) },
      h("option", { value: "" }, field.required ? "choose" : `default: ${field.placeholder}`),
      [...new Set([...field.choices, field.value].filter(Boolean))].map((name) => h("option", { value: name }, name)),
    ),
};

define(
  "rr-arguments",
  class extends Widget {
    start() {
      this.edits = 0;
      this.unheard = [];
    }

    render({ title, note, fields, picker, edits }) {
      this.edits = Math.max(this.edits, edits);
      this.unheard = this.unheard.filter(({ number }) => number > edits);
      const { query = "", all = false } = this.state;
      const many = fields.length > FEW_FIELDS;
      const found = fields.filter((field) => `${field.name} ${field.help}`.toLowerCase().includes(query));
      const near = (field, index) => all || query || index < FEW_FIELDS || field.given || field.required;
      const shown = found.filter(near);
      return h(
        "section.card.arguments",
        { "aria-label": title },
        h(
          "div.row.head",
          {},
          h("h2", {}, title),
          many &&
            h("input", {
              type: "search",
              placeholder: `Filter ${fields.length}`,
              "aria-label": "Filter arguments",
              oninput: (event) => this.choose({ query: event.target.value.trim().toLowerCase() }),
            }),
        ),
        picker.options.length > 0 && this.picker(picker),
        h("p.muted.note", {}, note),
        h(
          "div.fields",
          {},
          shown.map((field) => this.field(field)),
        ),
        !shown.length && query && h("p.muted", {}, "No argument matches."),
        found.length > shown.length &&
          h("button.ghost", { type: "button", onclick: () => this.choose({ all: true }) }, `Show all ${found.length}`),
      );
    }

    // Said again with the next one until it is heard.
    change(name, value) {
      this.unheard.push({ number: ++this.edits, name, value });
      this.emit("edit", [...this.unheard]);
    }

    picker({ options, value }) {
      const pick = (name) => name !== value && this.change("", name);
      return h(
        "div.subcommands",
        { role: "group", "aria-label": "Subcommand" },
        options.map((name) =>
          h("button.press", { type: "button", "aria-pressed": String(name === value), onclick: () => pick(name) }, name),
        ),
      );
    }

    field(field) {
      const id = `argument-${field.name}`;
      const props = { id, title: field.hint, "aria-required": String(field.required), "data-value": field.value };
      const send = (value) => value !== field.value && this.change(field.name, value);
      return h(
        `div.field${field.given ? ".given" : ""}${field.kind === "switch" ? ".flag" : ""}`,
        { "data-key": field.name },
        h(
          "label",
          { for: id, title: field.hint },
          h("span.name", {}, field.label),
          field.required && h("span.needed", { title: "required", "aria-hidden": "true" }, "*"),
          field.kind !== "switch" && h("span.type", { "aria-hidden": "true" }, field.type),
        ),
        CONTROLS[field.kind in CONTROLS ? field.kind : "text"](field, props, send),
        field.help && h("p.help", { title: field.help }, field.help),
      );
    }

    // What a person is typing stays; everything else shows what the line says.
    paint() {
      super.paint();
      for (const node of this.shadowRoot.querySelectorAll("[data-value]")) {
        if (node === this.shadowRoot.activeElement && node.dirty) continue;
        if (node.type === "checkbox") node.checked = node.dataset.value === "on";
        else node.value = node.dataset.value;
        node.dirty = false;
      }
    }
  },
);
