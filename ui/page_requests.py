"""What a session still asks for, once it has left the page that asked.

A part of a page that updates itself asks once a second. When its last question is on the way while `st.switch_page`
leaves the page, Streamlit 1.56 answers it after the new page. The browser takes the answer for a change of page and
empties what it shows; it stays empty, or stops with "Bad delta path index".
"""

from __future__ import annotations

from streamlit.runtime.scriptrunner import get_script_run_ctx, script_runner
from streamlit.runtime.scriptrunner_utils.script_requests import (
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
)


class PageRequests(ScriptRequests):
    """Streamlit's queue of a session, which forgets the updates of a page that was left."""

    def on_scriptrunner_ready(self) -> ScriptRequest:
        """Return what to do next."""
        request = super().on_scriptrunner_ready()
        return self.on_scriptrunner_ready() if _is_of_left_page(request) else request


def forget_left_pages() -> None:
    """Have all sessions use it; Streamlit has no setting for that."""
    script_runner.ScriptRequests = PageRequests  # type: ignore[attr-defined]


def _is_of_left_page(request: ScriptRequest) -> bool:
    context = get_script_run_ctx()
    if context is None or request.type is not ScriptRequestType.RERUN:
        return False
    asked = request.rerun_data
    if not asked.fragment_id_queue:
        return False
    return asked.page_script_hash not in ("", context.pages_manager.current_page_script_hash)
