"""Where everything lives: one object for the data folder, one for a run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HomePaths:
    """The data folder, `REPO_RUNNER_HOME`."""

    root: Path

    @property
    def runs(self) -> Path:
        """One folder per run, named by its id."""
        return self.root / "runs"

    @property
    def mirrors(self) -> Path:
        """Bare git mirrors, one per repository, shared by all runs."""
        return self.root / "cache" / "mirrors"

    @property
    def environments(self) -> Path:
        """Virtual environments, one per environment key, shared by all runs."""
        return self.root / "cache" / "environments"

    @property
    def bytecode(self) -> Path:
        """Compiled modules, shared by all environments."""
        return self.root / "cache" / "bytecode"

    @property
    def pythons(self) -> Path:
        """Interpreters that the installer downloaded, unless the operator keeps them elsewhere."""
        return self.root / "cache" / "pythons"

    @property
    def packages(self) -> Path:
        """The installer's own cache, unless the operator keeps it elsewhere."""
        return self.root / "cache" / "uv"

    @property
    def boards(self) -> Path:
        """What TensorBoard reads of the runs that are looked at now, one folder per run."""
        return self.root / "cache" / "boards"

    @property
    def backups(self) -> Path:
        """Copies of the database, taken regularly and before each migration."""
        return self.root / "backups"

    @property
    def lock(self) -> Path:
        """Held by the app that uses this data folder."""
        return self.root / "app.lock"

    @property
    def app(self) -> Path:
        """Address and token of the running app, mode 0600, for the command line."""
        return self.root / "app.json"

    @property
    def app_log(self) -> Path:
        """What the app's processes print, beside the terminal's one line."""
        return self.root / "app.log"

    @property
    def bell(self) -> Path:
        """Touched when there is a new intent, so that the flow wakes at once."""
        return self.root / "bell"

    def half_written(self) -> list[Path]:
        """What a killed app was about to rename, its runs' and its caches' aside."""
        return [half for folder in (self.root, self.backups) for half in folder.glob("*.partial")]

    def run(self, run_id: str) -> RunPaths:
        """The folder of one run."""
        return RunPaths(self.runs / run_id)


@dataclass(frozen=True)
class RunPaths:
    """A run's self-contained folder; the supervisor writes all of it but `spec.json` and `stop.json`."""

    root: Path

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def spec(self) -> Path:
        """The immutable request, written once by the backend, secrets left out."""
        return self.root / "spec.json"

    @property
    def submission(self) -> Path:
        """Under which idempotency key the run was submitted, if under one."""
        return self.root / "submission.json"

    @property
    def stop(self) -> Path:
        """Exists once a person has asked this run to stop; written by the backend."""
        return self.root / "stop.json"

    @property
    def checkout(self) -> Path:
        """The work tree at `commit_sha`."""
        return self.root / "checkout"

    @property
    def output(self) -> Path:
        """The script's stdout and stderr, bounded."""
        return self.root / "output.log"

    @property
    def fetch_log(self) -> Path:
        """What was said while the repository was fetched."""
        return self.root / "fetch.log"

    @property
    def build_log(self) -> Path:
        """What the installer said while it built the environment."""
        return self.root / "build.log"

    @property
    def environment(self) -> Path:
        """What the run's environment is: its key, its packages, the files it was made from."""
        return self.root / "environment.json"

    def log(self, stream: str) -> Path:
        """The file of a log by its name: `fetch`, `build`, or the script's own `output`."""
        return {"fetch": self.fetch_log, "build": self.build_log}.get(stream, self.output)

    def probe(self, attempt: int) -> Path:
        """What the probe writes from inside the script's processes, one folder per attempt."""
        return self.root / "probe" / str(attempt)

    def stop_checkpoint(self, attempt: int) -> Path:
        """What the probe saved when the attempt was stopped."""
        return self.probe(attempt) / "stop.ckpt"

    def ended(self, attempt: int) -> Path:
        """Where an attempt's `exit.json` is kept once a later attempt has begun."""
        return self.root / f"exit.{attempt}.json"

    @property
    def events(self) -> Path:
        """The run's one stream."""
        return self.root / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The script's own best and last checkpoint."""
        return self.root / "checkpoints"

    @property
    def script_home(self) -> Path:
        """What a sandboxed script finds as its HOME."""
        return self.root / "home"

    @property
    def lock(self) -> Path:
        """Held (flock) by the live supervisor; holds its identity as JSON."""
        return self.root / "lock"

    @property
    def exit(self) -> Path:
        """The true end, written last."""
        return self.root / "exit.json"

    def half_written(self) -> list[Path]:
        """What the app's own processes were about to rename; the script's files are its own."""
        return [
            half for folder in (self.root, self.checkpoints) for half in folder.glob("*.partial")
        ]

    @property
    def cgroup(self) -> Path:
        """Names the control group the script runs in, where there is one."""
        return self.root / "cgroup"

    @property
    def reserve(self) -> Path:
        """Disk set aside for telling the end; gone once it is told."""
        return self.root / "reserve"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor itself prints: normally nothing."""
        return self.root / "supervisor.log"
