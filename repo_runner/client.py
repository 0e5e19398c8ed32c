"""HTTP client with the manager's verbs; what the UI and the command line use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from repo_runner.app_file import AppAddress
from repo_runner.board_status import BoardStatus
from repo_runner.caches import Caches, TidyReport
from repo_runner.errors import AppUnreachable, RunnerError, SourceError
from repo_runner.models import (
    Checkpoint,
    Cluster,
    Health,
    LogSearch,
    LogSlice,
    MetricSeries,
    Preflight,
    Run,
    RunPage,
    Submission,
)
from repo_runner.resources import ResourcePoint
from repo_runner.run_environment import RunEnvironment
from repo_runner.settings import Settings

_TIMEOUT = httpx.Timeout(30.0, connect=3.0)
#: A submission fetches from the repository's host.
_SUBMIT_TIMEOUT = httpx.Timeout(180.0, connect=3.0)
#: Many files are walked, or removed.
_LONG_TIMEOUT = httpx.Timeout(600.0, connect=3.0)


class ApiError(RunnerError):
    """The app refused the call."""

    @classmethod
    def of(cls, response: httpx.Response) -> ApiError:
        """The error the app answered with."""
        try:
            facts = response.json()["error"]
        except (ValueError, KeyError, TypeError):
            return cls(f"The app answered {response.status_code}.", code="http_error")
        error = cls(
            facts["message"],
            hint=facts.get("hint"),
            field=facts.get("field"),
            lines=facts.get("lines") or [],
            code=facts.get("code"),
        )
        error.http_status = response.status_code  # type: ignore[misc]  # the instance's own, over the class's default
        return error


class Client:
    """Talks to a running app; raises AppUnreachable, or ApiError with the app's own sentence."""

    def __init__(
        self, address: str, token: str = "", cookie: str = "", public_address: str = ""
    ) -> None:
        self.address = address.rstrip("/")
        #: Where a browser finds the app.
        self.public_address = public_address or self.address
        # The cookie of a person's session counts only together with the origin of our own page.
        session = {"Cookie": cookie, "Origin": self.address} if cookie else {}
        headers = {"Authorization": f"Bearer {token}"} if token else session
        self._http = httpx.Client(
            base_url=f"{self.address}/api/v1", headers=headers, timeout=_TIMEOUT, trust_env=False
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Client:
        """For the app that uses this data folder."""
        found = AppAddress.find(settings)
        return cls(found.address, found.token, public_address=found.public_address)

    def submit(self, submission: Submission, idempotency_key: str | None = None) -> Run:
        """Submit a run."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = submission.model_dump(mode="json")
        return Run.model_validate(
            self._call("POST", "/runs", json=body, headers=headers, timeout=_SUBMIT_TIMEOUT)
        )

    def preflight(self, submission: Submission) -> Preflight:
        """Check a submission without starting it."""
        body = submission.model_dump(mode="json")
        return Preflight.model_validate(
            self._call("POST", "/preflight", json=body, timeout=_SUBMIT_TIMEOUT)
        )

    def get(self, run_id: str) -> Run:
        """One run."""
        return Run.model_validate(self._call("GET", f"/runs/{run_id}"))

    def list(
        self,
        status: str | None = None,
        q: str = "",
        limit: int = 50,
        cursor: str | None = None,
        *,
        sort: str = "",
        repository: str = "",
    ) -> RunPage:
        """A page of runs, newest first or sorted."""
        asked = {
            "status": status or None,
            "q": q or None,
            "limit": limit,
            "cursor": cursor or None,
            "sort": sort or None,
            "repository": repository or None,
        }
        return RunPage.model_validate(self._call("GET", "/runs", params=_given(asked)))

    def logs(
        self,
        run_id: str,
        after: int | None = None,
        tail: int | None = None,
        stream: str = "output",
        *,
        upto: int | None = None,
    ) -> LogSlice:
        """A piece of a run's output."""
        asked = {"after": after, "tail": tail, "upto": upto, "stream": stream}
        return LogSlice.model_validate(
            self._call("GET", f"/runs/{run_id}/logs", params=_given(asked))
        )

    def search_logs(
        self,
        run_id: str,
        q: str,
        *,
        context: int = 2,
        match_case: bool = False,
        limit: int = 200,
        after: int = 0,
        stream: str = "output",
    ) -> LogSearch:
        """The lines of a run's output that hold `q`, with `context` lines around each."""
        asked = {"q": q, "context": context, "match_case": match_case, "limit": limit}
        params = {**asked, "after": after, "stream": stream}
        return LogSearch.model_validate(self._call("GET", f"/runs/{run_id}/logs", params=params))

    def metrics(
        self,
        run_id: str,
        names: Sequence[str] | None = None,
        max_points: int = 500,
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> tuple[MetricSeries, ...]:
        """A run's curves; only what came after a point's number, and up to another's."""
        asked = _given(
            {"name": list_of(names), "max_points": max_points, "after": after, "upto": upto}
        )
        return tuple(
            MetricSeries.model_validate(s)
            for s in self._call("GET", f"/runs/{run_id}/metrics", params=asked)
        )

    def resources(self, run_id: str, max_points: int = 500) -> tuple[ResourcePoint, ...]:
        """What a run took of the machine over time."""
        found = self._call("GET", f"/runs/{run_id}/resources", params={"max_points": max_points})
        return tuple(ResourcePoint.model_validate(one) for one in found)

    def environment(self, run_id: str) -> RunEnvironment:
        """What is in a run's environment."""
        return RunEnvironment.model_validate(self._call("GET", f"/runs/{run_id}/environment"))

    def open_board(self, run_id: str) -> BoardStatus:
        """Start TensorBoard for a run."""
        return BoardStatus.model_validate(self._call("POST", f"/runs/{run_id}/board"))

    def board(self, run_id: str) -> BoardStatus:
        """How far a run's TensorBoard is."""
        return BoardStatus.model_validate(self._call("GET", f"/runs/{run_id}/board"))

    def close_board(self, run_id: str) -> None:
        """End a run's TensorBoard."""
        self._call("DELETE", f"/runs/{run_id}/board")

    def checkpoints(self, run_id: str) -> tuple[Checkpoint, ...]:
        """A run's checkpoints, best first."""
        return tuple(
            Checkpoint.model_validate(c) for c in self._call("GET", f"/runs/{run_id}/checkpoints")
        )

    def stop(self, run_id: str) -> Run:
        """Ask a run to save and stop."""
        return Run.model_validate(self._call("POST", f"/runs/{run_id}/stop"))

    def resume(self, run_id: str) -> Run:
        """Queue a new attempt."""
        return Run.model_validate(self._call("POST", f"/runs/{run_id}/resume"))

    def delete(self, run_id: str) -> None:
        """Remove an ended run."""
        self._call("DELETE", f"/runs/{run_id}")

    def health(self) -> Health:
        """State of the app."""
        return Health.model_validate(self._call("GET", "/health"))

    def cluster(self) -> Cluster:
        """The cluster runs may go to."""
        return Cluster.model_validate(self._call("GET", "/cluster", timeout=_LONG_TIMEOUT))

    def caches(self) -> Caches:
        """How much disk the shared caches take."""
        return Caches.model_validate(self._call("GET", "/caches", timeout=_LONG_TIMEOUT))

    def tidy(self, *, everything: bool = False) -> TidyReport:
        """Clean the caches up: to their limits, or of all that no run uses."""
        asked = {"everything": everything}
        return TidyReport.model_validate(
            self._call("POST", "/tidy", params=asked, timeout=_LONG_TIMEOUT)
        )

    def state(self) -> dict[str, Any]:
        """Lightning's shared state, as the framework serves it."""
        headers = {
            "X-Lightning-Session-UUID": "repo-runner",
            "X-Lightning-Session-ID": "repo-runner",
        }
        state: dict[str, Any] = self._call("GET", "/state", headers=headers)
        return state

    def events(self, run_id: str) -> Iterator[dict[str, Any]]:
        """The run's events from the first, live until the run ends."""
        with self._http.stream("GET", f"/runs/{run_id}/events", timeout=None) as response:
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def log_url(self, run_id: str, stream: str) -> str:
        """Where a browser gets a whole log as a file."""
        return f"{self.public_address}/api/v1/runs/{run_id}/logs/{stream}"

    def lock_url(self, run_id: str) -> str:
        """Where a browser gets the run's environment as a requirements file."""
        return f"{self.public_address}/api/v1/runs/{run_id}/environment/lock"

    def download_url(self, run_id: str, name: str) -> str:
        """Where a browser gets a checkpoint."""
        return f"{self.public_address}/api/v1/runs/{run_id}/checkpoints/{name}"

    def download(self, run_id: str, name: str, destination: Path) -> str:
        """Save a checkpoint (aside, then moved into place) and return its sha256, which was compared on the way."""
        partial = destination.with_name(destination.name + ".partial")
        digest = hashlib.sha256()
        try:
            with self._http.stream("GET", f"/runs/{run_id}/checkpoints/{name}") as response:
                if response.is_error:
                    response.read()
                    raise ApiError.of(response)
                with partial.open("wb") as file:
                    for chunk in response.iter_bytes():
                        digest.update(chunk)
                        file.write(chunk)
                promised = response.headers["X-Checksum-Sha256"]
        except httpx.ConnectError as error:
            raise AppUnreachable(f"The app at {self.address} does not answer.") from error
        except httpx.TransportError as error:
            partial.unlink(missing_ok=True)
            raise _damaged("The download broke off") from error
        if digest.hexdigest() != promised:
            partial.unlink()
            raise _damaged("The downloaded checkpoint is damaged: its sha256 differs")
        partial.replace(destination)
        return promised

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise AppUnreachable(f"The app at {self.address} does not answer.") from error
        if response.is_error:
            raise ApiError.of(response)
        return response.json() if response.content else None


def _damaged(what: str) -> SourceError:
    return SourceError(f"{what}.", hint="Download it again.", code="download_failed")


def _given(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def list_of(names: Sequence[str] | None) -> Any:
    """httpx repeats a parameter for each item."""
    return list(names) if names else None
