"""The best checkpoint: score, download, hash, how to load it; and the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from repo_runner.models import Checkpoint, Run
from ui.widgets import formats, safe
from ui.widgets.component import mount

Link = Callable[[str], str]


def show_checkpoints(run: Run, checkpoints: Sequence[Checkpoint], link: Link) -> None:
    """Show the card; `link` turns a checkpoint's name into the address of its download."""
    mount("rr-checkpoints", card_data(run, checkpoints, link), key="checkpoints")


def card_data(run: Run, checkpoints: Sequence[Checkpoint], link: Link) -> dict[str, Any]:
    """Return what the element shows."""
    best = next((one for one in checkpoints if one.is_best), None)
    return {
        "best": _best(best, link) if best else None,
        "others": [_row(one, link(one.name)) for one in checkpoints]
        if len(checkpoints) > 1
        else [],
        "empty": _empty(run),
    }


def snippet(name: str) -> str:
    """Return the lines that load a checkpoint without running code from it."""
    return (
        "import torch\n\n"
        f"checkpoint = torch.load(\n    {name!r},\n"
        "    map_location='cpu',\n    weights_only=True,\n)\n"
        "state = checkpoint['state_dict']\n"
        "model.load_state_dict(state)"
    )


def _best(best: Checkpoint, link: Link) -> dict[str, Any]:
    return {
        **_row(best, link("best")),
        "monitor": best.monitor,
        "mode": best.mode,
        "epoch": best.epoch,
        "step": best.step,
        "sha256": best.sha256,
        "path": best.path,
        "short_path": best.path.rpartition("/checkout/")[2],
        "saved_at": formats.iso(best.saved_at),
        "snippet": snippet(best.name),
    }


def _row(one: Checkpoint, address: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "download": safe.web_url(address),
        "score": formats.number(one.score),
        "size_bytes": one.size_bytes,
        "sha256": one.sha256,
        "is_best": one.is_best,
        "is_last": one.is_last,
    }


def _empty(run: Run) -> str:
    if run.status.is_terminal:
        return "The script saved no checkpoint."
    return "It appears here as soon as the script saves one, while it trains."
