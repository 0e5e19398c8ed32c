"""A script, a text and a folder with names beyond ASCII."""

from pathlib import Path

print(
    Path(__file__).parent.joinpath("données", "été.txt").read_text(encoding="utf-8").strip(),
    "✓",
    flush=True,
)
