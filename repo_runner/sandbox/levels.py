"""The levels, from the weakest to the strongest, and whether this machine has them."""

from __future__ import annotations

from repo_runner.errors import RunnerError, SandboxUnavailable
from repo_runner.models import SandboxLevel
from repo_runner.sandbox import bubblewrap, landlock
from repo_runner.settings import SANDBOX_LEVELS, Settings


def choose(asked: SandboxLevel | str, settings: Settings) -> SandboxLevel:
    """What a submission asks for; left open, the operator's default, or the minimum where that is stronger."""
    usual = max(settings.sandbox, settings.sandbox_minimum, key=SANDBOX_LEVELS.index)
    return asked or usual  # type: ignore[return-value]  # validated: as a literal, and by the settings


def require(level: SandboxLevel, settings: Settings) -> None:
    """Raises SandboxUnavailable where the level is too weak for the operator, or cannot be had here."""
    minimum = settings.sandbox_minimum
    if SANDBOX_LEVELS.index(level) < SANDBOX_LEVELS.index(minimum):
        raise SandboxUnavailable(
            f"The sandbox {level!r} is weaker than the {minimum!r} that the operator requires.",
            field="sandbox",
            hint=f"Choose {minimum}, or leave it open.",
        )
    reason = problem(level)
    if reason:
        raise SandboxUnavailable(
            f"The sandbox {level!r} is not available: {reason[0]}.", field="sandbox", hint=reason[1]
        )


def problem(level: SandboxLevel) -> tuple[str, str] | None:
    """Why a level cannot be had on this machine, and what to do; None when it can."""
    if level == "landlock":
        return _problem_of_landlock()
    if level == "bubblewrap":
        return _problem_of_bubblewrap()
    return None


def _problem_of_landlock() -> tuple[str, str] | None:
    abi = landlock.abi()
    if abi >= landlock.NEEDED_ABI:
        return None
    have = f"has version {abi} of it" if abi else "has none, or it is switched off"
    hint = (
        "It needs Linux 6.2 or newer with `landlock` among its security modules (`lsm=` at boot)."
    )
    return f"the kernel {have}", hint


def _problem_of_bubblewrap() -> tuple[str, str] | None:
    bwrap = bubblewrap.program()
    if bwrap is None:
        return "bwrap is not installed", "Install it: `apt install bubblewrap`, as root."
    try:
        bubblewrap.try_out(bwrap)
    except RunnerError as error:
        hint = "It needs user namespaces; Ubuntu 24.04 asks for an AppArmor profile for bwrap."
        return f"bwrap cannot make one here ({error.message})", hint
    return None
