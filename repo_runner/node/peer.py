"""One of the other nodes of a run on several: `python -m repo_runner.node.peer RUN_ID ATTEMPT SHELF_URL RANK`.

Its own supervisor fetches, builds and runs the script there; only the first node reports events. It talks with the
courier in JSON lines: says `key`, is told `sealed` and `env`; is told the `agreement` on a stop, and says that it
has it; says `ended`. Without the courier it ends.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import threading
from typing import Any

from repo_runner.kept_output import last_lines
from repo_runner.node.agreement import Agreement
from repo_runner.node.attempt import NodeAttempt
from repo_runner.order import purpose
from repo_runner.sealing import Handover, Reader
from repo_runner.token_vault import TokenVault

_LOOK_EVERY_S = 0.1


def main(run_id: str, attempt: int, shelf_url: str, rank: int) -> None:
    """Take part until the script has ended here, or the courier is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    here, reader = NodeAttempt(run_id, attempt, shelf_url, rank), Reader()
    _say(key=reader.public)
    told = json.loads(sys.stdin.readline())
    secrets = _open(reader, told, purpose(run_id, attempt), here)
    here.make_folder(told["env"])
    child = here.start(secrets)
    agreement = Agreement.in_folder(here.paths.probe(attempt))
    threading.Thread(target=_listen, args=(agreement,), daemon=True).start()
    while not child.ended_within(_LOOK_EVERY_S):
        pass
    record = here.exit_record()
    _say(
        ended=record.model_dump(mode="json") if record else None,
        lines=last_lines(here.paths.output, 15),
    )
    here.remove()


def _open(reader: Reader, told: dict[str, Any], about: str, here: NodeAttempt) -> dict[str, str]:
    opened = reader.open(base64.b64decode(told["sealed"]), about)
    if opened is None:
        raise SystemExit("What the courier handed over was not sealed for this node.")
    given = Handover.from_flat(opened)
    for ticket, secret in given.tickets.items():
        TokenVault(here.settings.home).place(ticket, secret)
    return dict(given.variables)


def _listen(agreement: Agreement) -> None:
    """Until the courier, or the actor between us, is gone; the reaper ends the rest."""
    while line := sys.stdin.readline():
        words = str(json.loads(line).get("agreement", ""))
        if words and agreement.place(words):
            _say(agreement=words)
    os._exit(1)


def _say(**what: Any) -> None:
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
