from __future__ import annotations

import pytest

from ui.widgets import safe


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "ftp://github.com/a/b", "//github.com/a/b", "https:///a",
     "https://user:secret@github.com/a/b", "https://[broken/a", "git@github.com:a/b"],
)  # fmt: skip
def test_nobody_is_sent_to_an_address_that_is_not_a_plain_web_page(url: str) -> None:
    assert safe.web_url(url) is None


def test_a_commit_and_a_script_have_pages() -> None:
    assert (
        safe.commit_url("https://github.com/a/b.git", "abc") == "https://github.com/a/b/commit/abc"
    )
    page = safe.script_url("https://github.com/a/b", "abc", "dir/a b?.py")
    assert page == "https://github.com/a/b/blob/abc/dir/a%20b%3F.py"


def test_a_repository_is_called_by_owner_and_name() -> None:
    assert safe.repo_label("https://github.com/acme/digits.git") == "acme/digits"
