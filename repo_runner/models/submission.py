"""What is submitted: as a person entered it, and as the immutable request it becomes."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, SecretStr, field_serializer

from repo_runner.models.limits import Limits, Resources, Retries
from repo_runner.models.record import Record

Backend = Literal["local", "ray"]

#: What stands between a run's script and the machine, from the weakest to the strongest.
SandboxLevel = Literal["none", "landlock", "bubblewrap"]

MAX_PRIORITY = 100


class Submission(Record):
    """What a person enters, as text; `intake` turns it into a RunSpec or says what is wrong."""

    #: An error must not quote a token.
    model_config = ConfigDict(hide_input_in_errors=True)

    link: str = Field(max_length=2000)
    ref: str = Field("", max_length=255)
    #: Path of the script from the top of the repository, or `-m package.module`; empty when the link names it.
    script_path: str = Field("", max_length=500)
    #: One line as in a terminal (split like a POSIX shell, never run by one), or the words themselves.
    script_args: str | list[str] = Field("", max_length=65536)
    #: Extra requirements, one a line, or as a list.
    requirements: str | list[str] = Field("", max_length=65536)
    name: str = Field("", max_length=200)
    #: Python version of the environment, such as `3.11`; empty: the operator's default.
    python: str = Field("", max_length=20)
    #: Path of the dependency file to use; empty: the best of those found.
    dependency_file: str = Field("", max_length=500)
    #: Extra variables for the script.
    env: dict[str, str] = Field(default_factory=dict, max_length=200)
    #: Further variables, whose values are sealed whatever their names; only ever written.
    secret_env: dict[str, SecretStr] = Field(default_factory=dict, max_length=200)
    #: Variables of the script that take their value from one of the operator's when the run starts: name and the
    #: operator's name, which must be among those that the operator offers.
    secret_refs: dict[str, str] = Field(default_factory=dict, max_length=200)
    #: Empty: the operator's default.
    sandbox: SandboxLevel | Literal[""] = ""
    #: Empty: the first of those the operator offers.
    backend: Backend | Literal[""] = ""
    #: Whether the repository's submodules are fetched too: from the same host, one level deep.
    submodules: bool = False
    #: Whether files in Git LFS are fetched too; otherwise short pointers stand in their place.
    lfs: bool = False
    resources: Resources = Resources()
    limits: Limits = Limits()
    retries: Retries = Retries()
    #: Among waiting runs; each point is worth ten places.
    priority: int = Field(0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    #: For a private repository, a token or `user:password` of its host; only ever written, kept sealed until fetched.
    token: SecretStr = Field(SecretStr(""), max_length=4096)

    @field_serializer("token", when_used="json")
    def _token_as_sent(self, token: SecretStr) -> str:
        """Only the client turns a submission into JSON, to send it."""
        return token.get_secret_value()

    @field_serializer("secret_env", when_used="json")
    def _secrets_as_sent(self, secret_env: dict[str, SecretStr]) -> dict[str, str]:
        return {name: value.get_secret_value() for name, value in secret_env.items()}


class RunSpec(Record):
    """The immutable, validated request."""

    repo_url: str
    ref: str = ""
    commit_sha: str
    script_path: str
    #: The script as a module of the repository, run by `python -m`; empty: run by its path.
    script_module: str = ""
    script_args: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    name: str = ""
    python: str = ""
    dependency_file: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    backend: Backend = "local"
    submodules: bool = False
    lfs: bool = False
    resources: Resources = Resources()
    limits: Limits = Limits()
    retries: Retries = Retries()
    priority: int = 0
    sandbox: SandboxLevel = "none"
    #: Variables whose values are sealed: name and ticket. Given as secrets, or secret by their names, see variables.
    secret_env: dict[str, str] = Field(default_factory=dict)
    #: Variables whose values stay with the operator: name, and the operator's variable.
    secret_refs: dict[str, str] = Field(default_factory=dict)
    #: Under this name the fetch finds the sealed token; it says nothing of the token itself.
    token_ticket: str = ""

    #: The person, as the app knew them; empty for a run from before it knew.
    submitted_by: str = ""

    @property
    def script(self) -> str:
        """The script as a person names it."""
        return " ".join(self.script_words)

    @property
    def script_words(self) -> tuple[str, ...]:
        """What stands between `python` and the arguments."""
        return ("-m", self.script_module) if self.script_module else (self.script_path,)

    @property
    def tickets(self) -> tuple[str, ...]:
        """Of everything that was sealed for this run."""
        return tuple(t for t in (self.token_ticket, *self.secret_env.values()) if t)
