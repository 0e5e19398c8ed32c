"""What can be judged of a page by looking at it: whether it fits, whether words collide, what axe-core says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

#: What sticks out of the window at its right, unless it is in a box that scrolls or hides it on purpose.
_CUT = """() => {
  const found = [];
  const ours = '[data-testid^="stMain"], [data-testid="stApp"], .stApp, body';
  const hides = (node) => getComputedStyle(node).overflowX !== "visible" && !node.matches(ours);
  const look = (node, hidden) => {
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden") return;
    const out = box.right > innerWidth + 1 || box.left < -1;
    if (!hidden && out && box.width > 1 && box.height > 1)
      found.push(`${node.localName}.${node.getAttribute("class")} ${box.left | 0}..${box.right | 0}`);
    const inner = [...(node.shadowRoot?.children ?? []), ...node.children];
    for (const child of inner) look(child, hidden || hides(node));
  };
  look(document.body, false);
  const main = document.querySelector('[data-testid="stMain"]') ?? document.scrollingElement;
  const over = main.scrollWidth - main.clientWidth;
  if (over > 1) found.push(`the page scrolls sideways by ${over}`);
  return found.slice(0, 10);
}"""


#: Words that lie over other words, or are cut off without an ellipsis. What a box that scrolls hides is not looked at.
_COLLIDES = """() => {
  const found = [], words = [];
  const ours = '[data-testid^="stMain"], [data-testid="stApp"], .stApp, body, html';
  const both = (a, b) => ({ left: Math.max(a.left, b.left), right: Math.min(a.right, b.right),
                            top: Math.max(a.top, b.top), bottom: Math.min(a.bottom, b.bottom) });
  const seen = (box) => box.right - box.left > 2 && box.bottom - box.top > 5;
  const speaks = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
  const say = (node, clip) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].map((rect) => both(rect, clip)).filter(seen);
    words.push(...boxes.map((box) => ({ box, node, text: node.data.trim().slice(0, 40) })));
  };
  const clipped = (node, style, clip) => {
    const held = style.overflowX === "hidden" && style.textOverflow !== "ellipsis";
    if (held && [...node.childNodes].some(speaks) && seen(clip) && node.scrollWidth > node.clientWidth + 1)
      found.push(`cut off: ${node.textContent.slice(0, 60)}`);
  };
  const look = (node, clip) => {
    if (speaks(node)) return say(node, clip);
    if (node.nodeType !== Node.ELEMENT_NODE || /^(style|script|title)$/i.test(node.nodeName)) return;
    if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return;
    const style = getComputedStyle(node);
    if (style.overflowX !== "visible" && !node.matches(ours)) {
      clip = both(clip, node.getBoundingClientRect());
      clipped(node, style, clip);
    }
    for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) look(child, clip);
  };
  look(document.body, { left: -1e6, right: 1e6, top: -1e6, bottom: 1e6 });
  words.sort((a, b) => a.box.top - b.box.top);
  words.forEach((one, i) => {
    for (let j = i + 1; j < words.length && words[j].box.top < one.box.bottom; j++)
      if (words[j].node !== one.node && seen(both(one.box, words[j].box)))
        found.push(`${one.text} | ${words[j].text}`);
  });
  return found.slice(0, 10);
}"""

#: What can be pressed or filled in, is seen, and cannot be come to with the Tab key.
_OUT_OF_REACH = """() => {
  const found = [];
  const acting = "button, a[href], input, select, textarea, summary, [role=button], [role=link]";
  const group = "[role=radiogroup], [role=combobox], [data-baseweb=select]";
  const acts = (node) => node.matches(acting) || (node.handlers?.click && !node.querySelector(acting));
  const look = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) look(node.shadowRoot);
      if (!acts(node) || node.disabled || node.tabIndex >= 0 || node.closest(group)) continue;
      if (node.closest("[aria-hidden=true]") || !node.checkVisibility({ visibilityProperty: true })) continue;
      found.push(node.outerHTML.slice(0, 120));
    }
  };
  look(document);
  return found;
}"""


def cut(page: Page) -> list[str]:
    """What does not fit into the window."""
    found: list[str] = page.evaluate(_CUT)
    return found


def collisions(page: Page) -> list[str]:
    """Words over words, and words cut off."""
    found: list[str] = page.evaluate(_COLLIDES)
    return found


def out_of_reach(page: Page) -> list[str]:
    """What is there for the mouse alone."""
    found: list[str] = page.evaluate(_OUT_OF_REACH)
    return found


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical, with the elements it means."""
    page.evaluate(_AXE)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['impact']} {one['id']}: {one['help']}\n"
        + "\n".join(f"    {node['target']} {node['failureSummary']}" for node in one["nodes"][:4])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
