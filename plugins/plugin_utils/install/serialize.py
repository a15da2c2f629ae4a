# SPDX-License-Identifier: GPL-3.0-or-later
"""Choice, checks and verdict as JSON for results and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..change.checks import Precheck
    from .models import InstallVerdict, UpdateSelection


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
