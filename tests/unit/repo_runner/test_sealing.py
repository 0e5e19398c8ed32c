"""Secrets that only one reader opens."""

from __future__ import annotations

from repo_runner.sealing import Handover, Reader, seal

SECRETS = Handover({"ab": "token"}, {"HF_TOKEN": "hf"})


def test_the_holder_of_the_key_opens_them() -> None:
    reader = Reader()
    sealed = seal(SECRETS.flat(), reader.public, "run 1")
    assert Handover.from_flat(reader.open(sealed, "run 1") or {}) == SECRETS
    assert b"token" not in sealed


def test_nobody_else_does_and_not_for_another_purpose_nor_changed() -> None:
    reader = Reader()
    sealed = seal(SECRETS.flat(), reader.public, "run 1")
    assert Reader().open(sealed, "run 1") is None
    assert reader.open(sealed, "run 2") is None
    assert reader.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "run 1") is None
    assert reader.open(b"short", "run 1") is None
