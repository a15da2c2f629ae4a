# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the action to a request, tools, and one result as data."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from ..base.clock import utc_now
from ..catalog.loader import load
from ..change.options import controller, policy, takeover_reason
from ..change.source import PackageSource
from ..plan.serialize import plan_to_dict
from .budget import Budget
from .components import Maintenance
from .request import InstallRequest, InstallResult, InstallRuntime
from .serialize import choice_to_dict, outcome_to_dict, precheck_to_dict


def request(host: str, options: dict[str, Any], *, check: bool) -> InstallRequest:
    """Read the options; raises :class:`ConfigError`."""
    # Any run of this owner goes on with what another one has begun; the name is for people.
    run = options.get("run") or f"{options['campaign']}-{utc_now():%Y-%m-%d}"
    owner = options.get("owner") or controller()
    return InstallRequest(
        host,
        run,
        owner,
        options["campaign"],
        check=check or not options["confirm"],
        kb=options.get("kb"),
        policy=policy(options),
        restart=options["restart"],
        usable_seconds=float(options["usable_seconds"]),
        repair=options["repair"],
        takeover=takeover_reason(options.get("lock_takeover")),
        place=socket.gethostname(),
        maintenance=Maintenance(options["maintenance"]),
    )


def tools(options: dict[str, Any]) -> InstallRuntime:
    """Open the operator's store, verified; without one an update can be planned, not installed."""
    source = PackageSource.of(options)
    return InstallRuntime(load(), source.catalogue, source.deliver, delivery=source.operation)


def budget(options: dict[str, Any]) -> Budget | None:
    """Return the stop budget, if one is asked for."""
    if not options.get("stop_file"):
        return None
    return Budget(Path(options["stop_file"]), options["stop_after"])


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
