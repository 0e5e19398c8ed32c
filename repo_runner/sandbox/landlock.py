"""Landlock, the kernel's own sandbox: a launcher that restricts itself for good, then becomes the script's interpreter.

Run as `python -I -S landlock.py RULES PROGRAM ARGUMENTS…`; only the standard library. RULES is JSON: `hidden`, a folder
whose files cannot be read, `readable` and `writable` folders (also inside it), and `devices`. What is restricted:

* writing, creating, removing, renaming, truncating: only below `writable` and on `devices`;
* reading: everything but what lies below `hidden`;
* signals and abstract sockets: only to processes in the same sandbox (from Linux 6.12 on);
* looking into other processes; and root's privileges, which are dropped.

Children inherit it, and nobody can lift it. The network, and sockets that are files, are untouched.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Iterable, Iterator

#: Of the interface: the first that also restricts truncating (Linux 6.2).
NEEDED_ABI = 3
_SCOPING_ABI = 6

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_ONLY, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 38, 24

_WRITE_FILE, _READ_FILE, _TRUNCATE = 1 << 1, 1 << 2, 1 << 14
_REMOVE_DIR, _REMOVE_FILE, _REFER = 1 << 4, 1 << 5, 1 << 13
_MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_SYM = 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 12
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11

_USE_FILE = _WRITE_FILE | _READ_FILE | _TRUNCATE
_USE_FOLDER = (
    _USE_FILE | _REMOVE_DIR | _REMOVE_FILE | _REFER
    | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
)  # fmt: skip
#: Nobody may make a device: through one, root could write to a disk.
_RESTRICTED = _USE_FOLDER | _MAKE_CHAR | _MAKE_BLOCK
#: No signal leaves the sandbox, and no abstract socket outside of it is reached.
_SCOPED = 1 | 2

_FAILED = 125

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint64) for n in ("handled_fs", "handled_net", "scoped")]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """The kernel's version of the interface; 0 where it has none, or it is switched off."""
    if not sys.platform.startswith("linux"):
        return 0
    version: int = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION_ONLY)
    return max(version, 0)


def restrict(
    hidden: str, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]
) -> None:
    """Restrict this process and all its children to come, for good; raises OSError."""
    ruleset = _Ruleset(_RESTRICTED, 0, _SCOPED if abi() >= _SCOPING_ABI else 0)
    rules = _call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    for path in (*_all_but(hidden), *readable):
        _allow(rules, path, _READ_FILE)
    for path in writable:
        _allow(rules, path, _USE_FOLDER)
    for path in devices:
        _allow(rules, path, _USE_FOLDER if path == "/dev/shm" else _USE_FILE)  # noqa: S108
    _drop_capabilities()
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    _call(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _drop_capabilities() -> None:
    """What root may do besides what its files allow ends with the next program: some of it passes Landlock by."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            return  # there are no more, or this is not root


def _all_but(hidden: str) -> Iterator[str]:
    """What lies beside each folder on the way to the hidden one; links lead to what is allowed or hidden by itself."""
    folder = "/"
    for part in hidden.strip("/").split("/"):
        with os.scandir(folder) as entries:
            yield from (e.path for e in entries if e.name != part and not e.is_symlink())
        folder = os.path.join(folder, part)  # noqa: PTH118  # a launcher imports as little as it can


def _allow(rules: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    beneath = _PathBeneath(access if os.path.isdir(path) else access & _USE_FILE, parent)  # noqa: PTH112
    _call(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(beneath), 0)
    os.close(parent)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def main() -> None:
    """Become the program, restricted; or end without starting it."""
    try:
        restrict(**json.loads(sys.argv[1]))
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.stderr.write(f"The sandbox could not be set up, so nothing was started: {error}\n")
        sys.exit(_FAILED)


if __name__ == "__main__":
    main()
