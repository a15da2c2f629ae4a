# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be done to one server: ordered steps with their reasons. Pure data, no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One change. ``before`` and ``after`` are JSON values for ``--diff`` and for people."""

    id: str  # unique in the plan and stable, such as "backend-cookie/rules/Default Web Site"
    operation: str  # the host operation that does it, such as "Set-UrlRewriteMitigation"
    parameters: dict[str, Any]  # as the operation takes them, without check
    reason: str  # why, in one sentence
    before: Any
    after: Any
    clause: str | None = None  # of the directive, where one asks for it
    needs: tuple[str, ...] = ()  # ids of steps that must have been done


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a part of a plan is not planned; ``about``: the mitigation that it concerns, if one."""

    about: str | None
    reason: str

    def __str__(self) -> str:
        """Return it in one line, as plans are signed and shown."""
        return self.reason if self.about is None else f"{self.about}: {self.reason}"


@dataclass(frozen=True, slots=True)
class HostPlan:
    """The plan of one intent for one server.

    ``refusals`` say why parts of it, or all of it, are not planned: an operator has to look.
    ``rests_on`` is the digest of the facts that it was made from, ``sections`` has one for each of
    their sections (both ``plan.freshness``).
    """

    intent: str  # mitigate | unmitigate | patch | upgrade
    campaign: str
    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    rests_on: str = ""
    notes: tuple[str, ...] = field(default=())
    sections: tuple[tuple[str, str], ...] = field(default=())

    @property
    def refused(self) -> tuple[str, ...]:
        """The refusals as people read them."""
        return tuple(map(str, self.refusals))
