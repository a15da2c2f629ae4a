# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary of mitigating: what is asked of one host, and how it ended."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from ...base.progress import silent
from ...change.policy import Policy
from .phase import MITIGATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...base.progress import Sink
    from ...catalog.catalog import Catalog
    from ...change.run import StepFailure
    from ...iis_module.models import IisModuleRuntime
    from ...plan.records import HostPlan


class MitigateState(Enum):
    """How it ended for one server. An interim measure: never a fix, and it evicts nobody."""

    MITIGATED = "mitigated"  # all that was asked and can be there holds, and refuses our request
    REMOVED = "removed"  # nothing that we applied is left
    NOT_NEEDED = "not-needed"  # nothing is open that a mitigation covers, or nothing of ours there
    PLANNED = "planned"  # check mode, or not confirmed: nothing was changed
    PARTIAL = "partial"  # some of it holds and is proven, some not
    DEGRADED = "degraded"  # it holds, and the front end answers worse than before
    STOPPED = "stopped"  # nothing was changed, because something forbids it
    STALE_PLAN = "stale-plan"  # nothing was changed: the host is not what was approved
    UNKNOWN = "unknown"  # changes were begun and it is not known how they ended


@dataclass(frozen=True, slots=True)
class MitigateRequest:
    """What is wanted of one host."""

    host: str
    run: str
    owner: str
    intent: str = MITIGATE
    campaign: str = "proxylogon"
    check: bool = False
    only: tuple[str, ...] = ()  # mitigations of the campaign; all of them when empty
    although_open: str | None = None  # why a mitigation comes off although it is still needed
    policy: Policy = field(default_factory=lambda: Policy(seconds=900))
    controller: str = ""  # its runs may take over from each other
    takeover: str = ""  # why the lock of somebody who is gone is taken


@dataclass(frozen=True, slots=True)
class MitigationStanding:
    """One mitigation on the host after the run."""

    mitigation: str
    state: str  # judge.mitigations.state.State
    detail: str
    needed: bool | None  # None: it is not known whether its CVEs are open
    proof: str | None = None  # what the front end did with our request; None: nothing to ask


@dataclass(slots=True)
class MitigateResult:
    """How it went, with everything it rests on."""

    state: MitigateState
    reason: str
    plan: HostPlan
    code: str | None = None  # of the error that ended it
    standings: tuple[MitigationStanding, ...] = ()
    left_open: tuple[str, ...] = ()  # CVEs of the campaign that nothing covers
    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[StepFailure] = field(default_factory=list)
    probes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # before, after
    changed: bool = False
    commands: int = 0


@dataclass(slots=True)
class MitigateRuntime:
    """The world around a run; tests hand in their own."""

    catalog: Catalog
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    notice: Sink = silent
    record: Callable[[str, dict[str, Any]], None] = lambda _event, _data: None
    # Raises StalePlan (change/admission.py) unless the approved plan says the same.
    admit: Callable[[HostPlan], None] = lambda _plan: None
    # Another name for each invocation: its changes compare with the host as it is now, so the
    # stored answer of an earlier one must not come back.
    token: Callable[[], str] = lambda: secrets.token_hex(8)
    module: IisModuleRuntime | None = (
        None  # of the URL Rewrite module; without it none is installed
    )
