"""All settings, read from the environment once per process and passed down.

The only reader of `os.environ` in the app. Every variable is `REPO_RUNNER_<NAME>`; the package installers' own
variables (`PIP_*`, `UV_*`, proxies, certificate bundles) are collected here too, to be handed to the builds of runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import platformdirs

from repo_runner.access.keys import derive
from repo_runner.errors import InvalidInput

PREFIX = "REPO_RUNNER_"

#: Where a reverse proxy passes on to the UI; everything else goes to the app's port.
UI_PATH = "ui"


#: What may stand between a run's script and the machine, from the weakest to the strongest.
SANDBOX_LEVELS = ("none", "landlock", "bubblewrap")

#: What a run's script may see of the operator's environment; anything else has to be given with the run.
PASSED_TO_SCRIPTS = (
    "PATH LANG LC_ALL LC_CTYPE TZ TMPDIR HOME USER LOGNAME "
    "CUDA_VISIBLE_DEVICES CUDA_HOME LD_LIBRARY_PATH OMP_NUM_THREADS MKL_NUM_THREADS "
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy "
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE HF_HOME TORCH_HOME"
).split()

#: What reaches git: the network's settings and nothing else.
PASSED_TO_GIT = (
    "PATH HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy "
    "GIT_SSL_CAINFO SSL_CERT_FILE SSL_CERT_DIR"
).split()

#: What reaches the installer besides every UV_* and PIP_* variable.
PASSED_TO_INSTALLER = [*PASSED_TO_GIT, "HOME", "LANG", "TMPDIR", "CC", "CXX", "CFLAGS", "LDFLAGS"]


@dataclass(frozen=True)
class Settings:
    """The operator's settings, immutable for the life of a process."""

    #: All data lives here: database, run folders, caches.
    home: Path
    #: SQLAlchemy URL of the store; empty: SQLite in `home`.
    database_url: str = ""
    #: Where runs may run; the first is chosen where nobody says.
    backends: tuple[str, ...] = ("local",)
    #: The dashboard of a Ray cluster, such as `http://127.0.0.1:8265`, and the token it asks for, if any.
    ray_address: str = ""
    ray_token: str = field(default="", repr=False)
    #: A folder or bucket that this app and every node of the cluster can reach: `file:///mnt/shared`, `s3://name/folder`.
    shelf_url: str = ""
    #: How long a cluster may be silent before its runs count as lost.
    cluster_patience_s: float = 600.0
    #: Runs that train at the same time; the others wait in order.
    max_running: int = 2
    #: The same of a cluster's runs: each is followed by a process of the app.
    max_running_cluster: int = 20
    #: CPUs and memory that runs may hold together; 0: the machine's, or what its control groups allow.
    max_cpus: int = 0
    max_memory_bytes: int = 0
    #: Runs that may wait; one more is refused until there is room (429).
    max_waiting: int = 1000
    #: Before a failed attempt is followed by another one, doubled each time.
    retry_after_s: float = 10.0
    #: Hosts a link may name, `name` or `name:port`.
    allowed_hosts: tuple[str, ...] = ("github.com",)
    #: Hosts besides a repository's own from which its Git LFS objects may come. GitHub keeps them on another host:
    #: where runs of github.com may use Git LFS, it is named here.
    lfs_hosts: tuple[str, ...] = ()
    #: Used when a repository has no dependency file and the submission names no requirements.
    default_requirements: tuple[str, ...] = ("lightning>=2.5,!=2.6.2,!=2.6.3", "torch")
    #: Python of the runs' environments; empty: the app's own version.
    default_python: str = ""
    fetch_timeout_s: float = 600.0
    #: How long a host may take to tell its refs before it counts as stalled.
    lookup_timeout_s: float = 20.0
    max_repo_bytes: int = 4 * 1024**3
    max_repo_files: int = 200_000
    build_timeout_s: float = 3600.0
    #: Disk that environments and the packages they are made of may take before the longest unused ones go.
    max_cache_bytes: int = 50 * 1024**3
    #: An environment that no run has used for so long is removed.
    max_cache_age_s: float = 30 * 86400.0
    #: Disk that mirrors of repositories and their Git LFS objects may take before the longest unused ones go.
    max_mirror_bytes: int = 20 * 1024**3
    #: Ended runs are kept for ever, however many and large, unless a limit is set here: then the oldest go first.
    max_run_age_s: float = 0.0
    max_runs: int = 0
    max_runs_bytes: int = 0
    #: How often the database is copied, if it has changed.
    backup_every_s: float = 3600.0
    #: How long a stopped script may take to save and end before it is killed.
    stop_grace_s: float = 30.0
    #: `auto`: a script gets a control group of its own where cgroup v2 is delegated; `off`: never.
    cgroup: str = "auto"
    #: Bytes of output kept on disk for one run (head and tail; what falls out between is counted).
    max_log_bytes: int = 64 * 1024**2
    #: Below this much free disk no run is accepted.
    min_free_bytes: int = 1 << 30
    #: Tokens (or `user:password`) for private repositories, by host. Given as pairs `host=NAME`, where the environment
    #: variable NAME holds the token.
    git_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The sandbox of a run that asks for none in particular, and the weakest that a run may ask for.
    sandbox: str = "none"
    sandbox_minimum: str = "none"
    #: Folders that sandboxed scripts may write to besides their own, such as a cache of models.
    sandbox_writable: tuple[str, ...] = ()
    #: Variables of the operator's environment that a run may refer to (`secret_refs`); no run sees another.
    secret_variables: tuple[str, ...] = ()
    #: Those of them that are set.
    operator_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Pairs `actual=asked` of URL prefixes, git's `url.<actual>.insteadOf=<asked>`: for sites that mirror GitHub.
    git_instead_of: tuple[tuple[str, str], ...] = ()
    #: The app's port, and the UI's (0: any free one).
    port: int = 7501
    ui_port: int = 0
    #: The interface both listen on. Another than loopback needs an external address and a way to know persons.
    bind: str = "127.0.0.1"
    #: Where browsers find the app behind a reverse proxy, `https://HOST`; empty: on this machine only.
    external_url: str = ""
    #: The header in which the proxy names the person, and the one with their role, or with words that mean roles
    #: (`word=role` pairs). Who has none of them has the default role; without one they stay outside.
    identity_header: str = ""
    role_header: str = ""
    role_names: tuple[str, ...] = ()
    default_role: str = ""
    #: A file, mode 0600, with the secret by which the proxy is known.
    proxy_secret_file: str = ""
    #: A file, mode 0600, of persons with tokens of their own, one `name role sha256` a line.
    token_file: str = ""
    #: Where the running app answers, and the secret that state-changing calls must carry; set by the app itself.
    address: str = ""
    token: str = field(default="", repr=False)
    #: What the sessions of browsers are signed with; made of the token.
    session_key: str = field(default="", repr=False)
    #: The variables these settings came from, for the supervisors (which never get the app's token).
    own_env: Mapping[str, str] = field(default_factory=dict)
    #: Variables passed to scripts, git and the installer, taken from the operator's environment.
    script_env: Mapping[str, str] = field(default_factory=dict)
    git_env: Mapping[str, str] = field(default_factory=dict)
    installer_env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings, or raise `InvalidInput` naming the variable that cannot be read."""
        env = os.environ if environ is None else environ
        values = {
            f.name: _parse(f.name, f.type, env[PREFIX + f.name.upper()])
            for f in fields(cls)
            if PREFIX + f.name.upper() in env and f.name not in _PASSED
        }
        home = Path(env.get(PREFIX + "HOME") or platformdirs.user_data_dir("repo-runner"))
        values["home"] = home.expanduser().absolute()
        return cls(**values, **_passed(env))  # type: ignore[arg-type]  # parsed per field just above

    def publish(self, *, address: str, token: str) -> Settings:
        """These settings with the app's address and token, also for child processes (by their environment)."""
        published = replace(
            self, address=address, token=token, session_key=derive(token, "sessions")
        )
        for name in ("home", "address", "token", "session_key"):
            os.environ[f"{PREFIX}{name.upper()}"] = str(getattr(published, name))
        return published

    @property
    def supervisor_env(self) -> dict[str, str]:
        """What a detached supervisor starts with: enough to read these same settings, and no secret of the app."""
        return {
            **self.script_env,
            **self.git_env,
            **self.installer_env,
            **self.own_env,
            f"{PREFIX}HOME": str(self.home),
        }

    def referred(self, names: Iterable[str]) -> dict[str, str]:
        """The operator's variables that one run refers to, for its supervisor alone; one that is gone is left out."""
        return {n: self.operator_secrets[n] for n in names if n in self.operator_secrets}

    @property
    def node_env(self) -> dict[str, str]:
        """What a supervisor on another machine goes by; everything else is that machine's own."""
        return {f"{PREFIX}{name}": _to_text(getattr(self, name.lower())) for name in _FOR_NODES}

    @property
    def ui_env(self) -> dict[str, str]:
        """What the UI's process starts with: it knows sessions and hands them on, and has no token of its own."""
        own = {
            f"{PREFIX}{name.upper()}": str(getattr(self, name))
            for name in ("home", "address", "session_key")
        }
        return {**self.script_env, **self.own_env, **own}

    @property
    def public_address(self) -> str:
        """Where a browser finds the app."""
        return self.external_url.rstrip("/") or self.address

    @property
    def database_file(self) -> Path | None:
        """The database's file, where it is one of ours."""
        return None if self.database_url else self.home / "store.db"

    @property
    def store_url(self) -> str:
        """The store's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / 'store.db'}"


def read_secret(name: str, field: str = "token") -> str:
    """The value of a variable a person names on the command line, so that a secret is never typed there."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise InvalidInput(f"The environment variable {name!r} is not set.", field=field)
    return value


def inherited_names() -> frozenset[str]:
    """The names, not the values, of this process's own variables: for those who must keep them from a child."""
    return frozenset(os.environ)


_PASSED = {"own_env", "script_env", "git_env", "installer_env", "git_tokens", "operator_secrets"}
#: The app's own: no supervisor and no page needs them, and the store's address may hold a password.
_SECRET = {
    f"{PREFIX}{name}"
    for name in "TOKEN SESSION_KEY ADDRESS GIT_TOKENS DATABASE_URL RAY_TOKEN".split()
}
#: Of the app's settings, those that hold for its supervisors on other machines too.
_FOR_NODES = (
    "ALLOWED_HOSTS LFS_HOSTS DEFAULT_REQUIREMENTS DEFAULT_PYTHON FETCH_TIMEOUT_S LOOKUP_TIMEOUT_S MAX_REPO_BYTES "
    "MAX_REPO_FILES BUILD_TIMEOUT_S STOP_GRACE_S MAX_LOG_BYTES GIT_INSTEAD_OF SECRET_VARIABLES"
).split()


def _passed(env: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What goes on to others; a variable that holds a token goes to nobody."""
    names = _token_names(env.get(f"{PREFIX}GIT_TOKENS", ""))
    tokens = {host: env[name].strip() for host, name in names.items() if env.get(name)}
    offered = env.get(f"{PREFIX}SECRET_VARIABLES", "").split()
    secrets = {name: env[name] for name in offered if env.get(name)}
    env = {n: v for n, v in env.items() if n not in (*names.values(), *offered)}

    def pick(names: Sequence[str]) -> dict[str, str]:
        return {n: env[n] for n in names if n in env}

    installer = {n: v for n, v in env.items() if n.startswith(("UV_", "PIP_"))}
    if "PIP_FIND_LINKS" in installer:
        installer.setdefault("UV_FIND_LINKS", installer["PIP_FIND_LINKS"])
    return {
        "own_env": {n: v for n, v in env.items() if n.startswith(PREFIX) and n not in _SECRET},
        "script_env": pick(PASSED_TO_SCRIPTS),
        "git_env": pick(PASSED_TO_GIT),
        "installer_env": {**pick(PASSED_TO_INSTALLER), **installer},
        "git_tokens": tokens,
        "operator_secrets": secrets,
    }


def _parse(name: str, kind: object, text: str) -> object:
    kind = str(kind)
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        if name == "git_instead_of":
            return tuple(_pair(item) for item in text.split())
        if kind.startswith("tuple"):
            return tuple(text.split())
        if name in ("sandbox", "sandbox_minimum") and text not in SANDBOX_LEVELS:
            kind = f"level ({', '.join(SANDBOX_LEVELS)})"
            raise ValueError(text)
    except ValueError as error:
        raise InvalidInput(
            f"The setting {PREFIX}{name.upper()} is not a valid {kind}: {text!r}.",
            field=PREFIX + name.upper(),
            hint="Correct the environment variable and start again.",
        ) from error
    return text


def _to_text(value: object) -> str:
    """The reverse of `_parse`."""
    if isinstance(value, tuple):
        return " ".join("=".join(item) if isinstance(item, tuple) else item for item in value)
    return str(value)


def _token_names(text: str) -> dict[str, str]:
    """By host, the variable that holds its token."""
    pairs = [item.partition("=") for item in text.split()]
    if not all(host and name.isidentifier() for host, _, name in pairs):
        raise InvalidInput(
            f"The setting {PREFIX}GIT_TOKENS is not a list of host=VARIABLE pairs.",
            field=f"{PREFIX}GIT_TOKENS",
            hint="Name the variable that holds the token, never the token: github.com=GITHUB_TOKEN",
        )
    return {host.lower(): name for host, _, name in pairs}


def _pair(item: str) -> tuple[str, str]:
    actual, _, asked = item.partition("=")
    if not asked:
        raise ValueError(item)
    return actual, asked
