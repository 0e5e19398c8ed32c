"""What a session still has to send, when a part of its page is drawn anew.

Streamlit 1.56 then throws away what the part had drawn before and was not sent yet, but not the word that the page has
been drawn whole. The browser removes whatever it was not sent, and makes it anew a moment later: what a person had
typed, unfolded or scrolled to is gone.
"""

from __future__ import annotations

from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue


class PageMessages(ForwardMsgQueue):
    """Streamlit's queue to a browser, which loses nothing of a page for one of its parts."""

    def clear(
        self, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        """Forget what a new page makes needless; before a part, all stays, and nothing is put before its beginning."""
        if fragment_ids_this_run:
            self._delta_index_map = {}
        else:
            super().clear(retain_lifecycle_msgs, fragment_ids_this_run)


def send_pages_whole() -> None:
    """Have all sessions use it; Streamlit has no setting for that."""
    app_session.ForwardMsgQueue = PageMessages  # type: ignore[attr-defined]
