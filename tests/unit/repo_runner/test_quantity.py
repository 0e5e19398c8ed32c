import pytest

from repo_runner.errors import InvalidInput
from repo_runner.quantity import format_bytes, format_seconds, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [("4GB", 4 * 10**9), ("512 MiB", 512 << 20), ("1.5k", 1500), ("7", 7), ("2TiB", 2 << 40)],
)
def test_an_amount_of_bytes_is_read_as_people_write_it(text: str, count: int) -> None:
    assert parse_bytes(text, "resources.memory_bytes") == count


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("1h30m", 5400), ("2d", 172800), ("0.5", 0.5), ("10 s", 10)],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert parse_seconds(text, "limits.time_s") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1h30", "4 parsecs", "nan", "1e9"])
def test_what_is_no_amount_names_its_field(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_seconds(text, "limits.time_s")
    assert caught.value.field == "limits.time_s"
    with pytest.raises(InvalidInput):
        parse_bytes(text, "limits.memory_bytes")


def test_amounts_are_shown_short() -> None:
    assert [format_bytes(n) for n in (12, 4_000_000_000)] == ["12 bytes", "4 GB"]
    assert [format_seconds(n) for n in (0.5, 75, 5400, 90061)] == [
        "0.5 s",
        "1 min 15 s",
        "1 h 30 min",
        "25 h 1 min",
    ]
