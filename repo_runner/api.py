"""The HTTP interface, `/api/v1`: thin over the manager; mounted in Lightning's own API service."""

from __future__ import annotations

import asyncio
import errno
import json
import re
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi import Path as PathParam
from fastapi.exceptions import RequestValidationError
from fastapi.responses import (
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from pydantic import Field
from starlette.exceptions import (
    HTTPException,
)  # the base of FastAPI's: also of what the router itself raises

from repo_runner import health
from repo_runner.access.person import Person, Role
from repo_runner.board_status import BoardStatus
from repo_runner.caches import Caches, TidyReport
from repo_runner.download import Download
from repo_runner.errors import FolderReadOnly, Forbidden, InvalidInput, RunnerError
from repo_runner.events import read_batch
from repo_runner.log_search import Search
from repo_runner.manager import Manager
from repo_runner.metric_store import Stretch
from repo_runner.models import (
    Checkpoint,
    Cluster,
    Health,
    LogSearch,
    LogSlice,
    MetricSeries,
    Preflight,
    Record,
    Run,
    RunPage,
    Submission,
)
from repo_runner.resources import ResourcePoint
from repo_runner.run_environment import RunEnvironment
from repo_runner.run_list import NEWEST_FIRST, RunQuery
from repo_runner.settings import Settings
from repo_runner.upkeep import Upkeep

router = APIRouter(prefix="/api/v1")

_EVENTS_EVERY_S = 0.5
_STREAM = "^(output|build|fetch)$"
#: Numbers of places and points end where those of JSON stop being exact; far below what the database and files take.
_LAST = (1 << 53) - 1
_EVENT_ID = re.compile("[0-9]{1,15}")


def install(app: FastAPI, settings: Settings) -> None:
    """Add our routes and error answers; the manager is opened by the first request, in the process that serves."""
    app.state.manager_of_repo_runner = lru_cache(maxsize=1)(lambda: Manager(settings))
    app.add_exception_handler(RunnerError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(OSError, _answer_disk)
    app.add_exception_handler(Exception, _answer_defect)
    app.include_router(router)


def start_upkeep(app: FastAPI) -> Upkeep:
    """Backups and clearing away, in the process that serves."""
    upkeep = Upkeep(app.state.manager_of_repo_runner())
    upkeep.start()
    return upkeep


def _manager(request: Request) -> Manager:
    manager: Manager = request.app.state.manager_of_repo_runner()
    return manager


class _Listing(Record):
    """What `GET /runs` takes."""

    status: str = ""
    q: str = Field("", max_length=200)
    repository: str = ""
    #: `submitted`, `name`, `status`, `repository`, `score` or `duration`; a minus sign in front turns it around.
    sort: str = NEWEST_FIRST
    cursor: str = ""
    limit: int = Field(50, ge=1, le=500)


TheManager = Annotated[Manager, Depends(_manager)]


def _person(request: Request) -> Person:
    """Whom the guard has let in; where no guard stands, nobody changes anything."""
    person = getattr(request.state, "person", None)
    if not isinstance(person, Person):
        raise Forbidden("Nobody knows who is asking.")
    return person


ThePerson = Annotated[Person, Depends(_person)]


def _own_run(run_id: str, manager: TheManager, person: ThePerson) -> str:
    """A run that this person may act on: operators on any, submitters on their own."""
    submitted_by = manager.get(run_id).spec.submitted_by
    if person.role is not Role.OPERATOR and person.name != submitted_by:
        raise Forbidden(f"This run is {submitted_by or 'an operator'}'s.")
    return run_id


OwnRun = Annotated[str, Depends(_own_run)]


@router.post("/runs", status_code=201)
def submit(
    submission: Submission,
    manager: TheManager,
    person: ThePerson,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Run:
    """Submit a run; with an `Idempotency-Key` that was seen before, answer the run it made."""
    return manager.submit(submission, idempotency_key, submitted_by=person.name)


@router.get("/runs")
def list_runs(
    manager: TheManager,
    query: Annotated[_Listing, Query()],
) -> RunPage:
    """Newest first, or by `sort`; `status` may name several, separated by commas."""
    asked = query.model_dump(exclude={"limit"})
    return manager.list(RunQuery(**asked), query.limit)


@router.get("/runs/{run_id}")
def get(run_id: str, manager: TheManager) -> Run:
    """One run."""
    return manager.get(run_id)


@router.post("/runs/{run_id}/stop", status_code=202)
def stop(run_id: OwnRun, manager: TheManager) -> Run:
    """Ask a run to save and stop."""
    return manager.stop(run_id)


@router.post("/runs/{run_id}/resume", status_code=202)
def resume(run_id: OwnRun, manager: TheManager) -> Run:
    """Queue a new attempt that goes on from the saved checkpoint."""
    return manager.resume(run_id)


@router.delete("/runs/{run_id}", status_code=204)
def delete(run_id: str, manager: TheManager) -> None:
    """Remove an ended run and its folder."""
    manager.delete(run_id)


def _search(
    q: Annotated[str, Query(max_length=500)] = "",
    context: Annotated[int, Query(ge=0, le=20)] = 2,
    match_case: bool = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    after: Annotated[int, Query(ge=0, le=_LAST)] = 0,
) -> Search | None:
    return Search(q, context, match_case, limit, after) if q else None


@router.get("/runs/{run_id}/logs")
def logs(
    run_id: str,
    manager: TheManager,
    search: Annotated[Search | None, Depends(_search)],
    after: Annotated[int | None, Query(ge=0, le=_LAST)] = None,
    tail: Annotated[int | None, Query(ge=1, le=4 << 20)] = None,
    upto: Annotated[int | None, Query(ge=0, le=_LAST)] = None,
    stream: Annotated[str, Query(pattern=_STREAM)] = "output",
) -> LogSlice | LogSearch:
    """Output after an offset (and up to another), or its tail, in bytes; with `q`, the lines that hold it."""
    if search is not None:
        return manager.search_logs(run_id, search, stream)
    return manager.logs(run_id, after=after, tail=tail, upto=upto, stream=stream)


@router.get("/runs/{run_id}/logs/{stream}")
def whole_log(
    run_id: str,
    stream: Annotated[str, PathParam(pattern=_STREAM)],
    manager: TheManager,
    range_: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
    if_range: Annotated[str | None, Header(max_length=200)] = None,
) -> StreamingResponse:
    """A whole log as a file, or a part of it; it has no entity tag, so a condition on one gets the whole."""
    log = manager.whole_log(run_id, stream)
    name = f"{run_id}-{stream}.log"
    answer = Download.of_log(log, name, range_=None if if_range else range_)
    return StreamingResponse(
        answer.body, answer.status, answer.headers, media_type="text/plain; charset=utf-8"
    )


@router.get("/runs/{run_id}/metrics")
def metrics(
    run_id: str,
    manager: TheManager,
    name: Annotated[list[str] | None, Query()] = None,
    max_points: Annotated[int, Query(ge=4, le=100_000)] = 500,
    after: Annotated[int, Query(ge=0, le=_LAST)] = 0,
    upto: Annotated[int | None, Query(ge=1, le=_LAST)] = None,
) -> tuple[MetricSeries, ...]:
    """The curves, thinned without losing extremes; `after` and `upto` are the `number` of points."""
    return manager.metrics(run_id, name or (), Stretch(after, upto, max_points))


@router.get("/runs/{run_id}/resources")
def resources(
    run_id: str,
    manager: TheManager,
    max_points: Annotated[int, Query(ge=4, le=100_000)] = 500,
) -> tuple[ResourcePoint, ...]:
    """CPU, memory and GPU of the run's processes over time, thinned to the peaks."""
    return manager.resources(run_id, max_points)


@router.get("/runs/{run_id}/environment")
def environment(run_id: str, manager: TheManager) -> RunEnvironment:
    """The packages of the run's environment, held against what its repository asks for."""
    return manager.environment(run_id)


@router.get("/runs/{run_id}/environment/lock")
def environment_lock(run_id: str, manager: TheManager) -> Response:
    """The same as a requirements file to download."""
    name = f"requirements-{run_id}.txt"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(manager.environment_lock(run_id), headers=headers)


@router.post("/runs/{run_id}/board", status_code=202)
def open_board(run_id: str, manager: TheManager) -> BoardStatus:
    """Start TensorBoard for a run; ask again until it is ready."""
    return manager.open_board(run_id)


@router.get("/runs/{run_id}/board")
def board(run_id: str, manager: TheManager) -> BoardStatus:
    """How far a run's TensorBoard is, and where a browser finds it; asking keeps it open."""
    return manager.board(run_id)


@router.delete("/runs/{run_id}/board", status_code=204)
def close_board(run_id: str, manager: TheManager) -> None:
    """End a run's TensorBoard."""
    manager.close_board(run_id)


@router.get("/runs/{run_id}/checkpoints")
def checkpoints(run_id: str, manager: TheManager) -> tuple[Checkpoint, ...]:
    """The checkpoints in the run folder, best first."""
    return manager.checkpoints(run_id)


@router.get("/runs/{run_id}/checkpoints/{name}")
def download(
    run_id: str,
    name: str,
    manager: TheManager,
    range_: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
    if_range: Annotated[str | None, Header(max_length=200)] = None,
    if_none_match: Annotated[str | None, Header(max_length=2000)] = None,
) -> StreamingResponse:
    """A checkpoint by `best`, `last` or name, or one range of it. Loading such a file runs code from it."""
    answer = Download.of(
        manager.artifact(run_id, name),
        range_=range_,
        if_range=if_range,
        if_none_match=if_none_match,
    )
    return StreamingResponse(
        answer.body, answer.status, answer.headers, media_type="application/octet-stream"
    )


@router.get("/runs/{run_id}/events")
async def events(
    run_id: str,
    request: Request,
    manager: TheManager,
    last_event_id: Annotated[str, Header(max_length=200)] = "",
) -> StreamingResponse:
    """The run's events as server-sent events; ids are byte offsets, so a reader goes on where it was cut off."""
    await asyncio.to_thread(manager.get, run_id)
    offset = int(last_event_id) if _EVENT_ID.fullmatch(last_event_id) else 0
    stream = _stream(manager, run_id, offset, request)
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.post("/preflight")
def preflight(submission: Submission, manager: TheManager) -> Preflight:
    """What is known about a submission before it starts."""
    return manager.preflight(submission)


@router.get("/me")
def me(person: ThePerson) -> dict[str, str]:
    """Who is asking, as the app knows them."""
    return {"name": person.name, "role": person.role.value}


@router.get("/health")
def get_health(manager: TheManager) -> Health:
    """State of the app."""
    return health.check(manager)


@router.get("/cluster")
def cluster(manager: TheManager) -> Cluster:
    """The cluster runs may go to, and what of it is free now."""
    return manager.cluster()


@router.get("/caches")
def caches(manager: TheManager) -> Caches:
    """How much disk the shared caches take."""
    return manager.caches()


@router.post("/tidy")
def tidy(manager: TheManager, everything: bool = False) -> TidyReport:
    """Remove environments that are too old or too many; with `everything`, all that no run uses."""
    return manager.tidy(everything=everything)


async def _stream(
    manager: Manager, run_id: str, offset: int, request: Request
) -> AsyncIterator[str]:
    path = manager.paths.run(run_id).events
    while not await request.is_disconnected():
        ended = (await asyncio.to_thread(manager.get, run_id)).status.is_terminal
        batch = await asyncio.to_thread(read_batch, path, offset)
        offset = batch.next_offset
        for event in batch.events:
            yield f"event: {event.get('kind')}\nid: {offset}\ndata: {json.dumps(event)}\n\n"
        if ended and not batch.events:
            return
        if not batch.events:
            await asyncio.sleep(_EVENTS_EVERY_S)


def _answer_error(_request: Request, error: Any) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
    return JSONResponse({"error": error.as_dict()}, error.http_status, headers)


def _answer_http(_request: Request, error: Any) -> JSONResponse:
    facts = RunnerError(f"{error.detail}.", code="http_error").as_dict()
    return JSONResponse({"error": facts}, status_code=error.status_code)


def _answer_disk(request: Request, error: Any) -> JSONResponse:
    """Whatever was to be written: any other error of the machine is a defect."""
    if error.errno != errno.EROFS:
        raise error
    return _answer_error(request, FolderReadOnly())


def _answer_defect(_request: Request, _error: Any) -> JSONResponse:
    """The server logs the traceback after this answer."""
    hint = "This is a defect of the app; its log holds the traceback."
    return JSONResponse(
        {"error": RunnerError(hint=hint).as_dict()}, status_code=RunnerError.http_status
    )


def _answer_invalid(_request: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    field = (
        ".".join(
            str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")
        )
        or None
    )
    invalid = InvalidInput(
        f"The field {field or 'body'} is not valid: {first['msg'][0].lower()}{first['msg'][1:]}.",
        field=field,
        hint="Correct this field and send it again.",
    )
    return _answer_error(_request, invalid)
