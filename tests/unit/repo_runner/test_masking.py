import base64
import io
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_runner.masking import MASK, MaskedText, Masker, mask_text

SECRET = "p4ss/w0rd+x"


def masked(secrets: list[str], *chunks: bytes) -> bytes:
    masker = Masker(secrets)
    return b"".join(masker.feed(chunk) for chunk in chunks) + masker.finish()


def test_a_secret_written_byte_by_byte_is_masked() -> None:
    assert masked([SECRET], *[bytes([b]) for b in f"a {SECRET} b".encode()]) == b"a *** b"


def test_a_secret_across_two_writes_is_masked() -> None:
    assert masked([SECRET], b"key=p4ss/", b"w0rd+x!") == b"key=***!"


@pytest.mark.parametrize(
    "form", [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()]
)
def test_the_usual_shapes_of_a_secret_are_masked(form: str) -> None:
    assert SECRET not in mask_text(f"<{form}>", [SECRET])
    assert MASK.decode() in mask_text(f"<{form}>", [SECRET])


def test_overlapping_secrets_are_masked_as_one() -> None:
    assert masked(["abcdefgh", "efghijkl"], b"-abcdefghijkl-") == b"-***-"


def test_a_secret_inside_another_is_masked_with_it() -> None:
    assert masked(["abcdefgh", "cdefgh"], b"abcdefgh cdefgh") == b"*** ***"


def test_the_lines_of_a_secret_are_masked_each() -> None:
    assert (
        masked(["first-line\nsecond-line"], b"a first-line\r\nb second-line") == b"a ***\r\nb ***"
    )


def test_the_beginning_of_a_secret_that_does_not_go_on_is_printed() -> None:
    assert masked([SECRET], b"p4ss", b"enger") == b"p4ssenger"


def test_short_values_do_not_mask_ordinary_words() -> None:
    assert masked(["a"], b"banana") == b"banana"


def test_without_secrets_nothing_is_held_back() -> None:
    assert Masker([]).feed(b"text") == b"text"


@given(
    st.lists(st.text("abc", min_size=6, max_size=9), min_size=1, max_size=3),
    st.lists(st.binary(max_size=12) | st.sampled_from([b"abcabc", b"aaaaaa", b"cab"]), max_size=30),
)
def test_however_it_is_cut_the_result_is_that_of_the_whole_and_holds_no_secret(
    secrets: list[str], chunks: list[bytes]
) -> None:
    whole = masked(secrets, b"".join(chunks))
    assert masked(secrets, *chunks) == whole
    assert not any(secret.encode() in whole for secret in secrets)


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
