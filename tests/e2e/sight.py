"""What can be judged of a page by looking at it: whether it fits its window, and what axe-core says of it."""

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


def cut(page: Page) -> list[str]:
    """What does not fit into the window."""
    found: list[str] = page.evaluate(_CUT)
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
