# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one upgrade for one server: that of an update with other words and more around it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...catalog.clauses import clause_for
from ...install.begin import NO_UPDATE
from ...install.request import update_name
from ...install.steps import SECTIONS as BASE_SECTIONS
from ...install.steps import install_plan
from ...plan.freshness import facts_digest, section_digests
from ...plan.records import HostPlan, Step
from .phase import INTENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...change.checks import Precheck
    from ...install.begin import StartingPoint
    from ...install.request import InstallRequest
    from ...install.runtime import InstallRuntime

SECTIONS = (*BASE_SECTIONS, "dotnet", "os")
_PROVEN_BY = "files, registry, start types, services, pools, front end, no restart pending"


def memory_name(update: str) -> str:
    """The record that says which mitigations were in effect before the first attempt."""
    return f"{update}{NO_UPDATE}"


def upgrade_plan(
    request: InstallRequest,
    runtime: InstallRuntime,
    start: StartingPoint,
    facts: Mapping[str, Any] | None,
    checks: tuple[Precheck, ...],
    arguments: Sequence[str],
    *,
    remember: Sequence[str] = (),
    release: Sequence[str] = (),
    installed: bool = False,
) -> HostPlan:
    """Return the steps. ``remember`` and ``release``: mitigations, before anything else is done."""
    base = install_plan(
        INTENT, request, runtime, start.choice, facts, start.recorded, checks, arguments,
        installed=installed,
    )  # fmt: skip
    steps = [*_mitigations(start, remember, release), *base.steps]
    clause = clause_for(runtime.catalog, request.campaign, INTENT)
    chained = [
        replace(step, clause=clause, needs=(steps[number - 1].id,) if number else ())
        for number, step in enumerate(_worded(step) for step in steps)
    ]
    return replace(
        base,
        steps=tuple(chained),
        rests_on=facts_digest(facts, SECTIONS),
        sections=section_digests(facts, SECTIONS),
    )


def _worded(step: Step) -> Step:
    if step.id == "restore":
        return replace(step, reason="Setup is known to leave services disabled.")
    if step.id == "restart":
        return replace(step, reason="A cumulative update is complete only after a restart.")
    if step.id == "prove":
        return replace(step, after={"open": [], "proven_by": _PROVEN_BY})
    return step


def _mitigations(
    start: StartingPoint, remember: Sequence[str], release: Sequence[str]
) -> list[Step]:
    update = memory_name(start.update or update_name(start.choice))
    found = []
    if remember:
        found.append(
            Step(
                "remember",
                "Save-UpdateSnapshot",
                {"update": update, "binaries": [], "notes": list(remember)},
                "Setup wipes rules; whoever goes on later must know what was in effect.",
                {"record": None},
                {"record": update, "reapply": list(remember)},
            )
        )
    found += [
        Step(
            f"release/{name}",
            "Undo-Mitigation",
            {"mitigation": name},
            "Setup starts what it installs, and keeps start types that it finds.",
            {"mitigation": "in effect"},
            {"mitigation": "undone"},
        )
        for name in release
    ]
    return found
