# SPDX-License-Identifier: GPL-3.0-or-later
"""How an installation on one host went, and the same as data for playbooks and reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..plan.serialize import plan_to_dict

if TYPE_CHECKING:
    from ..change.checks import Precheck
    from ..change.states import Phase
    from ..plan.records import HostPlan
    from .models import InstallVerdict, UpdateSelection
    from .request import InstallRequest


@dataclass(slots=True)
class InstallResult:
    """How it went, with everything it rests on."""

    outcome: InstallVerdict
    choice: UpdateSelection | None = None
    prechecks: tuple[Precheck, ...] = ()
    planned: HostPlan | None = None
    done: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    exit_code: int | None = None
    commands: int = 0
    reapply: tuple[str, ...] = ()  # mitigations that were in effect and are to be applied again
    lock: dict[str, Any] | None = None  # from whom it was taken over, and why
    left_alone: bool = True  # as far as is known, nobody and nothing is at work there

    def told(self, phase: Phase, intent: str, state: str) -> dict[str, object]:
        """Return ``standing`` and ``unchanged``: never while another, or an installer, has the server."""
        told = phase.told(intent, state)
        return {**told, "unchanged": bool(told["unchanged"]) and self.left_alone}

    @property
    def plan(self) -> tuple[str, ...]:
        """The ids of the planned steps."""
        return tuple(step.id for step in self.planned.steps) if self.planned else ()


def to_dict(wanted: InstallRequest, result: InstallResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    return {
        "host": wanted.host,
        "run": wanted.run,
        **outcome_to_dict(result.outcome),
        "choice": choice_to_dict(result.choice) if result.choice else None,
        "prechecks": [precheck_to_dict(check) for check in result.prechecks],
        "plan": plan_to_dict(result.planned) if result.planned else None,
        "steps": result.done,
        "exit_code": result.exit_code,
        "approvals": dict(wanted.policy.given),
        "commands": result.commands,
        "lock_taken_over": result.lock,
    }


def choice_to_dict(choice: UpdateSelection) -> dict[str, Any]:
    """Return what is to be installed, or why nothing is."""
    package = choice.package
    return {
        "action": choice.action.value,
        "reason": choice.reason,
        "remedy": choice.remedy,
        "build": str(choice.build) if choice.build else None,
        "target": str(choice.target) if choice.target else None,
        "update": choice.update,
        "kb": choice.kb,
        "closes": list(choice.closes),
        "cumulative_updates": list(choice.cumulative_updates),
        "supported": list(choice.supported),
        "package": {"file": package.file, "sha256": package.sha256, "size": package.size}
        if package
        else None,
    }


def precheck_to_dict(check: Precheck) -> dict[str, Any]:
    """Return one check before the installation."""
    return {
        "check": check.check,
        "status": check.status.value,
        "summary": check.summary,
        "remedy": check.remedy,
    }


def outcome_to_dict(outcome: InstallVerdict) -> dict[str, Any]:
    """Return the verdict for results and reports."""
    return {
        "state": outcome.state.value,
        "reason": outcome.reason,
        "conditions": [
            {
                "condition": c.condition,
                "holds": c.holds.value,
                "summary": c.summary,
                "items": list(c.items),
                "confidence": c.confidence,
            }
            for c in outcome.conditions
        ],
        "failures": [
            {
                "failure": f.failure,
                "title": f.title,
                "detail": f.detail,
                "repair": f.repair,
                "source": f.source,
            }
            for f in outcome.failures
        ],
    }
