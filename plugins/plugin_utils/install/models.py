# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary of patching: what is chosen, checked before, and proven afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..base.model import Build
    from ..catalog.failures import Failure
    from ..trust.packages.records import PackageRecord


class Action(Enum):
    """What is to be done with one server."""

    NOTHING = "nothing-to-do"
    INSTALL = "install"
    CHANGE_CU = "change-cu"  # no update exists for this cumulative update: a separate step
    STOP = "stop"  # not known, or not to be had


@dataclass(frozen=True, slots=True)
class UpdateSelection:
    """The update for one exact build, or why there is none; ``reason`` is one sentence."""

    action: Action
    reason: str
    build: Build | None
    target: Build | None = None  # what the server is afterwards
    update: str | None = None  # "Exchange2016 CU19 Mar21SU (KB5000871)"
    kb: str | None = None
    package: PackageRecord | None = None  # from the operator's signed catalogue
    closes: tuple[str, ...] = ()  # CVEs of the campaign
    remedy: str | None = None
    # Cumulative updates that would do, oldest first, and those that were in support that day.
    cumulative_updates: tuple[str, ...] = ()
    supported: tuple[str, ...] = ()


class Holds(Enum):
    """Whether one condition of success holds."""

    YES = "holds"
    NO = "fails"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"  # the server has no such thing; the summary says why

    @property
    def good(self) -> bool:
        """Whether nothing of it speaks against success."""
        return self in (Holds.YES, Holds.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of success, judged by what was read back from the host."""

    # files | updates | registry | role | start-types | services | pools | components | probe | reboot
    condition: str
    holds: Holds
    summary: str
    items: tuple[str, ...] = ()  # the exact list of what is wrong
    confidence: str = "proof"  # or "evidence", where no source says what must be there


class InstallState(Enum):
    """How it ended for one server; ``PATCHED`` only when every condition holds (I18)."""

    PATCHED = "patched"
    NOTHING_TO_DO = "nothing-to-do"
    PLANNED = "planned"  # check mode, or not confirmed: nothing was changed
    STALE_PLAN = "stale-plan"  # the approved plan does not fit any more: nothing was changed
    STOPPED = "stopped"  # a check before the installation forbids it: nothing was installed
    NOT_PATCHED = "not-patched"  # the installer failed and left the server as it was
    DEGRADED = "degraded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class InstallVerdict:
    """The verdict on one installation."""

    state: InstallState
    reason: str
    conditions: tuple[Condition, ...] = ()
    failures: tuple[Failure, ...] = ()
    code: str | None = None  # of the error that ended it

    @property
    def wrong(self) -> tuple[Condition, ...]:
        """The conditions that do not hold, or of which it is not known."""
        return tuple(c for c in self.conditions if not c.holds.good)


@dataclass(frozen=True, slots=True)
class HostReading:
    """One reading of a host: facts of Get-ExchangeServerInfo and of Get-UpdateSnapshot."""

    facts: dict[str, Any] | None
    snapshot: dict[str, Any] | None = None
    probes: tuple[dict[str, Any], ...] | None = None
    errors: tuple[Any, ...] = field(default=())
    boot_id: str | None = None
