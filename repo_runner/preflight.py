"""Everything that can be known about a submission before it starts, in seconds and without running any of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from repo_runner import intake, sandbox, variables
from repo_runner.backends.offered import check_backend
from repo_runner.capacity import Capacity
from repo_runner.contents_report import (
    GITATTRIBUTES,
    GITMODULES,
    pointer_candidates,
    report_lfs,
    report_submodules,
)
from repo_runner.dependency_files import check_dependency_file
from repo_runner.dependency_report import first_files, nested, report_dependencies
from repo_runner.errors import AuthRequired, DiskFull, QuotaExceeded, ScriptNotFound
from repo_runner.github_link import GithubLink, parse_link, split_repo_url
from repo_runner.inspection import Inspection
from repo_runner.machine import Machine
from repo_runner.models import NamedRef, RunSpec, Submission
from repo_runner.ref_name import check_ref, is_full_sha
from repo_runner.repository_files import RepositoryFiles
from repo_runner.requirements import parse_requirements
from repo_runner.script_name import files_of, module_of
from repo_runner.script_report import report_script
from repo_runner.script_source import Module, parse_module, wanted_modules
from repo_runner.settings import Settings
from repo_runner.source import RemoteRefs, ResolvedSource, Source
from repo_runner.token_vault import TokenVault

_MAX_SCRIPTS = 200
_MAX_REFS = 200
#: What an environment with torch may need.
_SCARCE_BYTES = 5 << 30
_LIKELY = ("train", "main", "run", "fit")

_SANDBOXES = {
    "none": "No sandbox: the script may do whatever the account that runs this app may do.",
    "landlock": "Sandbox: Landlock. The script writes only to its own folders, and reads no other run.",
    "bubblewrap": "Sandbox: bubblewrap. The script writes only to its own folders, and sees no other process.",
}


def inspect(
    submission: Submission,
    settings: Settings,
    source: Source,
    machine: Machine | None = None,
    capacity: Capacity | None = None,
) -> Inspection:
    """Check the text first, then the repository; every error is found at once where that is possible."""
    found = Inspection(TokenVault(settings.home))
    asked = _read_texts(submission, settings, found, capacity)
    if asked is None:
        return found
    source = source.with_token(asked.link.repo_url, asked.token)
    resolved = _resolve(asked, source, found)
    if resolved is None:
        return found
    spec = _look(asked, resolved, source, machine or Machine.of(settings.home), found)
    if spec is not None and not found.errors:
        found.spec = _seal(spec, asked, found.vault)
    return found


def _seal(spec: RunSpec, asked: _Asked, vault: TokenVault) -> RunSpec:
    """The spec as it may be stored: tickets where there were secrets."""
    hidden = {n: vault.seal(value) for n, value in asked.env.items() if n in asked.secret_names}
    plain = {name: value for name, value in asked.env.items() if name not in hidden}
    ticket = vault.seal(asked.token) if asked.token else ""
    return spec.model_copy(update={"env": plain, "secret_env": hidden, "token_ticket": ticket})


def default_name(repo_url: str, script_path: str) -> str:
    """The repository's name and the script's, such as `digits · train`."""
    return f"{repo_url.rsplit('/', 1)[-1]} · {script_path.removesuffix('.py')}"


@dataclass(frozen=True)
class _Asked:
    """A submission whose texts are valid by themselves."""

    submission: Submission
    settings: Settings
    link: GithubLink
    words: tuple[str, ...]
    requirements: tuple[str, ...]
    #: Variables with their values, and which of them are to be sealed.
    env: dict[str, str]
    secret_names: frozenset[str]
    #: The run's own token, else the operator's for this host.
    token: str

    @property
    def ref(self) -> str:
        return self.submission.ref.strip()

    def spec(self, resolved: ResolvedSource, script: str) -> RunSpec:
        given = self.submission
        return RunSpec(
            repo_url=resolved.repo_url,
            ref=resolved.ref,
            commit_sha=resolved.commit_sha,
            script_path=script,
            script_module=module_of(given.script_path),
            script_args=self.words,
            requirements=self.requirements,
            name=given.name.strip() or default_name(resolved.repo_url, script),
            python=given.python.strip(),
            dependency_file=given.dependency_file.strip(),
            secret_refs=given.secret_refs,
            sandbox=sandbox.choose(given.sandbox, self.settings),
            backend=check_backend(given, self.settings),
            submodules=given.submodules,
            lfs=given.lfs,
            resources=given.resources,
            limits=given.limits,
            retries=given.retries,
            priority=given.priority,
        )


def _read_texts(
    given: Submission, settings: Settings, found: Inspection, capacity: Capacity | None
) -> _Asked | None:
    link = found.attempt(
        lambda: parse_link(given.link.strip(), allowed_hosts=settings.allowed_hosts)
    )
    found.attempt(lambda: check_ref(given.ref.strip()) if given.ref.strip() else "")
    words = found.attempt(lambda: intake.split_arguments(given.script_args))
    requirements = found.attempt(lambda: parse_requirements(given.requirements))
    found.attempt(lambda: intake.check_python(given.python))
    found.attempt(lambda: intake.check_retries(given.retries))
    backend = found.attempt(lambda: check_backend(given, settings))
    if capacity is not None and backend == "local":
        found.attempt(lambda: capacity.check(given.resources))
    env, secret_names = found.attempt(lambda: variables.own_variables(given)) or ({}, frozenset())
    found.attempt(
        lambda: variables.check_secret_refs(given.secret_refs, env, settings.operator_secrets)
    )
    found.attempt(lambda: sandbox.require(sandbox.choose(given.sandbox, settings), settings))
    token = found.attempt(lambda: intake.check_token(given.token.get_secret_value()))
    if given.script_path.strip():
        found.attempt(lambda: _check_script(given.script_path))
    if link is None or found.errors:
        return None
    token = token or settings.git_tokens.get(split_repo_url(link.repo_url)[0], "")
    return _Asked(given, settings, link, words or (), requirements or (), env, secret_names, token)


def _check_script(text: str) -> None:
    if not module_of(text):
        intake.check_script_path(text)


def _resolve(asked: _Asked, source: Source, found: Inspection) -> ResolvedSource | None:
    """Names first: they are what a person chooses from, even when the asked one is not among them."""
    link = asked.link
    refs = None
    if not is_full_sha(asked.ref or (link.tail[0] if link.tail else link.ref)):
        refs = found.attempt(lambda: _refs(asked, source))
        if refs is None:
            return None
        found.refs = _named(refs)
        found.ok("reachable", f"{link.repo_url} answers.")
    resolved = found.attempt(lambda: source.resolve(link, asked.ref, refs))
    if resolved is not None:
        name = resolved.ref or "The default branch"
        found.ok("commit", f"{name} is commit {resolved.commit_sha[:12]}.")
    return resolved


def _refs(asked: _Asked, source: Source) -> RemoteRefs:
    try:
        return source.refs(asked.link.repo_url)
    except AuthRequired as error:
        if not asked.token:
            raise
        raise AuthRequired(
            "The host refuses the token for this repository.",
            hint="Check that it has not expired, and that it may read this repository.",
            lines=error.lines,
        ) from error


def _named(refs: RemoteRefs) -> tuple[NamedRef, ...]:
    default = refs.default_branch
    branches = sorted(refs.branches.items(), key=lambda item: (item[0] != default, item[0]))
    return (
        *(
            NamedRef(name=name, kind="branch", commit_sha=sha, is_default=name == default)
            for name, sha in branches[:_MAX_REFS]
        ),
        *(
            NamedRef(name=name, kind="tag", commit_sha=sha)
            for name, sha in [*refs.tags.items()][: -_MAX_REFS - 1 : -1]
        ),
    )


def _look(
    asked: _Asked, resolved: ResolvedSource, source: Source, machine: Machine, found: Inspection
) -> RunSpec | None:
    """Read what of the commit matters; None when there is no script to run."""
    snapshot = found.attempt(lambda: source.snapshot(resolved.repo_url, resolved.commit_sha))
    if snapshot is None:
        return None
    files = RepositoryFiles(snapshot)
    found.scripts = _scripts(files.paths)
    script = found.attempt(lambda: _find_script(asked, resolved, files, found.scripts))
    if script is None:
        return None
    found.ok("script", f"{script} exists at this commit.")
    spec = asked.spec(resolved, script)
    if spec.dependency_file:
        found.attempt(lambda: check_dependency_file(spec.dependency_file, files.paths, script))
    module = _fetch(files, spec, found)
    report_script(files, module, spec, machine, found)
    report_dependencies(files, spec, asked.settings, found)
    report_submodules(files, spec, found)
    report_lfs(files, spec, found)
    _report_disk(machine, asked.settings, found)
    _report_sandbox(spec, found)
    return spec


def _fetch(files: RepositoryFiles, spec: RunSpec, found: Inspection) -> Module | None:
    """Two questions to the host: the script and what describes it, then what those two name."""
    first = first_files(files, spec.script_path, spec.dependency_file)
    try:
        files.fetch([spec.script_path, *first, GITMODULES, GITATTRIBUTES])
        content = files.content(spec.script_path) or b"\0"
        module = parse_module(spec.script_path, content, files.known, spec.script_path)
        modules = wanted_modules(module) if module else ()
        rounds = nested(files, first)
        files.fetch([*modules, *pointer_candidates(files), *next(rounds, [])])
        for more in rounds:
            files.fetch(more)
    except QuotaExceeded as error:
        found.warn("files_unread", "The repository's files are too long to look at.", error.message)
        return None
    return module


def _find_script(
    asked: _Asked, resolved: ResolvedSource, files: RepositoryFiles, scripts: tuple[str, ...]
) -> str:
    module = module_of(asked.submission.script_path)
    if module:
        return _file_of_module(module, resolved, files, scripts)
    path = asked.submission.script_path.strip() or resolved.path
    if not path.endswith(".py"):
        inside = [s for s in scripts if s.startswith(f"{path}/")] if path else list(scripts)
        usual = f"{path}/train.py" if path else "train.py"
        path = usual if usual in inside or len(inside) != 1 else inside[0]
        if path not in files.known and not asked.submission.script_path.strip():
            path = ""
    script = intake.check_script_path(path)
    if script not in files.known:
        raise _missing(script, resolved, scripts)
    return script


def _file_of_module(
    module: str, resolved: ResolvedSource, files: RepositoryFiles, scripts: tuple[str, ...]
) -> str:
    places = files_of(module)
    script = next((path for path in places if path in files.known), None)
    if script is None:
        raise _missing(places[0], resolved, scripts)
    return script


def _missing(script: str, resolved: ResolvedSource, scripts: tuple[str, ...]) -> ScriptNotFound:
    near = difflib.get_close_matches(script, scripts, n=3, cutoff=0.4)
    same_name = [s for s in scripts if s.rsplit("/", 1)[-1] == script.rsplit("/", 1)[-1]]
    names = list(dict.fromkeys([*same_name, *near]))[:3]
    return ScriptNotFound(
        f"There is no {script} at commit {resolved.commit_sha[:12]}.",
        field="script_path",
        hint=f"Did you mean {' or '.join(names)}?" if names else ScriptNotFound.hint,
    )


def _scripts(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Python files, the ones that look like training scripts first."""
    python = [path for path in paths if path.endswith(".py") and not path.endswith("__init__.py")]
    return tuple(
        sorted(
            python,
            key=lambda p: (not any(w in p.rsplit("/", 1)[-1] for w in _LIKELY), p.count("/"), p),
        )
    )[:_MAX_SCRIPTS]


def _report_sandbox(spec: RunSpec, found: Inspection) -> None:
    found.ok("sandbox", _SANDBOXES[spec.sandbox])
    if spec.sandbox != "none":
        found.warn(
            "sandbox_build",
            "Building the environment happens outside of the sandbox.",
            "Where the repository is a package, or a requirement has no wheel, its build code runs there.",
            about="sandbox",
        )


def _report_disk(machine: Machine, settings: Settings, found: Inspection) -> None:
    free = f"{machine.free_bytes / 1e9:.1f} GB of disk are free"
    if machine.free_bytes < settings.min_free_bytes:
        found.refuse(
            DiskFull(f"{free}; at least {settings.min_free_bytes / 1e9:.1f} GB are needed.")
        )
    elif machine.free_bytes < _SCARCE_BYTES:
        found.warn("disk_scarce", f"{free}.", "An environment with torch may need 5 GB.")
    else:
        found.ok("disk", f"{free}.")
