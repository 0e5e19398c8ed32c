// <rr-log>: the run's output. It follows the end until the reader scrolls up, and then stays where they read.
//
// A line is known by its place in the output, so an update touches only lines that are new or changed.

const ERROR_LINE =
  /^(Traceback \(most recent call last\)|[\w.]*(Error|Exception|Interrupt)\b:?|error:|fatal:|RuntimeError)/i;

define(
  "rr-log",
  class extends Widget {
    start() {
      this.state = { follow: true, wrap: true, query: "" };
      this.shown = new Map();
      this.box = h("div.lines", {
        role: "log",
        "aria-label": "Output of the run",
        "aria-live": "off",
        tabindex: "0",
        "data-testid": "log",
        onscroll: () => this.scrolled(),
      });
      this.bar = h("div.toolbar");
      this.note = h("p.muted.note");
      this.shadowRoot.append(h("section.log", { "aria-label": "Log" }, this.bar, this.note, this.box));
      new ResizeObserver(() => this.state.follow && this.toEnd()).observe(this);
    }

    paint() {
      const { lines, note, empty, stream } = this.data;
      if (stream !== this.stream) this.clear(stream);
      this.update(lines);
      this.note.textContent = lines.length ? note : empty;
      this.note.hidden = !this.note.textContent;
      this.box.classList.toggle("wrap", this.state.wrap);
      this.box.hidden = !lines.length;
      morphChildren(this.bar, this.controls());
      if (this.state.follow) this.toEnd();
    }

    // Another log: nothing of the former one has a meaning here.
    clear(stream) {
      this.stream = stream;
      this.shown.clear();
      this.box.replaceChildren();
      this.state.follow = true;
    }

    update(lines) {
      const wanted = new Map(lines);
      const first = lines[0]?.[0] ?? Infinity;
      for (const [place, node] of this.shown) {
        // What fell out at the top stays while someone reads there; what vanished below was rewritten.
        if (wanted.has(place) || (!this.state.follow && place < first && this.shown.size < 20000)) continue;
        node.remove();
        this.shown.delete(place);
      }
      let before = null;
      for (const [place, text] of [...lines].reverse()) before = this.line(place, text, before);
      this.mark();
    }

    line(place, text, before) {
      let node = this.shown.get(place);
      if (!node) {
        node = h("div");
        this.shown.set(place, node);
        this.box.insertBefore(node, before);
      }
      if (node.source !== text) {
        node.source = text;
        node.replaceChildren(...ansiSpans(text));
        node.className = ERROR_LINE.test(text) ? "error" : "";
      }
      return node;
    }

    mark() {
      const query = this.state.query.toLowerCase();
      this.hits = query
        ? [...this.box.children].filter((node) => node.textContent.toLowerCase().includes(query))
        : [];
      for (const node of this.box.children) node.toggleAttribute("data-hit", this.hits.includes(node));
    }

    controls() {
      const error = this.box.querySelector(".error");
      return [
        h("strong", {}, "Log"),
        h(
          "div.choice",
          { role: "group", "aria-label": "Which log" },
          Object.entries(this.data.streams).map(([name, label]) =>
            h(
              "button",
              {
                type: "button",
                "aria-pressed": String(name === this.stream),
                onclick: () => this.emit("stream", name),
              },
              label,
            ),
          ),
        ),
        h("input", {
          type: "search",
          placeholder: "Find in log",
          "aria-label": "Find in log",
          oninput: (e) => this.find(e.target.value),
          onkeydown: (e) => e.key === "Enter" && this.next(e.shiftKey ? -1 : 1),
        }),
        this.state.query &&
          h(
            "span.muted",
            { role: "status" },
            this.hits.length === 1 ? "1 line" : `${this.hits.length} lines`,
          ),
        error && h("button.ghost", { type: "button", onclick: () => this.jump(error) }, "First error"),
        h("span.grow"),
        h(
          "label",
          {},
          h("input", {
            type: "checkbox",
            checked: this.state.wrap,
            onchange: (e) => this.choose({ wrap: e.target.checked }),
          }),
          "Wrap",
        ),
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(this.state.follow),
            "data-testid": "log-follow",
            onclick: () => this.choose({ follow: !this.state.follow }),
          },
          "Follow",
        ),
      ];
    }

    find(query) {
      this.at = -1;
      this.state.query = query;
      this.paint();
      if (query) this.next(1);
    }

    next(direction) {
      if (!this.hits.length) return;
      this.at = ((this.at ?? -1) + direction + this.hits.length) % this.hits.length;
      this.jump(this.hits[this.at]);
    }

    jump(node) {
      this.state.follow = false;
      this.box.scrollTop = node.offsetTop - this.box.offsetTop - this.box.clientHeight / 3;
      morphChildren(this.bar, this.controls());
    }

    toEnd() {
      this.box.scrollTop = this.box.scrollHeight;
      this.end = this.box.scrollTop;
    }

    scrolled() {
      const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
      if (atEnd === this.state.follow || (this.state.follow && this.box.scrollTop >= (this.end ?? 0))) return;
      this.state.follow = atEnd;
      morphChildren(this.bar, this.controls());
    }
  },
);
