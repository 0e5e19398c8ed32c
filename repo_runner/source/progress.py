"""git's progress lines → ours."""

from __future__ import annotations

import re

from repo_runner.models import OnProgress

_LINE = re.compile(
    r"(?P<what>[A-Z]\w+ \w+):\s+(?P<percent>\d+)% \([^)]*\)(?:, (?P<amount>[^|,]+))?"
)
#: What each of git's steps is of the whole phase: from, to, our stage.
_STEPS = {
    "Receiving objects": (0.0, 0.8, "downloading"),
    "Resolving deltas": (0.8, 0.85, "downloading"),
    "Updating files": (0.85, 1.0, "checking_out"),
}


class FetchProgress:
    """Hears git's lines and reports a fraction that never goes back."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._fraction = 0.0

    def hear(self, line: str) -> None:
        """Take one line of git's stderr; most say nothing of interest."""
        match = _LINE.search(line)
        if match is None or match["what"] not in _STEPS:
            return
        begin, end, stage = _STEPS[match["what"]]
        fraction = begin + (end - begin) * int(match["percent"]) / 100
        self._fraction = max(self._fraction, fraction)
        amount = f", {match['amount'].strip()}" if match["amount"] else ""
        self._on_progress(stage, self._fraction, f"{match['what']}: {match['percent']} %{amount}")
