from __future__ import annotations

import base64
import hashlib
import re

import pytest

from ui import front_page


@pytest.mark.parametrize(
    ("path", "base", "ours"),
    [
        ("/", "", True),
        ("/runs", "", True),
        ("/ui/run", "ui", True),
        ("/ui/", "ui", True),
        ("/_stcore/health", "", False),
        ("/favicon.png", "", False),
        ("/static/js/index.js", "", False),
        ("/ui/_stcore/host-config", "ui", False),
    ],
)
def test_pages_are_told_from_files(path: str, base: str, ours: bool) -> None:
    assert front_page.is_page("GET", path, base) is ours
    assert not front_page.is_page("POST", path, base)


@pytest.mark.parametrize("base", ["", "ui"])
def test_the_policy_lets_the_documents_one_inline_script_through(base: str) -> None:
    (script,) = re.findall(r"(?s)<script>(.*?)</script>", front_page.document(base))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert front_page.script_hash(base) == f"'sha256-{digest}'"
    assert f'src="/{base}/static/'.replace("//", "/") in front_page.document(base)
