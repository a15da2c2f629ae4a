# SPDX-License-Identifier: GPL-3.0-or-later
"""How mitigating one server ended, and the same as data for playbooks and reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from ...plan.serialize import plan_to_dict
from .phase import PHASE

if TYPE_CHECKING:
    from ...change.run import StepFailure
    from ...plan.records import HostPlan
    from .request import MitigateRequest


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


def to_dict(wanted: MitigateRequest, result: MitigateResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    return {
        "host": wanted.host,
        "run": wanted.run,
        "state": result.state.value,
        **PHASE.told(wanted.intent, result.state.value),
        "reason": result.reason,
        "mitigations": [asdict(standing) for standing in result.standings],
        "left_open": list(result.left_open),
        "plan": plan_to_dict(result.plan),
        "steps": result.done,
        "failed_steps": [str(failure) for failure in result.failed],
        "probes": result.probes,
        "approvals": dict(wanted.policy.given),
        "commands": result.commands,
    }
