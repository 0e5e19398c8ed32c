"""The variables a run brings: which names are refused, which values are secret, which of the operator's it may use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from repo_runner.errors import InvalidInput
from repo_runner.models import Submission

#: Names that would change how the loader, the interpreter, git, the installer or the app's own parts work.
#: SECURITY.md lists them for people.
REFUSED_PREFIXES = ("LD_", "DYLD_", "GIT_", "SSH_", "UV_", "PIP_", "REPO_RUNNER_", "BASH_FUNC_")
REFUSED_NAMES = frozenset(
    "PATH HOME SHELL USER LOGNAME IFS ENV BASH_ENV SHELLOPTS GCONV_PATH GLIBC_TUNABLES VIRTUAL_ENV "
    "PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONEXECUTABLE PYTHONUSERBASE PYTHONPLATLIBDIR "
    "PYTHONINSPECT PYTHONPYCACHEPREFIX PYTHONSAFEPATH".split()
)

#: A variable with one of these in its name is a secret: sealed, shown nowhere, masked in the output.
_SECRET_WORDS = (
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
)

MAX_NAME_CHARS = 200
#: The kernel takes 128 KiB for one string and a few MiB for all, arguments included.
MAX_BYTES = 65536

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_env(env: Mapping[str, str]) -> dict[str, str]:
    """The run's own variables; InvalidInput for a name that cannot be used or must not be set."""
    for name, value in env.items():
        _check_name(name, "env")
        if "\0" in value:
            raise InvalidInput(
                f"The value of {name} holds a NUL character.",
                field="env",
                hint="Put binary data into a file of the repository.",
            )
    if sum(len(f"{name}={value}".encode()) + 1 for name, value in env.items()) > MAX_BYTES:
        raise InvalidInput(
            f"The variables are longer than {MAX_BYTES} bytes.",
            field="env",
            hint="Put long values into a file of the repository.",
        )
    return dict(env)


def own_variables(submission: Submission) -> tuple[dict[str, str], frozenset[str]]:
    """The variables with values, and which of them are secret; InvalidInput for what no run can be given."""
    secrets = {name: value.get_secret_value() for name, value in submission.secret_env.items()}
    twice = sorted(secrets.keys() & submission.env.keys())
    if twice:
        raise InvalidInput(
            f"The variable {twice[0]} is given twice, as it is and as a secret.",
            field="env",
            hint="Keep one of them.",
        )
    env = check_env({**submission.env, **secrets})
    hidden = frozenset(secrets) | {name for name in env if is_secret(name)}
    empty = sorted(name for name in hidden if not env[name])
    if empty:
        raise InvalidInput(
            f"The secret {empty[0]} has no value.",
            field="env",
            hint="Give it one. What an earlier run was given is sealed: nobody can look it up.",
        )
    return env, hidden


def check_secret_refs(
    refs: Mapping[str, str], env: Mapping[str, str], offered: Mapping[str, str]
) -> dict[str, str]:
    """Names in the script, and the operator's variables that they refer to; InvalidInput for what is not offered."""
    for name, source in refs.items():
        _check_name(name, "secret_refs")
        if name in env:
            raise InvalidInput(
                f"The variable {name} is given twice, with a value and as a reference.",
                field="secret_refs",
                hint="Keep one of them.",
            )
        if source not in offered:
            raise InvalidInput(
                f"The operator offers no variable {source[:MAX_NAME_CHARS]!r}.",
                field="secret_refs",
                hint=_offer(offered),
            )
    return dict(refs)


def is_secret(name: str) -> bool:
    """Whether a variable's value must not be stored or shown."""
    return any(word in name.upper() for word in _SECRET_WORDS)


def _check_name(name: str, field: str) -> None:
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"The variable name {name[:MAX_NAME_CHARS]!r} is not valid.",
            field=field,
            hint="Use letters, digits and underscores, such as WANDB_API_KEY.",
        )
    if name.upper().startswith(REFUSED_PREFIXES) or name in REFUSED_NAMES:
        raise InvalidInput(
            f"The variable {name} cannot be set for a run.",
            field=field,
            hint="It would change how git, the installer, the loader or the app itself work.",
        )


def _offer(offered: Mapping[str, str]) -> str:
    if offered:
        return f"There is {', '.join(sorted(offered))}."
    return "The operator names what runs may use in REPO_RUNNER_SECRET_VARIABLES."
