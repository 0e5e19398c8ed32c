"""Requirement lines a person types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_runner.errors import InvalidRequirement
from repo_runner.requirements import names_lightning, parse_requirements


def test_comments_blanks_and_repetitions_are_dropped() -> None:
    text = "# for the plots\n\ntorch == 2.13.0  # CPU\nsix\nsix\n"
    assert parse_requirements(text) == ("torch==2.13.0", "six")


def test_a_list_is_read_like_lines() -> None:
    assert parse_requirements(["six", "", "toolz>=1"]) == ("six", "toolz>=1")


def test_markers_and_extras_are_kept() -> None:
    line = 'lightning[extra]>=2.5; python_version >= "3.9"'
    assert parse_requirements(line) == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "--index-url https://index.example/simple",
        "-e .",
        "./package",
        "../package",
        "/etc/passwd",
        "~/package",
        "C:\\package",
        "package/wheel.whl",
        "file:///etc/passwd",
        "six @ file:///etc/passwd",
        "six @ https://files.example/six.whl",
        "git+https://github.com/owner/repo",
        "git@github.com:owner/repo",
        "six @ git+https://github.com/owner/repo",
        "six===",
        "six>=one;two",
        "two words",
        "six \\",
        "lightning==2.6.2",
        "lightning == 2.6.3",
        "Lightning[extra]===2.6.3",
        "lightning==2.6.3.0",
        "pytorch_lightning==2.6.2",
    ],
)
def test_A5_what_is_no_plain_requirement_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(InvalidRequirement, match="line 3") as caught:
        parse_requirements(f"six\n# a comment\n{line}\n", field="requirements")
    assert repr(line) in caught.value.message
    assert caught.value.field == "requirements"


def test_a_range_around_a_malicious_release_is_accepted_because_resolving_avoids_it() -> None:
    assert parse_requirements("lightning>=2.6") == ("lightning>=2.6",)


@pytest.mark.parametrize("second", ["six==1.17", "six<1.16", "SIX>1.16.0"])
def test_A5_a_line_that_contradicts_an_earlier_one_is_refused(second: str) -> None:
    with pytest.raises(InvalidRequirement, match=r"line 2 contradicts line 1 \('six==1.16.0'\)"):
        parse_requirements(f"six==1.16.0\n{second}")


def test_two_lines_of_one_package_that_agree_are_kept() -> None:
    assert parse_requirements("six>=1\nsix<2") == ("six>=1", "six<2")


def test_the_same_package_for_two_platforms_is_no_contradiction() -> None:
    lines = ['six==1.16; sys_platform == "linux"', 'six==1.17; sys_platform == "win32"']
    assert len(parse_requirements(lines)) == 2


def test_lightning_is_known_under_both_names() -> None:
    assert names_lightning(["six", "Lightning>=2"])
    assert names_lightning(["pytorch_lightning"])
    assert not names_lightning(["six", "lightning-utilities"])


@given(st.text(max_size=200))
def test_any_text_is_accepted_as_plain_names_or_refused(text: str) -> None:
    try:
        accepted = parse_requirements(text)
    except InvalidRequirement:
        return
    assert all(
        not line.startswith("-") and "://" not in line.partition(";")[0] for line in accepted
    )
    assert parse_requirements(accepted) == accepted
