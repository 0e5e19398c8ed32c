// Building and updating the page: text only ever becomes text, and what did not change is not touched.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "line", "text", "circle", "rect", "title"]);
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

const define = (name, type) => customElements.get(name) ?? customElements.define(name, type);

// h("a.link", {href, onclick}, "text", child, null): null and false children are left out.
function h(selector, props = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...children.flat(3).filter((child) => child != null && child !== false));
  return node;
}

function setProp(node, name, value) {
  if (value == null || value === false) return;
  if (name.startsWith("on")) listen(node, name.slice(2), value);
  else if (name === "class")
    node.setAttribute("class", `${node.getAttribute("class") ?? ""} ${value}`.trim());
  else if (name === "href") value && /^https?:|^[a-z]+\?/.test(value) && node.setAttribute("href", value);
  else node.setAttribute(name, value === true ? "" : value);
}

// One listener an event for the life of the node; an update only exchanges what it calls.
function listen(node, event, handler) {
  node.handlers ??= {};
  node.heard ??= new Set();
  if (!node.heard.has(event)) node.addEventListener(event, (e) => node.handlers[event]?.(e));
  node.heard.add(event);
  node.handlers[event] = handler;
}

// Makes `parent`'s children equal to `wanted`, keeping nodes (and with them focus, selection, scroll) where it can.
function morphChildren(parent, wanted) {
  const list = wanted.flat(3).filter((child) => child != null && child !== false);
  const keyed = new Map([...parent.childNodes].filter((n) => n.dataset?.key).map((n) => [n.dataset.key, n]));
  list.forEach((next, index) => {
    const fresh = typeof next === "string" ? document.createTextNode(next) : next;
    const key = fresh.dataset?.key;
    const at = parent.childNodes[index];
    const old = key ? keyed.get(key) : at;
    if (!old || !alike(old, fresh)) return parent.insertBefore(fresh, at ?? null);
    if (old !== at) parent.insertBefore(old, at ?? null);
    morph(old, fresh);
  });
  while (parent.childNodes.length > list.length) parent.lastChild.remove();
}

const alike = (a, b) => a.nodeName === b.nodeName && (a.dataset?.key ?? "") === (b.dataset?.key ?? "");

// `open` belongs to the person who unfolded something.
function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of Object.keys(old.handlers ?? {})) delete old.handlers[name];
  for (const [name, handler] of Object.entries(fresh.handlers ?? {})) listen(old, name, handler);
  if (!old.localName.includes("-")) morphChildren(old, [...fresh.childNodes]);
}

// What a change (see changes.py) makes of a value; the value itself is left as it was.
function changed(old, change) {
  if (!change) return old;
  const [kind, first, ...rest] = change;
  if (kind === "=") return first;
  if (kind === "[") {
    const [drop, keep, after] = rest;
    return [...first, ...old.slice(drop, drop + keep), ...after];
  }
  const next = Array.isArray(old) ? [...old] : { ...old };
  for (const [name, inner] of Object.entries(first)) next[name] = changed(old[name], inner);
  for (const name of rest[0] ?? []) delete next[name];
  return next;
}

// Numbers of what elements say, over all of them and over a library that is loaded anew.
let lastSaid = 0;
const nextSaid = () => (lastSaid = Math.max(lastSaid + 1, Date.now()));
const SAID_KEPT = 8;
const LAST_COUNTS = new Set(["resync", "edit"]);

// Base of our elements. `render(data)` returns the whole content.
class Widget extends HTMLElement {
  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      this.state = {};
      this.keepFocus();
      this.start?.();
    }
    this.refresh();
  }

  // A dialog that closes gives the focus back to the element as a whole: to its first part, not to the one that had it.
  keepFocus() {
    let asked = null;
    this.shadowRoot.addEventListener("focusout", ({ target, relatedTarget }) => {
      if (relatedTarget?.closest("[role=dialog]")) asked = target;
    });
    this.shadowRoot.addEventListener("focusin", () => {
      const part = asked;
      asked = null;
      if (part?.isConnected) part.focus();
    });
  }

  // Takes in what has come: each update builds on the one before, and may come twice. A gap is asked to be filled.
  refresh() {
    if (!this.shadowRoot) return;
    for (const [, number, base, news] of this.inbox?.splice(0) ?? []) {
      if (number === this.number) continue;
      if (base != null && base !== this.number) return this.emit("resync", null, number);
      this.data = base == null ? news : changed(this.data, news);
      this.number = number;
    }
    if (this.data) this.paint();
  }

  // Says something to the app: as state, which goes with every request from now on (hearing.py says why).
  emit(name, value = null, update = this.number) {
    const before = (this.said ?? []).filter((one) => one[2] !== name || !LAST_COUNTS.has(name));
    this.said = [...before, [nextSaid(), update, name, value]].slice(-SAID_KEPT);
    this.tell("events", this.said);
  }

  paint() {
    morphChildren(this.shadowRoot, [this.render(this.data)]);
  }

  // A choice of the person at the page: kept here, over all updates.
  choose(change) {
    Object.assign(this.state, change);
    this.paint();
  }
}
