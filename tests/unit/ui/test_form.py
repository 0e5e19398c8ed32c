from __future__ import annotations

import pytest

from repo_runner.errors import InvalidInput
from ui.views.form import parse_env


def test_variables_are_name_and_value() -> None:
    assert parse_env("A=1\n\nB = x=y ") == {"A": "1", "B": " x=y "}


@pytest.mark.parametrize("text", ["A", "=1", "A B=1", "1A=2"])
def test_a_line_that_is_no_variable_is_named(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_env(f"OK=1\n{text}")
    assert caught.value.field == "env"
    assert "Line 2" in caught.value.message
