// <rr-picks>: what can be chosen for the field above: the likely ones as buttons, all of them in a list.

define(
  "rr-picks",
  class extends Widget {
    render({ label, groups, value, shown }) {
      const all = groups.flatMap((group) => group.options);
      const near = all.slice(0, shown);
      const pick = (name) => this.emit("pick", name);
      return h(
        "div.picks",
        { role: "group", "aria-label": label },
        near.map((name) =>
          h(
            "button",
            { type: "button", title: name, "aria-pressed": String(name === value), onclick: () => pick(name) },
            name,
          ),
        ),
        all.length > near.length && this.list(label, groups, value, near, all.length, pick),
      );
    }

    list(label, groups, value, near, count, pick) {
      const option = (name) => h("option", { value: name, selected: name === value && !near.includes(name) }, name);
      return h(
        "select",
        { "aria-label": label, onchange: (event) => event.target.value && pick(event.target.value) },
        h("option", { value: "" }, `All ${count} …`),
        groups.map(({ title, options }) => h("optgroup", { label: title }, options.map(option))),
      );
    }
  },
);
