"""What a hostile script or page would try: text that wants to be markup, and a second origin."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from repo_runner.models import RunSpec
from repo_runner.paths import HomePaths
from repo_runner.store import Changes, Store

#: Each sets `pwned`, asks xss.example for something, or leaves an element with `data-xss` if it is taken for markup.
CORPUS = (
    "<script data-xss>window.pwned=1</script>",
    "<img data-xss src=http://xss.example/i.png onerror=window.pwned=1>",
    '"><svg data-xss onload=window.pwned=1>',
    "![x](http://xss.example/m.png)",
    "[x](javascript:window.pwned=1)",
    "<iframe data-xss src=javascript:parent.pwned=1></iframe>",
    "'-window.pwned=1-'",
    '{{constructor.constructor("window.pwned=1")()}}',
    "$\\href{javascript:window.pwned=1}{x}$",
    "http://xss.example/auto :material/face: :red[x]",
    '<a data-xss href="//xss.example/a">x</a>',
    "\u202e</textarea></style><style data-xss>@import url(http://xss.example/c.css)</style>",
    "javascript:window.pwned=1",
    "__proto__",
    "<math data-xss><mtext><table><mglyph><style><!--</style><img src=http://xss.example/p>",
)
ALL = " ".join(CORPUS)


def store_hostile_run(store: Store, home: Path, run_id: str, *, ended: bool) -> None:
    """A run in which everything a script or a repository can choose is the corpus."""
    spec = RunSpec(
        repo_url="https://github.com/acme/" + CORPUS[1],
        ref=ALL,
        commit_sha="0" * 40,
        script_path=ALL,
        script_args=CORPUS,
        requirements=CORPUS,
        name=f"{run_id} {ALL}",
        python=CORPUS[0],
        env=dict.fromkeys(CORPUS, ALL),
        submitted_by=CORPUS[1],
    )
    store.add(run_id, spec, None)
    store.begin(run_id)
    store.apply(run_id, offset=0, next_offset=1, changes=_changes())
    _write_files(HomePaths(home).run(run_id).root)
    if ended:
        failure = {"error_code": "script_failed", "message": ALL, "hint": ALL, "lines": CORPUS}
        store.finish(run_id, status="failed", ended_at=time.time(), failure=failure)


def _changes() -> Changes:
    now = time.time()
    checkpoint = {
        "name": CORPUS[1].replace("/", "_"),
        "path": ALL,
        "monitor": CORPUS[0],
        "mode": "min",
        "score": 0.5,
        "epoch": 1,
        "step": 1,
        "is_best": True,
        "is_last": True,
        "sha256": "0" * 64,
        "size_bytes": 1,
        "saved_at": "2026-01-01T00:00:00Z",
    }
    points = [
        {
            "name": name,
            "step": step,
            "epoch": 0,
            "timestamp": now,
            "value": float(step),
            "text": None,
        }
        for name in CORPUS
        for step in range(3)
    ]
    progress = {"phase": "training", "stage": CORPUS[0], "message": ALL, "fraction": 0.5}
    phases = [{"phase": "training", "started_at": now - 5, "ended_at": None}]
    return Changes(
        columns={
            "phase": "training",
            "phases": phases,
            "progress": progress,
            "has_probe": True,
            "monitor": CORPUS[0],
            "mode": CORPUS[0][:8],
            "best_model_score": 0.5,
            "best_model_path": ALL,
            "last_metrics": dict.fromkeys(CORPUS, 1.0),
            "hparams": {word: {word: CORPUS} for word in CORPUS},
            "trainer": dict.fromkeys(CORPUS, ALL),
            "notes": list(CORPUS),
            "environment_key": CORPUS[0],
        },
        metrics=points,
        checkpoints=[checkpoint],
    )


def _write_files(folder: Path) -> None:
    folder.mkdir(parents=True)
    lines = "\n".join(
        (*CORPUS, f"\x1b]8;;javascript:window.pwned=1\x07{ALL}\x1b]8;;\x07", "the end")
    )
    for name in ("output.log", "build.log", "fetch.log"):
        (folder / name).write_text(lines)
    package = {"name": CORPUS[0], "version": CORPUS[1], "declared": ALL, "file": ALL}
    environment = {
        "key": CORPUS[0],
        "python": CORPUS[0],
        "reused": True,
        "seconds": 1.0,
        "files": CORPUS,
        "dependency_files": CORPUS,
        "packages": [package],
        "declared": [],
        "freeze": [f"pkg=={word}" for word in CORPUS],
    }
    (folder / "environment.json").write_text(json.dumps(environment))


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>elsewhere</title><p>a page of somebody else</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def second_origin() -> Iterator[int]:
    """The port of a web server that is not ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()
