"""What a browser is sent of a page whose parts are drawn anew before all of it was sent."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from ui.page_messages import send_pages_whole

PART = "part"
DRAWN = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> ForwardMsgQueue:
    """What a session of the UI sends through."""
    monkeypatch.setattr(app_session, "ForwardMsgQueue", ForwardMsgQueue)
    send_pages_whole()
    return app_session.ForwardMsgQueue()


def element(text: str, place: int) -> ForwardMsg:
    """An element in the part."""
    message = ForwardMsg()
    message.metadata.delta_path.extend([0, place])
    message.delta.fragment_id = PART
    message.delta.new_element.markdown.body = text
    return message


def test_a_page_comes_whole_and_before_the_part_that_is_drawn_anew(
    messages: ForwardMsgQueue,
) -> None:
    page = [element("heading", 0), element("log", 1), DRAWN]
    part = [element("log, a line longer", 1)]
    for message in page:
        messages.enqueue(message)
    messages.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[PART])
    for message in part:
        messages.enqueue(message)
    assert messages.flush() == [*page, *part]
    assert messages.is_empty()


def test_a_new_page_makes_what_was_not_sent_of_the_last_one_needless(
    messages: ForwardMsgQueue,
) -> None:
    messages.enqueue(element("heading", 0))
    messages.enqueue(DRAWN)
    messages.clear(retain_lifecycle_msgs=True)
    (left,) = messages.flush()
    assert left.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
