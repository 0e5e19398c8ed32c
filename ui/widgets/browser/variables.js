// <rr-variables>: a run's variables, a row each. What is typed is this page's until the app has it; a secret only goes out.

const EDITED_AFTER_MS = 700;
const VARIABLE_LINE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(?:"(.*)"|'(.*)'|(.*?))\s*$/;
const VARIABLE_KINDS = { plain: "plain", secret: "secret", operator: "operator's" };

define(
  "rr-variables",
  class extends Widget {
    start() {
      this.rows = [];
      this.edits = 0;
    }

    render({ rows, edits, offered }) {
      if (edits >= this.edits) [this.rows, this.edits] = [rows.map((row) => ({ ...row })), edits];
      const kinds = Object.keys(VARIABLE_KINDS).filter((kind) => kind !== "operator" || offered.length);
      const add = (kind, text) =>
        h("button.press", { type: "button", onclick: () => this.add(kind) }, text);
      return h(
        "section.variables",
        { role: "group", "aria-label": "Variables and secrets" },
        h("p.title", {}, "Variables and secrets"),
        this.rows.map((row) => this.row(row, kinds, offered)),
        h(
          "div.buttons",
          {},
          add("plain", "Add a variable"),
          add("secret", "Add a secret"),
          offered.length > 0 && add("operator", "Use one of the operator's"),
        ),
      );
    }

    row(row, kinds, offered) {
      const whose = row.name || "the new variable";
      return h(
        `div.variable${row.error ? ".wrong" : ""}`,
        { "data-key": row.row, "data-testid": "variable", "data-name": row.name },
        h("input.name", {
          ...this.typed(row, "name"),
          "aria-label": "Name of a variable",
          placeholder: "NAME",
          onpaste: (event) => this.paste(event, row),
        }),
        h(
          "select.kind",
          {
            "data-field": "kind",
            "aria-label": `Kind of ${whose}`,
            disabled: row.forced,
            title: row.forced ? "A name like this means a secret" : null,
            onchange: (event) => this.edit(row, { kind: event.target.value, value: "" }),
          },
          kinds.map((kind) => h("option", { value: kind }, VARIABLE_KINDS[kind])),
        ),
        row.kind === "operator" ? this.offer(row, whose, offered) : this.value(row, whose),
        h(
          "button.remove",
          { type: "button", "aria-label": `Remove ${whose}`, title: "Remove", onclick: () => this.remove(row) },
          "×",
        ),
        row.error && h("p.error", { role: "alert" }, row.error),
        row.note && h("p.note", {}, row.note),
      );
    }

    value(row, whose) {
      const secret = row.kind === "secret";
      return h("input.value", {
        ...this.typed(row, "value"),
        type: secret ? "password" : "text",
        autocomplete: secret ? "new-password" : "off",
        "aria-label": `Value of ${whose}`,
        placeholder: secret ? (row.given ? "given, never shown again" : "write it, it is sealed") : "value",
      });
    }

    offer(row, whose, offered) {
      return h(
        "select.value",
        {
          "data-field": "value",
          "aria-label": `The operator's variable for ${whose}`,
          onchange: (event) => this.edit(row, { value: event.target.value }),
        },
        h("option", { value: "" }, "choose"),
        [...new Set([...offered, row.value].filter(Boolean))].map((name) => h("option", { value: name }, name)),
      );
    }

    typed(row, field) {
      const note = (event, soon) => this.edit(row, { [field]: event.target.value }, soon);
      return {
        type: "text",
        "data-field": field,
        "aria-invalid": String(Boolean(row.error)),
        autocomplete: "off",
        spellcheck: "false",
        oninput: (event) => note(event, true),
        onchange: (event) => note(event, false),
      };
    }

    // Lines of an .env file become rows.
    paste(event, row) {
      const lines = event.clipboardData.getData("text").split("\n").filter((line) => line.trim());
      const found = lines.map((line) => line.match(VARIABLE_LINE)).filter(Boolean);
      if (!found.length) return;
      event.preventDefault();
      const rows = found.map(([, name, ...values]) => this.fresh(row.kind, name, values.find((v) => v != null)));
      this.rows.splice(this.rows.indexOf(row), 1, ...rows);
      this.edited();
    }

    add(kind) {
      const row = this.fresh(kind);
      this.rows.push(row);
      this.edited();
      this.shadowRoot.querySelector(`[data-key="${row.row}"] .name`).focus();
    }

    fresh(kind, name = "", value = "") {
      const number = crypto.getRandomValues(new Uint32Array(1))[0];
      return { row: `row-${number}`, name, kind: kind === "operator" && value ? "plain" : kind, value };
    }

    remove(row) {
      this.rows.splice(this.rows.indexOf(row), 1);
      this.edited();
    }

    edit(row, change, soon = false) {
      const isNews = Object.entries(change).some(([name, value]) => row[name] !== value);
      if (!isNews && !this.timer) return;
      Object.assign(row, change);
      if (soon) this.later();
      else this.edited();
    }

    later() {
      this.edits += 1;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.send(), EDITED_AFTER_MS);
    }

    edited() {
      this.edits += 1;
      this.paint();
      this.send();
    }

    // All rows: the last edit says it all.
    send() {
      this.timer = clearTimeout(this.timer);
      const rows = this.rows.map(({ row, name, kind, value }) => ({ row, name, kind, value }));
      this.emit("edit", { edits: this.edits, rows });
    }

    // What a person is typing stays; a secret leaves its field once the app has it.
    paint() {
      super.paint();
      for (const node of this.shadowRoot.querySelectorAll("[data-field]")) {
        const row = this.rows.find((one) => one.row === node.closest("[data-key]").dataset.key);
        if (node !== this.shadowRoot.activeElement || node.localName === "select")
          if (node.value !== row[node.dataset.field]) node.value = row[node.dataset.field];
      }
    }
  },
);
