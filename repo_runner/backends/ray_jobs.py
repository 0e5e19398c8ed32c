"""The door to a Ray cluster: the HTTP interface of its dashboard, nothing of Ray itself.

Routes: the Jobs REST API (`/api/jobs/`, `/api/packages/`), the State API's log stream (what `ray logs --follow` reads),
and `/nodes`. Ray's own client would bring Ray into the app; see docs/decisions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from repo_runner.errors import RunnerError
from repo_runner.models import ClusterNode, NodeResource

#: How often the node that runs the job looks at its log for us.
_STREAM_INTERVAL_S = 0.1
#: A stream that says nothing for so long is dead: the courier sends a sign of life more often than that.
STREAM_SILENCE_S = 15.0
_TIMEOUT_S = 15.0
#: What a head says that has just started.
_NOT_READY = "please try again later"


class ClusterUnreachable(RunnerError):
    """The Ray cluster does not answer."""

    code = "cluster_unreachable"
    http_status = 503
    hint = "Check REPO_RUNNER_RAY_ADDRESS and that its dashboard answers there, such as http://127.0.0.1:8265."


class ClusterRefused(RunnerError):
    """The Ray cluster refused what was asked of it."""

    code = "cluster_refused"
    http_status = 502


class JobUnknown(RunnerError):
    """The Ray cluster does not know this job."""

    code = "job_unknown"


@dataclass(frozen=True)
class JobInfo:
    """What the cluster says of a job."""

    status: str
    message: str = ""
    #: Set by Ray where it, not the entrypoint, ended the job.
    error_type: str = ""
    #: The node the entrypoint runs on; empty before it does.
    node_id: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether the cluster is done with it."""
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")


class RayJobs:
    """One cluster; a connection per call, because calls are rare and an app may outlive many clusters."""

    def __init__(self, address: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=address.rstrip("/"),
            headers=headers,
            timeout=_TIMEOUT_S,
            trust_env=False,
            # Reading all certificates of the world takes 20 ms, which plain HTTP has no use for.
            verify=address.startswith("https:"),
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def has_package(self, name: str) -> bool:
        """Whether the cluster keeps a package of this name."""
        return self._call("GET", f"/api/packages/gcs/{name}", missing_ok=True) is not None

    def upload(self, name: str, content: bytes) -> str:
        """Hand the cluster a zip; returns its URI for a runtime_env."""
        if not self.has_package(name):
            self._call("PUT", f"/api/packages/gcs/{name}", content=content)
        return f"gcs://{name}"

    def submit(self, body: dict[str, Any]) -> None:
        """Start a job; one that is known already stays as it is."""
        try:
            self._call("POST", "/api/jobs/", json=body)
        except ClusterRefused as error:
            if "already exists" not in " ".join(error.lines):
                raise

    def info(self, job: str) -> JobInfo:
        """What became of a job; raises JobUnknown."""
        answer = self._call("GET", f"/api/jobs/{job}", missing_ok=True)
        if answer is None:
            raise JobUnknown
        found = answer.json()
        facts = (found.get(name) or "" for name in ("message", "error_type", "driver_node_id"))
        return JobInfo(found["status"], *facts)

    def stop(self, job: str) -> None:
        """Ask Ray to end a job: SIGTERM to all of it, SIGKILL later."""
        self._call("POST", f"/api/jobs/{job}/stop", missing_ok=True)

    def delete(self, job: str) -> None:
        """Forget an ended job."""
        self._call("DELETE", f"/api/jobs/{job}", missing_ok=True)

    def log(self, job: str, node_id: str, *, follow: bool) -> Iterator[bytes]:
        """The job's log from its first byte; with `follow` as it grows, until the connection ends.

        Where the cluster lets in no more readers, only what it holds now, by a route that knows no such limit.
        """
        query: dict[str, str | float] = {
            "node_id": node_id,
            "filename": f"job-driver-{job}.log",
            "lines": -1,
        }
        if follow:
            query["interval"] = _STREAM_INTERVAL_S
        timeout = httpx.Timeout(_TIMEOUT_S, read=STREAM_SILENCE_S)
        path = f"/api/v0/logs/{'stream' if follow else 'file'}"
        with _speaking(), self._http.stream("GET", path, params=query, timeout=timeout) as answer:
            if answer.status_code == httpx.codes.OK:
                yield from answer.iter_raw()
                return
            answer.read()
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            raise _refusal(answer)
        whole = self._call("GET", f"/api/jobs/{job}/logs")
        assert whole is not None
        yield str(whole.json()["logs"]).encode()

    def nodes(self) -> tuple[ClusterNode, ...]:
        """The machines of the cluster, the head first."""
        answer = self._call("GET", "/nodes", params={"view": "summary"})
        assert answer is not None
        data = answer.json()["data"]
        found = [_node(each, data.get("nodeLogicalResources") or {}) for each in data["summary"]]
        return tuple(sorted(found, key=lambda n: (not n.is_alive, not n.is_head, n.node_id)))

    def _call(
        self, method: str, path: str, *, missing_ok: bool = False, **more: Any
    ) -> httpx.Response | None:
        with _speaking():
            answer = self._http.request(method, path, **more)
        if missing_ok and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer)
        return answer


@contextmanager
def _speaking() -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ClusterUnreachable(f"The Ray cluster does not answer: {error}.") from error


def _refusal(answer: httpx.Response) -> RunnerError:
    lines = answer.text.strip().splitlines()[-20:]
    last = lines[-1][:300] if lines else answer.reason_phrase
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        hint = "Set REPO_RUNNER_RAY_TOKEN to the cluster's token."
        return ClusterRefused(f"The Ray cluster refused us: {last}", hint=hint, lines=lines)
    if _NOT_READY in last:
        return ClusterUnreachable(f"The Ray cluster is not ready: {last}")
    return ClusterRefused(f"The Ray cluster refused: {last}", lines=lines)


def _node(found: dict[str, Any], usage: dict[str, str]) -> ClusterNode:
    raylet = found.get("raylet") or {}
    node_id = raylet.get("nodeId", "")
    labels = {n: v for n, v in (raylet.get("labels") or {}).items() if not n.startswith("ray.io/")}
    return ClusterNode(
        node_id=node_id,
        address=found.get("ip", ""),
        is_head=bool(raylet.get("isHeadNode")),
        is_alive=raylet.get("state") == "ALIVE",
        resources=tuple(_resources(usage.get(node_id, ""))),
        labels=labels,
    )


def _resources(lines: str) -> Iterator[NodeResource]:
    """`0.0/4.0 CPU`, one a line, as Ray writes them for people."""
    for line in lines.splitlines():
        amounts, _, name = line.strip().partition(" ")
        used, _, total = amounts.partition("/")
        if total and not name.startswith("node:"):
            yield NodeResource(name=name, used=used, total=total)
