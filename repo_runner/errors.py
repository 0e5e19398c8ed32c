"""Every error a person can meet: a stable code, one plain sentence, a hint, and the field it is about.

The class docstring is the default message. The rims render an error once: the API as JSON with `http_status`, the
command line as one line with `exit_code`, the UI as a card.
"""

from __future__ import annotations

from typing import Any, ClassVar


class RunnerError(Exception):
    """Something went wrong inside the app."""

    code: ClassVar[str] = "internal"
    hint: ClassVar[str] = ""
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    #: When a call may be worth repeating.
    retry_after_s: ClassVar[int | None] = None

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        field: str | None = None,
        lines: list[str] | None = None,
        code: str | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.hint_text = type(self).hint if hint is None else hint
        self.field = field
        #: The lines of the tool (git, uv, the script) that show the cause, in its own words.
        self.lines = lines or []
        self.error_code = code or type(self).code
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The wire form used everywhere: `{code, message, hint, field, lines}`."""
        return {
            "code": self.error_code,
            "message": self.message,
            "hint": self.hint_text,
            "field": self.field,
            "lines": self.lines,
        }


class InvalidInput(RunnerError):
    """The submission is not valid."""

    code = "invalid_input"
    http_status = 422
    exit_code = 2


class InvalidLink(InvalidInput):
    """This is not a link to a GitHub repository."""

    code = "link_invalid"
    hint = "Paste a link such as https://github.com/owner/repository or owner/repository@branch."


class InvalidRef(InvalidInput):
    """This cannot be the name of a branch, tag or commit."""

    code = "ref_invalid"
    hint = "Name a branch, a tag or a commit, such as main, v1.2 or 3f2a91c."


class InvalidArguments(InvalidInput):
    """The script arguments cannot be split into words."""

    code = "arguments_invalid"
    hint = "Check that every quote is closed."


class InvalidToken(InvalidInput):
    """This cannot be a token."""

    code = "token_invalid"
    hint = "Paste the token as the host shows it, or user:password, without blanks."


class InvalidRequirement(InvalidInput):
    """A requirement line is not valid."""

    code = "requirement_invalid"
    hint = "Write one requirement a line, as in a requirements.txt: torchmetrics>=1.0"


class RepoNotFound(InvalidInput):
    """The repository was not found."""

    code = "repo_not_found"
    hint = "Check the spelling, and that the repository is public or a token is configured."


class AuthRequired(InvalidInput):
    """The repository does not exist, or it is private and needs a token."""

    code = "auth_required"
    hint = "Check the spelling. A private repository needs a token, given with the run or by the operator."


class RefNotFound(InvalidInput):
    """The repository has no such branch, tag or commit."""

    code = "ref_not_found"
    hint = "Leave the ref empty to use the default branch."


class ScriptNotFound(InvalidInput):
    """The script does not exist at this commit."""

    code = "script_not_found"
    hint = "Give the path from the top of the repository, such as examples/train.py."


class SourceError(RunnerError):
    """The repository could not be fetched."""

    code = "fetch_failed"
    http_status = 502
    hint = "Try again; if it keeps failing, look at the lines below."


class HostUnreachable(SourceError):
    """The repository's host cannot be reached."""

    code = "host_unreachable"
    hint = "Check the network, the proxy and the host's name, then try again."


class FetchTimeout(SourceError):
    """Fetching the repository took too long and was given up."""

    code = "clone_timeout"
    http_status = 504
    hint = "Try again, or raise REPO_RUNNER_FETCH_TIMEOUT_S."


class FetchInterrupted(SourceError):
    """The connection broke while the repository was fetched."""


class RepoMoved(SourceError):
    """The host answers with a redirect: the repository has moved or was renamed."""

    code = "repo_moved"
    http_status = 422
    hint = "Open the link in a browser and paste the address it leads to."


class UntrustedHost(HostUnreachable):
    """The host's certificate is not trusted."""

    hint = "Check the host's name, or name the site's certificate file in GIT_SSL_CAINFO."


class QuotaExceeded(SourceError):
    """The repository is larger than this app accepts."""

    code = "quota_exceeded"
    http_status = 422
    hint = "The operator can raise REPO_RUNNER_MAX_REPO_BYTES and REPO_RUNNER_MAX_REPO_FILES."


class LfsObjectMissing(SourceError):
    """The host has no Git LFS object for a file of this commit."""

    code = "lfs_object_missing"
    http_status = 422
    hint = "Ask the repository's owner to push it, or run without Git LFS if the script can do without."


class LfsHostRefused(SourceError):
    """The host keeps its Git LFS objects on another host that is not allowed."""

    code = "lfs_host_refused"
    http_status = 422
    hint = "The operator can add the host to REPO_RUNNER_LFS_HOSTS."


class BuildFailed(RunnerError):
    """The environment could not be built."""

    code = "build_failed"
    http_status = 502
    hint = "Look at the installer's lines below and mend the requirements."


class ResolutionImpossible(BuildFailed):
    """The requirements contradict each other or name a version that does not exist."""

    code = "resolution_impossible"


class NoMatchingWheel(BuildFailed):
    """A package has no build for this Python version or platform."""

    code = "no_matching_wheel"
    hint = "Choose another Python version or another version of the package."


class IndexUnreachable(BuildFailed):
    """The package index cannot be reached."""

    code = "index_unreachable"
    hint = "Check the network or the installer's index settings, then run again."


class PythonUnavailable(BuildFailed):
    """No interpreter of the asked Python version is available."""

    code = "python_unavailable"
    hint = "Choose an installed version, or let uv download one."


class SandboxUnavailable(InvalidInput):
    """The sandbox that the run asks for is not available."""

    code = "sandbox_unavailable"
    hint = "Choose another level; a run is never started with less than it asks for."


class SecretMissing(RunnerError):
    """The value of a secret variable is gone."""

    code = "secret_missing"
    hint = "Sealed values are kept for 30 days, referred ones by the operator. Submit the run again with its secrets."


class DiskFull(RunnerError):
    """The disk is full."""

    code = "disk_full"
    http_status = 507
    hint = "Free some space (System page: clean up), then run again."


class FolderReadOnly(RunnerError):
    """The data folder is read-only: nothing new can be stored, runs that train go on."""

    code = "folder_read_only"
    http_status = 503
    retry_after_s = 60
    hint = "See why the disk of REPO_RUNNER_HOME was made read-only, and make it writable; the app goes on by itself."


class RunNotFound(RunnerError):
    """There is no such run."""

    code = "run_not_found"
    http_status = 404
    exit_code = 3


class ArtifactNotFound(RunnerError):
    """The run has no such file."""

    code = "artifact_not_found"
    http_status = 404
    exit_code = 3


class ResourcesMissing(InvalidInput):
    """This machine does not have what the run asks for."""

    code = "resources_missing"


class QueueFull(RunnerError):
    """Too many runs wait already."""

    code = "queue_full"
    http_status = 429
    exit_code = 7
    hint = "Try again when some have ended; the operator can raise REPO_RUNNER_MAX_WAITING."
    #: After so long it is worth trying again.
    retry_after_s = 30


class ArtifactChanged(RunnerError):
    """The file in the run folder is not the one that the run registered."""

    code = "artifact_changed"
    http_status = 409
    hint = "If the script is just saving, try again; otherwise something else has written to the run folder."


class RangeUnsatisfiable(RunnerError):
    """The asked range lies behind the end of the file."""

    code = "range_unsatisfiable"
    http_status = 416


class Conflict(RunnerError):
    """The run is not in a state that allows this."""

    code = "conflict"
    http_status = 409
    exit_code = 4


class Forbidden(RunnerError):
    """Your role does not allow this."""

    code = "forbidden"
    http_status = 403
    exit_code = 7
    hint = "Ask an operator of this app."


class AppUnreachable(RunnerError):
    """The app does not answer."""

    code = "app_unreachable"
    http_status = 503
    exit_code = 5
    hint = "Start it with `make app`, or name its address with --address."


class DataFolderBusy(RunnerError):
    """Another app already uses this data folder."""

    code = "data_folder_busy"
    exit_code = 6
    hint = "Stop the other app, or set REPO_RUNNER_HOME to another folder."


class StoreUnavailable(RunnerError):
    """The database cannot be used at the moment."""

    code = "store_unavailable"
    http_status = 503
    exit_code = 9
    retry_after_s = 5
    hint = "Try again in a few seconds. Runs that train go on meanwhile."


class StoreDamaged(RunnerError):
    """The database is damaged."""

    code = "store_damaged"
    http_status = 503
    exit_code = 9
    retry_after_s = 60
    hint = (
        "Runs that train go on. Stop the app and run `python -m repo_runner restore`: it puts the newest good backup "
        "back and brings it up to date from the run folders."
    )


class StoreTooNew(RunnerError):
    """The database was written by a later version of this app."""

    code = "store_too_new"
    hint = "Update the app, or point REPO_RUNNER_HOME to another folder. Nothing was changed."
