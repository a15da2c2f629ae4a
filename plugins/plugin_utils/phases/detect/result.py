# SPDX-License-Identifier: GPL-3.0-or-later
"""What detecting on one server came to, and the same as data for playbooks, case and reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from ...judge.compromise.serialize import verdict_to_dict
from ...plan.serialize import plan_to_dict
from .phase import DETECT, PHASE

if TYPE_CHECKING:
    from ...judge.compromise.records import CompromiseVerdict
    from ...plan.records import HostPlan
    from .request import DetectRequest


class DetectState(Enum):
    """How it ended for one server: a verdict, or why there is none."""

    INDICATOR_FOUND = "indicator-found"
    CONFLICT = "conflict"
    INCONCLUSIVE = "inconclusive"
    NO_INDICATOR = "no-indicator"
    PLANNED = "planned"  # check mode, or not confirmed: nothing was started
    STOPPED = "stopped"  # nothing was started, because something forbids it
    STALE_PLAN = "stale-plan"  # nothing was started: the host is not what was approved
    UNKNOWN = "unknown"  # a tool may be at work, or it is not known how it ended


@dataclass(slots=True)
class DetectResult:
    """How it went. ``tools``: one entry a tool that was started, as :mod:`.reading` makes it."""

    state: DetectState
    reason: str
    plan: HostPlan
    code: str | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    exposure: list[dict[str, Any]] = field(default_factory=list)
    verdict: CompromiseVerdict | None = None
    notes: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    commands: int = 0


def to_dict(wanted: DetectRequest, result: DetectResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    return {
        "host": wanted.host,
        "run": wanted.run,
        "state": result.state.value,
        **PHASE.told(DETECT, result.state.value),
        "examined": result.verdict is not None,
        "reason": result.reason,
        "since": wanted.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "verdict": verdict_to_dict(result.verdict) if result.verdict else None,
        "tools": result.tools,
        "exposure": result.exposure,
        "notes": list(result.notes),
        "plan": plan_to_dict(result.plan),
        "steps": result.steps,
        "removal_decision": wanted.removal,
        "approvals": dict(wanted.policy.given),
        "commands": result.commands,
    }


def record_of(wanted: DetectRequest, result: DetectResult) -> dict[str, Any]:
    """Return what the case keeps of the run: ``detection.json`` in the folder of the host."""
    return {
        "schema": 1,
        "host": wanted.host,
        "run": wanted.run,
        "campaign": wanted.campaign,
        "tools": result.tools,
        "exposure": result.exposure,
        "verdict": verdict_to_dict(result.verdict) if result.verdict else None,
    }
