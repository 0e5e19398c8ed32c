"""Any link becomes a repository, a ref and a path, or a sentence that says what is wrong."""

from __future__ import annotations

import random
import re
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_runner.errors import InvalidInput, InvalidLink, InvalidRef
from repo_runner.github_link import GithubLink, parse_link, split_repo_url
from repo_runner.ref_name import check_ref

GITHUB = ("github.com",)
URL = "https://github.com/owner/repo"
SHA = "3f2a91c0" * 5

SAME_REPOSITORY = [
    "https://github.com/owner/repo",
    "https://github.com/owner/repo/",
    "https://github.com/owner/repo.git",
    "https://www.github.com/owner/repo",
    "https://GitHub.com/owner/repo",
    "https://github.com/owner/repo#readme",
    "github.com/owner/repo",
    "owner/repo",
    "owner/repo.git",
    "git@github.com:owner/repo.git",
    "git@github.com:owner/repo",
    "git clone https://github.com/owner/repo.git",
    "$ git clone https://github.com/owner/repo",
    "git clone --depth 1 --filter=blob:none git@github.com:owner/repo.git my-folder",
    "gh repo clone owner/repo",
]
NAMES_A_REF = [
    ("owner/repo@main", "main"),
    ("owner/repo@feature/x", "feature/x"),
    ("https://github.com/owner/repo.git@v1.0", "v1.0"),
    (f"https://github.com/owner/repo/commit/{SHA}", SHA),
    ("https://github.com/owner/repo/commit/3f2a91c", "3f2a91c"),
    ("https://github.com/owner/repo/pull/12", "refs/pull/12/head"),
    ("https://github.com/owner/repo/pull/12/files", "refs/pull/12/head"),
    (f"https://github.com/owner/repo/pull/12/commits/{SHA}", SHA),
    ("https://github.com/owner/repo/releases/tag/v1.0", "v1.0"),
    ("git clone -b feature/x https://github.com/owner/repo", "feature/x"),
    ("git clone --branch=v2 --single-branch https://github.com/owner/repo", "v2"),
]
NAMES_A_PLACE = [
    ("https://github.com/owner/repo/tree/main", "main"),
    ("https://github.com/owner/repo/tree/feature/x/examples/", "feature/x/examples"),
    ("https://github.com/owner/repo/blob/main/a/train.py#L10", "main/a/train.py"),
    ("https://github.com/owner/repo/blob/main/a/train.py#L10C1-L12C5", "main/a/train.py"),
    ("https://github.com/owner/repo/blob/main/entra%C3%AEnement.py", "main/entraînement.py"),
    ("https://github.com/owner/repo/raw/main/my%20script.py", "main/my script.py"),
    (f"https://raw.githubusercontent.com/owner/repo/{SHA}/t.py", f"{SHA}/t.py"),
    ("https://raw.githubusercontent.com/owner/repo/refs/heads/x/t.py", "refs/heads/x/t.py"),
]
HOSTILE = [
    ("", "empty"),
    (" https://github.com/owner/repo", "blank"),
    ("https://github.com/owner/repo\n", "blank"),
    ("-uowner/repo", "dash"),
    ("--upload-pack=touch", "dash"),
    ("https://github.com/owner/" + "r" * 300, "longer than 300"),
    ("https://github.com/owner/re\x00po", "invisible"),
    ("https://github.com/owner/re\u202epo", "invisible"),
    ("ext::sh -c touch", "::"),
    ("https://github.com/$OWNER/repo", "$"),
    ("https://github.com/owner\\repo", "\\\\"),
    ("http://github.com/owner/repo", "Only https"),
    ("ssh://git@github.com/owner/repo", "Only https"),
    ("git://github.com/owner/repo", "Only https"),
    ("file:///etc/passwd", "Only https"),
    ("/etc/passwd", "neither"),
    ("https://me:secret@github.com/owner/repo", "token"),
    ("https://github.com@evil.example/owner/repo", "token"),
    ("https://github.com:8443/owner/repo", "not allowed"),
    ("https://evil.example/owner/repo", "not allowed"),
    ("https://gіthub.com/owner/repo", "not allowed"),
    ("https://github.com./owner/repo", "not allowed"),
    ("https://github.com.evil.example/owner/repo", "not allowed"),
    ("root@github.com:owner/repo", "neither"),
    ("git@evil.example:owner/repo", "not allowed"),
    ("evil.example/repo", "neither"),
    ("https://github.com/owner/repo?x=1", "question mark"),
    ("https://github.com/owner/repo#<script>", "# sign"),
    ("https://github.com/owner/..", "'..'"),
    ("https://github.com/owner/%2e%2e", "'..'"),
    ("https://github.com/owner/a%2fb", "encoded slash"),
    ("https://github.com/owner/repo/blob/main/../../x.py", "'..'"),
    ("https://github.com/owner/repo/tree/%ff", "UTF-8"),
    ("https://github.com/owner", "owner and a repository"),
    ("https://github.com//repo", "owner and a repository"),
    ("https://github.com/-o/repo", "name of an owner"),
    ("https://github.com/owner/.git", "name of a repository"),
    ("https://github.com/owner/rep\u00f6", "name of a repository"),
    ("https://github.com/owner/repo/tree", "branch, tag or commit"),
    ("https://github.com/owner/repo/tree/--x", "branch, tag or commit"),
    ("https://github.com/owner/repo/issues/4", "issues/4"),
    ("owner/repo@--x", "cannot be the name"),
    ("owner/repo@a..b", "cannot be the name"),
    ("owner/repo@", "1 to 255"),
    ("git clone --upload-pack=x https://github.com/owner/repo", "--upload-pack"),
    ("git clone -c core.fsmonitor=x https://github.com/owner/repo", "option '-c'"),
    ("git clone https://github.com/owner/repo && cd repo", "one address"),
    ("git clone 'https://github.com/owner/repo", "quote"),
]


@pytest.mark.parametrize("text", SAME_REPOSITORY)
def test_every_way_to_name_a_repository_gives_the_same_link(text: str) -> None:
    assert parse_link(text, allowed_hosts=GITHUB) == GithubLink(URL)


@pytest.mark.parametrize(("text", "ref"), NAMES_A_REF)
def test_a_link_can_name_a_ref(text: str, ref: str) -> None:
    assert parse_link(text, allowed_hosts=GITHUB) == GithubLink(URL, ref)


@pytest.mark.parametrize(("text", "place"), NAMES_A_PLACE)
def test_where_a_ref_ends_is_left_to_the_remote(text: str, place: str) -> None:
    expected = GithubLink(URL, place, tail=tuple(place.split("/")))
    assert parse_link(text, allowed_hosts=GITHUB) == expected


@pytest.mark.parametrize(("text", "reason"), HOSTILE)
def test_A1_a_hostile_or_useless_link_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidLink) as caught:
        parse_link(text, allowed_hosts=GITHUB)
    assert caught.value.field == "link"
    assert reason in caught.value.message
    assert "secret" not in caught.value.message


def test_another_host_works_where_the_operator_allows_it() -> None:
    hosts = ("git.example.org", "localhost:8443")
    links = {
        "owner/repo": "https://git.example.org/owner/repo",
        "https://localhost:8443/owner/repo.git": "https://localhost:8443/owner/repo",
        "localhost:8443/owner/repo": "https://localhost:8443/owner/repo",
    }
    assert {text: parse_link(text, allowed_hosts=hosts).repo_url for text in links} == links


@pytest.mark.parametrize("text", ["https://github.com/o/r", "https://localhost/o/r", "o/r@x y"])
def test_A1_a_host_or_port_that_the_allow_list_does_not_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidLink):
        parse_link(text, allowed_hosts=("localhost:8443",))


def test_pages_of_gitlab_and_gitea_are_understood() -> None:
    url = "https://git.example.org/o/r"
    links = {
        f"{url}/-/tree/main/a": GithubLink(url, "main/a", tail=("main", "a")),
        f"{url}/-/merge_requests/3": GithubLink(url, "refs/merge-requests/3/head"),
        f"{url}/-/commit/{SHA}": GithubLink(url, SHA),
        f"{url}/src/branch/x/y.py": GithubLink(url, "x/y.py", tail=("x", "y.py")),
        f"{url}/src/commit/{SHA}/a/b.py": GithubLink(url, SHA, "a/b.py"),
        f"{url}/pulls/3": GithubLink(url, "refs/pull/3/head"),
    }
    assert {t: parse_link(t, allowed_hosts=("git.example.org",)) for t in links} == links


BAD_REFS = ["", "--x", "-q", "a..b", "HEAD@{1}", "a b", "a\n", "a~1", "a^", "a:b", "a?", "a*"]
BAD_REFS += ["a[", "a\\b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.", "@", "a\u200bb"]


@pytest.mark.parametrize("ref", [*BAD_REFS, "x" * 1_000_000])
def test_A2_a_ref_that_git_could_not_know_is_refused(ref: str) -> None:
    with pytest.raises(InvalidRef) as caught:
        check_ref(ref)
    assert caught.value.field == "ref"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.0", SHA, "refs/pull/1/head", "über/ä"])
def test_a_ref_that_git_could_know_is_taken_as_it_is(ref: str) -> None:
    assert check_ref(ref) == ref


@pytest.mark.parametrize(
    "url",
    ["https://github.com/o", "https://github.com/o/..", "http://a/b/c", "/x", "https://a b/c/d"],
)
def test_only_an_address_made_here_is_split(url: str) -> None:
    with pytest.raises(InvalidLink):
        split_repo_url(url)


NAME = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True).filter(
    lambda name: not name.endswith(".git")
)
WORD = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_é-]{0,8}", fullmatch=True)
WORDS = st.lists(WORD, min_size=1, max_size=4)


@given(NAME, NAME, WORDS, st.sampled_from(["plain", "ref", "tail"]))
def test_a_link_survives_the_round_trip(owner: str, repo: str, words: list[str], kind: str) -> None:
    url = f"https://github.com/{owner}/{repo}"
    place = "/".join(words)
    link = {
        "plain": GithubLink(url),
        "ref": GithubLink(url, place),
        "tail": GithubLink(url, place, tail=tuple(words)),
    }[kind]
    assert parse_link(link.to_text(), allowed_hosts=GITHUB) == link


HARMLESS = re.compile(r"https://github\.com/(?!-)[A-Za-z0-9._-]+/(?!-)[A-Za-z0-9._-]+\Z")


def outcome(text: str) -> GithubLink | InvalidInput:
    try:
        return parse_link(text, allowed_hosts=GITHUB)
    except InvalidInput as error:
        return error


def assert_harmless(text: str) -> None:
    link = outcome(text)
    if isinstance(link, InvalidInput):
        assert link.field == "link", text
        return
    assert HARMLESS.match(link.repo_url), text
    assert not {".", ".."} & {*link.repo_url.split("/"), *link.tail, *link.path.split("/")}, text
    assert not link.ref.startswith("-"), text
    assert not any(unicodedata.category(char) == "Cc" for char in f"{link.ref}{link.path}"), text


@given(st.text(max_size=320))
@settings(max_examples=1000)
def test_A1_no_text_crashes_the_parser_or_passes_as_a_hostile_address(text: str) -> None:
    assert_harmless(text)


def test_A1_ten_thousand_mangled_links_never_crash_or_pass_as_a_hostile_address() -> None:
    mangle = random.Random(0)
    seeds = [*SAME_REPOSITORY, *(text for text, _ in NAMES_A_REF + NAMES_A_PLACE + HOSTILE)]
    alphabet = string.printable + "\x00\u202e\u200b\u0456$@:%?#\\é" + "../" * 3
    for _ in range(10_000):
        text = list(mangle.choice(seeds))
        for _ in range(mangle.randint(1, 4)):
            place = mangle.randint(0, len(text))
            text[place : place + mangle.randint(0, 2)] = mangle.choices(
                alphabet, k=mangle.randint(0, 3)
            )
        assert_harmless("".join(text))
