"""A person and their role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_NAME = 200


class Role(StrEnum):
    """What a person may do; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    SUBMITTER = "submitter"
    OPERATOR = "operator"

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True)
class Person:
    """Who is asking, as far as the app knows."""

    name: str
    role: Role
