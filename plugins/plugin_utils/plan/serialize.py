# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of one server as JSON and back; ``plan/plan.schema.json`` has the shape. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .records import HostPlan, Refusal, Step

if TYPE_CHECKING:
    from collections.abc import Mapping


def plan_to_dict(plan: HostPlan) -> dict[str, Any]:
    """Return the JSON form of a plan."""
    return {
        "intent": plan.intent,
        "campaign": plan.campaign,
        "steps": [step_to_dict(step) for step in plan.steps],
        "refused": list(plan.refused),
        "notes": list(plan.notes),
        "rests_on": plan.rests_on,
        "sections": dict(plan.sections),
    }


def step_to_dict(step: Step) -> dict[str, Any]:
    """Return the JSON form of one step."""
    return {
        "id": step.id,
        "operation": step.operation,
        "parameters": step.parameters,
        "reason": step.reason,
        "before": step.before,
        "after": step.after,
        "clause": step.clause,
        "needs": list(step.needs),
    }


def plan_from_dict(data: Mapping[str, Any]) -> HostPlan:
    """Return the plan behind a JSON form that fits the schema."""
    return HostPlan(
        intent=data["intent"],
        campaign=data["campaign"],
        steps=tuple(Step(**{**row, "needs": tuple(row["needs"])}) for row in data["steps"]),
        refusals=tuple(Refusal(None, text) for text in data["refused"]),
        rests_on=data["rests_on"],
        notes=tuple(data["notes"]),
        sections=tuple(sorted(data["sections"].items())),
    )
