# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the action to a request, and one result as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...catalog.loader import load
from ...change.options import controller, policy, takeover_reason
from ...plan.serialize import plan_to_dict
from .models import MitigateRequest, MitigateResult
from .phase import MITIGATE, PHASE, UNMITIGATE

if TYPE_CHECKING:
    from collections.abc import Mapping

INTENTS = {"present": MITIGATE, "absent": UNMITIGATE}


def request(host: str, options: Mapping[str, Any], *, check: bool) -> MitigateRequest:
    """Read the options; raises :class:`RemediationError` before anything is sent."""
    load().campaign(options["campaign"])
    own = controller()
    return MitigateRequest(
        host,
        # The same run continues itself; the day makes it another one the next time.
        options.get("run") or f"{options['campaign']}-{utc_now():%Y-%m-%d}",
        options.get("owner") or own,
        INTENTS[options["state"]],
        options["campaign"],
        check=check or not options["confirm"],
        only=tuple(options.get("mitigations") or ()),
        although_open=options.get("although_open") or None,
        policy=policy(options),
        controller=own,
        takeover=takeover_reason(options.get("lock_takeover")),
    )


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
