"""The name of a branch, tag or commit: which texts can be one."""

from __future__ import annotations

import re
import unicodedata

from repo_runner.errors import InvalidRef

MAX_REF_CHARS = 255

_FULL_SHA = re.compile(r"[0-9a-f]{40}\Z")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\A-|\A@\Z|\.\Z")
#: Control, formatting (right-to-left marks, joiners), private, unassigned; line and paragraph ends.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_ref(ref: str) -> str:
    """Return a ref that git could know, by the rules of `git check-ref-format --allow-onelevel`.

    Raises InvalidRef (field `ref`).
    """
    if not ref or len(ref) > MAX_REF_CHARS:
        message = f"A ref has 1 to {MAX_REF_CHARS} characters, not {len(ref)}."
        raise InvalidRef(message, field="ref")
    parts = ref.split("/")
    if (
        _FORBIDDEN.search(ref)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or has_hidden(ref)
    ):
        message = f"{ref[:60]!r} cannot be the name of a branch, tag or commit."
        raise InvalidRef(message, field="ref")
    return ref


def is_full_sha(ref: str) -> bool:
    """Whether this is a whole commit id."""
    return bool(_FULL_SHA.match(ref))


def has_hidden(text: str) -> bool:
    """Whether a text holds a character that a person would not see."""
    return any(unicodedata.category(char) in _HIDDEN for char in text)
