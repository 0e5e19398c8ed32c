// <rr-log>: the logs of a run, one a phase, one of them unfolded. It follows the end until the reader scrolls up, and
// then stays where they read. The whole kept log is searched by the app; what was found leads to its place.
//
// A line is known by its place in the output, so an update touches only lines that are new or changed.

const ERROR_LINE = /^\s*([\w.]*(Error|Exception|Interrupt)\b:|(error|fatal|ERROR|CRITICAL)\b)/;
const WARNING_LINE = /^\S*:\d+: \w*Warning\b|^\s*(\w*Warning|WARNING|warning)\b/;
const TRACEBACK = "Traceback (most recent call last)";
const SEARCH_AFTER_MS = 400;
const NEAR_PX = 300;

define(
  "rr-log",
  class extends Widget {
    start() {
      this.state = { follow: true, wrap: true, query: "", folded: false };
      this.shown = new Map();
      this.box = h("div.lines", {
        role: "log",
        "aria-label": "Output of the run",
        "aria-live": "off",
        tabindex: "0",
        "data-testid": "log",
        onscroll: () => this.scrolled(),
      });
      const parts = ["above", "bar", "results", "note", "box", "below"];
      this.above = h("div.folds");
      this.bar = h("div.toolbar");
      this.results = h("div");
      this.note = h("p.muted.note");
      this.below = h("div.folds");
      this.shadowRoot.append(h("section.log", { "aria-label": "Log" }, h("h2", {}, "Log"), parts.map((name) => this[name])));
      new ResizeObserver(() => this.state.follow && this.toEnd()).observe(this);
    }

    paint() {
      const { folds, lines, note, empty, stream, at, query } = this.data;
      // What was looked for before this element was here, on another tab of the run.
      if (this.stream === undefined) this.state.query = query;
      if (stream !== this.stream || at !== this.place) this.clear(stream, at);
      const held = this.hold();
      this.update(lines);
      this.release(held);
      const open = !this.state.folded;
      const present = folds.findIndex((fold) => fold.stream === stream);
      morphChildren(this.above, folds.slice(0, present + 1).map((fold) => this.fold(fold)));
      morphChildren(this.below, folds.slice(present + 1).map((fold) => this.fold(fold)));
      morphChildren(this.bar, this.controls());
      morphChildren(this.results, [this.found()]);
      this.note.textContent = lines.length ? note : empty;
      for (const part of [this.bar, this.results]) part.hidden = !open;
      this.note.hidden = !open || !this.note.textContent;
      this.box.classList.toggle("wrap", this.state.wrap);
      this.box.hidden = !open || !lines.length;
      if (this.state.follow) this.toEnd();
      else if (this.goes) this.arrive();
    }

    // Another log, or another place of it: nothing of what was there before has a meaning here.
    clear(stream, at) {
      Object.assign(this.state, { follow: at == null, folded: false });
      this.goes = at != null;
      this.stream = stream;
      this.place = at;
      this.shown.clear();
      this.box.replaceChildren();
    }

    update(lines) {
      const wanted = new Map(lines);
      const first = lines[0]?.[0] ?? Infinity;
      for (const [place, node] of this.shown) {
        // What fell out at the top stays while someone reads there; what vanished below was rewritten.
        const stays = !this.state.follow && !this.data.more.after && place < first && this.shown.size < 20000;
        if (wanted.has(place) || stays) continue;
        node.remove();
        this.shown.delete(place);
      }
      let before = null;
      for (const [place, text] of [...lines].reverse()) before = this.line(place, text, before);
      this.color();
      this.mark();
    }

    // Where the first line that can be seen stands; lines that come or go above it must not move it.
    hold() {
      if (this.state.follow) return null;
      const top = this.box.scrollTop;
      const node = [...this.box.children].find((one) => one.offsetTop - this.box.offsetTop + one.offsetHeight > top);
      return node && { node, place: node.place, from: node.offsetTop - top };
    }

    release(held) {
      if (!held?.node.isConnected) return;
      const top = held.node.offsetTop - held.from;
      if (Math.abs(top - this.box.scrollTop) > 1) this.box.scrollTop = top;
    }

    line(place, text, before) {
      let node = this.shown.get(place);
      if (!node) {
        node = h("div");
        node.place = place;
        this.shown.set(place, node);
        this.box.insertBefore(node, before);
      }
      if (node.source !== text) {
        node.source = text;
        node.replaceChildren(...ansiSpans(text));
      }
      return node;
    }

    // A traceback is red from its first line to the exception's own, which is the first that is not indented.
    color() {
      let inside = false;
      for (const node of this.box.children) {
        const starts = node.source.includes(TRACEBACK);
        const isError = starts || inside || ERROR_LINE.test(node.source);
        inside = starts || (inside && /^(\s|$|[|+])/.test(node.source));
        const kind = isError ? "error" : WARNING_LINE.test(node.source) ? "warning" : "";
        if (node.className !== kind) node.className = kind;
      }
    }

    mark() {
      const query = this.state.query.toLowerCase();
      for (const node of this.box.children)
        node.toggleAttribute("data-hit", Boolean(query) && node.textContent.toLowerCase().includes(query));
    }

    fold({ stream, name, state, started_at, ended_at }) {
      const open = stream === this.stream && !this.state.folded;
      const choose = () =>
        stream === this.stream ? this.choose({ folded: !this.state.folded }) : this.emit("stream", stream);
      return h(
        `button.fold.${state}`,
        { type: "button", "aria-expanded": String(open), "data-testid": `log-${stream}`, onclick: choose },
        h("span.arrow", { "aria-hidden": "true" }, open ? "▾" : "▸"),
        h("span.name", {}, name),
        h("span.mark", { "aria-hidden": "true" }, PHASE_MARKS[state] ?? ""),
        h("span.grow"),
        h("span.muted", {}, started_at ? since(started_at, ended_at) : "not yet"),
      );
    }

    controls() {
      const { download, size_bytes } = this.data;
      const mayFail = this.box.querySelector(".error") || this.data.note;
      return [
        h("input", {
          type: "search",
          placeholder: "Find in the whole log",
          "aria-label": "Find in log",
          value: this.state.query,
          oninput: (e) => this.type(e.target.value),
          onkeydown: (e) => e.key === "Enter" && this.search(),
        }),
        mayFail &&
          h("button.ghost", { type: "button", onclick: () => this.emit("error", String(Date.now())) }, "First error"),
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
        size_bytes > 0 && external(download, `Download ${sizeText(size_bytes)}`, "The whole log as a file"),
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(this.state.follow),
            "data-testid": "log-follow",
            onclick: () => this.follow(),
          },
          "Follow",
        ),
      ];
    }

    follow() {
      if (this.place != null || this.data.more.after) {
        this.state.follow = true;
        return this.emit("at", "end");
      }
      this.choose({ follow: !this.state.follow });
    }

    type(query) {
      this.state.query = query;
      this.mark();
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.search(), SEARCH_AFTER_MS);
    }

    search() {
      clearTimeout(this.typing);
      if (this.state.query !== this.data.query) this.emit("search", this.state.query);
    }

    found() {
      const { found, query } = this.data;
      if (!found || query !== this.state.query) return null;
      return h(
        "div.found",
        { "data-testid": "log-found" },
        h("p.muted", { role: "status" }, found.note),
        found.matches.length > 0 &&
          h(
            "ol.scroll",
            { tabindex: "0", "aria-label": "Lines that hold it" },
            found.matches.map((match) => this.match(match, query)),
          ),
      );
    }

    match({ line, offset, text, before, after }, query) {
      return h(
        "li",
        {},
        h(
          "button.hit",
          { type: "button", title: "Go to this line", onclick: () => this.emit("at", String(offset)) },
          h("span.number", {}, line.toLocaleString("en")),
          h(
            "span.context",
            {},
            before.map((other) => h("span.muted", {}, other || " ")),
            h("span", {}, highlighted(text, query)),
            after.map((other) => h("span.muted", {}, other || " ")),
          ),
        ),
      );
    }

    // To the place a person has asked for, once its lines are there.
    arrive() {
      const node = [...this.box.children].find((one) => one.place >= this.place) ?? this.box.lastChild;
      if (!node) return;
      this.goes = false;
      node.classList.add("target");
      this.box.scrollTop = node.offsetTop - this.box.offsetTop - this.box.clientHeight / 3;
    }

    toEnd() {
      this.box.scrollTop = this.box.scrollHeight;
      this.end = this.box.scrollTop;
    }

    // Near the first or the last line that is here, those beyond are asked for, once for each such line.
    beyond() {
      const { more } = this.data;
      const { scrollTop, scrollHeight, clientHeight, children } = this.box;
      const [first, last] = [children[0]?.place, children[children.length - 1]?.place];
      if (more.before && scrollTop < NEAR_PX && this.asked !== `older ${first}`) {
        this.asked = `older ${first}`;
        this.emit("older", String(first));
      } else if (more.after && scrollHeight - scrollTop - clientHeight < NEAR_PX && this.asked !== `newer ${last}`) {
        this.asked = `newer ${last}`;
        this.emit("newer", String(last));
      }
    }

    scrolled() {
      const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
      const isLive = this.place == null && !this.data.more.after;
      const grew = this.state.follow && this.box.scrollTop >= (this.end ?? 0);
      if (isLive && atEnd !== this.state.follow && !grew) {
        this.state.follow = atEnd;
        morphChildren(this.bar, this.controls());
      }
      if (!this.state.follow && !this.goes) this.beyond();
    }
  },
);

function highlighted(text, query) {
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  if (at < 0 || !query) return [text];
  const end = at + query.length;
  return [text.slice(0, at), h("mark", {}, text.slice(at, end)), text.slice(end)];
}
