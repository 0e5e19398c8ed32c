"""The Ray backend: the supervisor is the entrypoint of a Ray job."""

from __future__ import annotations

import json
import time
from pathlib import Path

from repo_runner.app_file import write_private
from repo_runner.backends.base import Attempt
from repo_runner.backends.package import node_package
from repo_runner.backends.ray_job import job_name, submission
from repo_runner.backends.ray_jobs import RayJobs
from repo_runner.backends.ray_link import RayLink
from repo_runner.errors import RunnerError
from repo_runner.kept_output import KeptOutput, last_line
from repo_runner.models import RunSpec
from repo_runner.order import Order, events_name, order_name
from repo_runner.paths import RunPaths
from repo_runner.resume import EarlierAttempts
from repo_runner.settings import Settings
from repo_runner.shelf import Shelf, ShelfFile


class RayBackend:
    """Puts an attempt's order on the shelf, submits the job, and keeps a link to it while it is followed.

    `lock` in the run folder names the job once there is one, as it names the process of a local run.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._links: dict[str, RayLink] = {}

    def launch(self, paths: RunPaths, spec: RunSpec, attempt: Attempt) -> None:
        """Begin to submit; a cluster that does not answer is asked again, in the background."""
        paths.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not paths.spec.exists():
            write_private(paths.spec, spec.model_dump_json(indent=2))
        self._link(paths, attempt.number, lambda: self._submit(paths, spec, attempt))

    def is_alive(self, paths: RunPaths) -> bool:
        """Whether the attempt, or what it left, is still on its way."""
        link = self._links.get(paths.run_id)
        if link is None:
            link = self._link(paths, _attempt_of(paths))
        return not link.ended.is_set()

    def was_started(self, paths: RunPaths) -> bool:
        """Whether the cluster has taken the job."""
        return paths.lock.exists()

    def stop(self, paths: RunPaths) -> None:
        """Leave `stop.json`; the link hands it on."""
        if not paths.stop.exists():
            write_private(paths.stop, f'{{"requested_at": {time.time()}}}')

    def clean_up(self, paths: RunPaths) -> None:
        """A node's own reaper does this there."""

    def forget(self, paths: RunPaths) -> None:
        """Remove what is on the shelf and in the cluster's list, if they can be reached."""
        jobs = RayJobs(self._settings.ray_address, self._settings.ray_token)
        try:
            Shelf(self._settings.shelf_url, paths.run_id).clear()
            for attempt in range(1, _attempt_of(paths) + 1):
                jobs.delete(job_name(paths.run_id, attempt))
        except RunnerError:
            return
        finally:
            jobs.close()

    def close(self) -> None:
        """Stop following; the jobs go on."""
        for link in self._links.values():
            link.close()

    def _link(self, paths: RunPaths, attempt: int, submit: object = None) -> RayLink:
        link = RayLink(self._settings, paths, attempt, submit)  # type: ignore[arg-type]
        self._links[paths.run_id] = link
        link.start()
        return link

    def _submit(self, paths: RunPaths, spec: RunSpec, attempt: Attempt) -> None:
        self._place_order(paths, spec, attempt)
        jobs = RayJobs(self._settings.ray_address, self._settings.ray_token)
        try:
            package = node_package()
            uri = jobs.upload(package.name, package.content)
            jobs.submit(submission(paths.run_id, spec, attempt, uri, self._settings))
        finally:
            jobs.close()
        job = {"job": job_name(paths.run_id, attempt.number), "attempt": attempt.number}
        write_private(paths.lock, json.dumps(job))

    def _place_order(self, paths: RunPaths, spec: RunSpec, attempt: Attempt) -> None:
        """The order goes last: it speaks of the other files."""
        shelf = Shelf(self._settings.shelf_url, paths.run_id)
        files = self._left_behind(paths) if attempt.number > 1 else ()
        for file in files:
            shelf.put(paths.root / file.path, file)
        if paths.events.exists():
            shelf.write(events_name(attempt.number), paths.events.read_bytes())
        kept = KeptOutput.of(paths.output)
        order = Order(
            spec=spec,
            attempt=attempt.number,
            with_probe=attempt.with_probe,
            settings=dict(self._settings.node_env),
            files=tuple(file.as_dict() for file in files),
            output_lines=last_line(kept),
            output_bytes=kept.size_bytes,
            fetch_log_bytes=_size(paths.fetch_log),
            build_log_bytes=_size(paths.build_log),
        )
        shelf.write(order_name(attempt.number), order.model_dump_json().encode())

    @staticmethod
    def _left_behind(paths: RunPaths) -> tuple[ShelfFile, ...]:
        """The checkpoints, and what the last stop saved."""
        earlier = EarlierAttempts.of(paths)
        names = {f"checkpoints/{c.name}" for c in earlier.checkpoints}
        names |= {str(f.relative_to(paths.root)) for f in paths.root.glob("probe/*/stop.ckpt")}
        return tuple(
            ShelfFile.of(paths.root, name)
            for name in sorted(names)
            if (paths.root / name).is_file()
        )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _attempt_of(paths: RunPaths) -> int:
    """Of the newest job."""
    try:
        return int(json.loads(paths.lock.read_text())["attempt"])
    except FileNotFoundError:
        return 1
