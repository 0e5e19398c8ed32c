from __future__ import annotations

from ui.widgets.log_view import Log, note_of


def test_a_note_says_what_is_not_shown() -> None:
    log = Log("output", [], size_bytes=5_000, skipped_bytes=4_000, dropped_bytes=2_000_000)
    assert note_of(log) == "The last 1.0 kB of 5.0 kB. 2.0 MB in the middle were not kept."
    assert note_of(Log("output", [], size_bytes=5_000)) == ""
