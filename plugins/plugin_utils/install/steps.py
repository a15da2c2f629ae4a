# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one update for one server: what each step does, and what the decision rests on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog.clauses import clause_for
from ..change.checks import PrecheckStatus
from ..plan.freshness import facts_digest, section_digests
from ..plan.records import HostPlan, Step
from .host import BINARIES
from .request import update_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..change.checks import Precheck
    from .models import UpdateSelection
    from .request import InstallRequest
    from .runtime import InstallRuntime

# Of the facts. Everything else is checked again before anything is started, and may differ.
SECTIONS = ("computer", "dag", "exchange", "pending_reboot", "updates")
_CONDITIONS = "files, updates, start types, services, pools, front end, no restart pending"


def install_plan(
    intent: str,
    request: InstallRequest,
    runtime: InstallRuntime,
    choice: UpdateSelection,
    facts: Mapping[str, Any] | None,
    recorded: Mapping[str, Any] | None,
    checks: tuple[Precheck, ...],
    arguments: Sequence[str],
    *,
    installed: bool = False,
) -> HostPlan:
    """Return the steps for what was chosen; ``arguments``: those of its installer.

    ``recorded``: the snapshot that the host has already. ``installed``: an earlier run installed it
    and did not prove it, so nothing is launched.
    """
    steps: list[Step] = []
    clause = clause_for(runtime.catalog, request.campaign, intent)
    for name, (operation, parameters, reason, before, after) in _steps(
        runtime, choice, recorded, arguments
    ).items():
        if name == "restart" and not request.restart:
            continue
        if name in ("deliver", "install") and installed:
            continue
        needs = (steps[-1].id,) if steps else ()
        steps.append(Step(name, operation, parameters, reason, before, after, clause, needs))
    return HostPlan(
        intent,
        request.campaign,
        tuple(steps),
        rests_on=facts_digest(facts, SECTIONS),
        notes=_notes(choice, checks),
        sections=section_digests(facts, SECTIONS),
    )


def _notes(choice: UpdateSelection, checks: tuple[Precheck, ...]) -> tuple[str, ...]:
    """What whoever approves the plan must know: remarks, and what rests on a person's word."""
    remarks = tuple(check.summary for check in checks if check.status is PrecheckStatus.NOTE)
    package = choice.package
    vouched = package.vouched if package else None
    return (*remarks, f"{package.file}: {vouched}.") if package and vouched else remarks


def _steps(
    runtime: InstallRuntime,
    choice: UpdateSelection,
    recorded: Mapping[str, Any] | None,
    arguments: Sequence[str],
) -> dict[str, tuple[str, dict[str, Any], str, Any, Any]]:
    """Each step: operation, parameters, reason, before, after."""
    update, package = update_name(choice), choice.package
    file = package.file if package else None
    digest = package.sha256 if package else None
    named = {"update": update}
    return {
        "snapshot": (
            "Save-UpdateSnapshot",
            {**named, "binaries": list(BINARIES)},
            "What an installer changes beside its files is put back from this record.",
            {"record": recorded.get("recorded") if recorded else None},
            {"record": update},
        ),
        "deliver": (
            runtime.delivery,
            {"package": file, "sha256": digest, "size": package.size if package else None},
            "Only these bytes are started: they are hashed again on the server right before.",
            None,
            {"file": file},
        ),
        "install": (
            "Start-HostJob",
            {"file": file, "sha256": digest, "arguments": list(arguments)},
            choice.reason,
            {"build": str(choice.build) if choice.build else None},
            {"build": str(choice.target) if choice.target else None, "update": choice.update},
        ),
        "restart": (
            "Restart-Host",
            {},
            "Files that were in use are replaced at a restart.",
            {"windows": "running"},
            {"windows": "restarted"},
        ),
        "restore": (
            "Restore-ServiceStartTypes",
            named,
            "Updates are known to leave services disabled.",
            {"start_types": "as the installer leaves them"},
            {"start_types": "as recorded before"},
        ),
        "prove": (
            "Get-UpdateSnapshot",
            {**named, "binaries": list(BINARIES)},
            "An exit code proves nothing: everything is read back.",
            {"open": ", ".join(choice.closes) or "not proven"},
            {"open": "none", "proven_by": _CONDITIONS},
        ),
    }
