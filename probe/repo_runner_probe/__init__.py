"""Observes PyTorch Lightning from inside the user's process, without touching the script.

Standard library only, Python 3.8 or newer, and nothing of the app: this package is put on the path
of interpreters and environments that know nothing of it. It may lose data; it never raises into
the script, never prints, and never starts a collective operation on one rank alone.
"""

from __future__ import annotations

#: Version of the events it writes, `v` in every one of them (docs/probe-events.md).
SCHEMA_VERSION = 1
