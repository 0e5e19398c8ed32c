"""The cases of secret maskers that run other people's jobs, in our words; and a fuzz test."""

import base64
import io
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repo_runner.masking import MASK, MaskedText, Masker, mask_text, mask_values

SECRET = "p4ss/w0rd+x"


def masked(secrets: list[str], *chunks: bytes) -> bytes:
    masker = Masker(secrets)
    return b"".join(masker.feed(chunk) for chunk in chunks) + masker.finish()


def test_a_secret_written_byte_by_byte_is_masked() -> None:
    assert masked([SECRET], *[bytes([b]) for b in f"a {SECRET} b".encode()]) == b"a *** b"


def test_a_secret_across_two_writes_is_masked() -> None:
    assert masked([SECRET], b"key=p4ss/", b"w0rd+x!") == b"key=***!"


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_secret_cut_at_any_place_is_masked(cut: int) -> None:
    data = SECRET.encode()
    assert masked([SECRET], data[:cut], data[cut:]) == MASK


def test_a_secret_that_is_the_whole_output_or_ends_it_is_masked() -> None:
    assert masked([SECRET], SECRET.encode()) == MASK
    assert masked([SECRET], b"ends with ", SECRET.encode()) == b"ends with ***"


def test_one_secret_right_behind_another_is_two_masks() -> None:
    assert masked([SECRET], (SECRET * 2).encode()) == b"******"


def test_a_false_start_before_the_secret_does_not_hide_it() -> None:
    assert masked(["aab-secret"], b"aaab-secret", b" aab-aab-sec", b"ret") == b"a*** aab-***"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_the_usual_shapes_of_a_secret_are_masked(form: str) -> None:
    assert form not in mask_text(f"<{form}>", [SECRET])
    assert MASK.decode() in mask_text(f"<{form}>", [SECRET])


@pytest.mark.parametrize("user", ["", "u", "us", "x-access-token"])
def test_a_secret_within_a_longer_text_in_base64_is_masked(user: str) -> None:
    """As in an HTTP header for basic authentication."""
    secret = "ghp_0123456789abcdefghij"
    header = base64.b64encode(f"{user}:{secret}".encode()).decode()
    left = mask_text(f"Basic {header}", [secret]).replace(MASK.decode(), "").rstrip("=")
    known = base64.b64encode(f"{user}:".encode()).decode().rstrip("=")
    assert len(left) <= len("Basic ") + len(known) + 2


@pytest.mark.parametrize("secret", ['pass"word', "päss-wörd", "back\\slash", "tab\tand-more"])
def test_a_secret_in_a_json_string_or_a_repr_is_masked(secret: str) -> None:
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        assert mask_text(text, [secret]) == '"***"'


def test_overlapping_secrets_are_masked_as_one() -> None:
    assert masked(["abcdefgh", "efghijkl"], b"-abcdefghijkl-") == b"-***-"


def test_a_secret_inside_another_is_masked_with_it() -> None:
    assert masked(["abcdefgh", "cdefgh"], b"abcdefgh cdefgh") == b"*** ***"


def test_a_secret_that_begins_like_a_longer_one_is_masked_when_the_longer_one_does_not_come() -> (
    None
):
    assert masked(["abcdefgh", "abcdefghijkl"], b"abcdefghij", b"-") == b"***ij-"


def test_the_lines_of_a_secret_are_masked_each() -> None:
    secret = "first-line\nsecond-line"
    assert masked([secret], b"a first-line\r\nb second-line") == b"a ***\r\nb ***"


def test_a_secret_of_several_lines_is_masked_whole_with_either_line_end() -> None:
    secret = "-----BEGIN KEY-----\nab\ncd\n-----END KEY-----"
    for text in (secret, secret.replace("\n", "\r\n"), json.dumps(secret)[1:-1]):
        assert masked([secret], *[bytes([b]) for b in text.encode()]) == MASK


def test_a_secret_in_a_traceback_is_masked() -> None:
    text = f'Traceback (most recent call last):\n  File "a.py"\nValueError: bad key {SECRET!r}\n'
    assert SECRET not in mask_text(text, [SECRET])


def test_the_beginning_of_a_secret_that_does_not_go_on_is_printed() -> None:
    assert masked([SECRET], b"p4ss", b"enger") == b"p4ssenger"


def test_short_values_do_not_mask_ordinary_words() -> None:
    assert masked(["a"], b"banana") == b"banana"


def test_without_secrets_nothing_is_held_back() -> None:
    assert Masker([]).feed(b"text") == b"text"


def test_an_endless_repetition_of_a_secret_is_not_held_back() -> None:
    masker = Masker(["aaaaaa"])
    written = [masker.feed(b"a" * 1000) for _ in range(50)]
    assert b"".join(written) == MASK
    assert masker.feed(b"b") == b"b"


@pytest.mark.parametrize("secret", ["metrics", '"kind":', "176384", "values"])
def test_data_keeps_its_shape_whatever_a_secret_looks_like(secret: str) -> None:
    data = {"t": 1763840000, "kind": "metrics", "values": {"a 176384": [1.5, None, 'b "kind":']}}
    result = mask_values(data, [secret])
    assert len(result) == 3
    assert secret not in str(list(result.values())[1:])


@given(
    st.lists(st.text("abc", min_size=6, max_size=9), min_size=1, max_size=3),
    st.lists(st.binary(max_size=12) | st.sampled_from([b"abcabc", b"aaaaaa", b"cab"]), max_size=30),
)
@example(["aaaaaa"], [b"aaaaaa", b"aaaaaa", b"ab"])
def test_however_it_is_cut_the_result_is_that_of_the_whole_and_holds_no_secret(
    secrets: list[str], chunks: list[bytes]
) -> None:
    whole = masked(secrets, b"".join(chunks))
    assert masked(secrets, *chunks) == whole
    assert not any(secret.encode() in whole for secret in secrets)


@given(st.lists(st.text("ab", min_size=6, max_size=8), min_size=1, max_size=3), st.data())
def test_what_is_held_back_is_never_longer_than_a_secret(
    secrets: list[str], data: st.DataObject
) -> None:
    masker = Masker(secrets)
    longest = max(len(needle) for needle in masker._needles)
    for chunk in data.draw(st.lists(st.text("ab", max_size=20), max_size=20)):
        masker.feed(chunk.encode())
        assert len(masker._held) < longest


@pytest.mark.parametrize(
    "form",
    [
        *(
            base64.b64encode(f"{before}{SECRET}{{after".encode()).decode()
            for before in ("", "u:", "x")
        ),
        *(
            base64.urlsafe_b64encode(f"{before}{SECRET}".encode()).decode()
            for before in ("", "user:")
        ),
        quote_plus(SECRET),
    ],
)
def test_a_secret_inside_something_longer_is_masked_in_base64_too(form: str) -> None:
    assert MASK.decode() in mask_text(f"<{form}>", [SECRET])


@pytest.mark.parametrize("secret", ['with"quote', "back\\slash", "tab\tinside", "Zürich-€"])
def test_a_secret_is_masked_as_a_literal_of_json_or_python(secret: str) -> None:
    for form in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        assert mask_text(form, [secret]) in ('"***"', "'***'")


def test_what_a_process_says_of_itself_is_masked() -> None:
    said = io.StringIO()
    print("failed with", SECRET, file=MaskedText(said, [SECRET]))
    assert said.getvalue() == "failed with ***\n"
