# SPDX-License-Identifier: GPL-3.0-or-later
"""With which update to begin, or to go on: what was begun on the server and is not proven comes first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...install.begin import NO_UPDATE, StartingPoint, look
from ...install.evidence import doubts
from ...install.models import Action, HostReading, UpdateSelection
from ...install.reading import exsetup, listed_kbs
from ...install.request import update_name
from ...judge.assess import assess
from .choose import ACCEPTED, borne_out, choose

if TYPE_CHECKING:
    from datetime import date

    from ...facts.read import Facts
    from ...install.host import InstallSession
    from ...install.request import InstallRequest
    from ...install.runtime import InstallRuntime


def beginning(
    request: InstallRequest, runtime: InstallRuntime, host: InstallSession, facts: Facts
) -> StartingPoint:
    """Choose, and read what the host has of it; asks one or two snapshots.

    Nothing is to be done only where all that an assessment asks says so, not the build alone.
    """
    start = _beginning(request, runtime, host, facts)
    if start.choice.action is not Action.NOTHING:
        return start
    judged = assess(facts.result, facts.errors, runtime.catalog, request.campaign, runtime.now())
    return replace(
        start, choice=borne_out(start.choice, runtime.catalog, judged, listed_kbs(facts))
    )


def _beginning(
    request: InstallRequest, runtime: InstallRuntime, host: InstallSession, facts: Facts
) -> StartingPoint:
    day: date = runtime.now().date()
    build = exsetup(facts)
    chosen = choose(
        runtime.catalog,
        request.campaign,
        build,
        day,
        runtime.store,
        kb=request.kb,
        repair=request.repair,
        accepted=request.policy.approvals.get(ACCEPTED),
    )
    present = _present(chosen, runtime)
    if chosen.action is not Action.INSTALL and present is None:
        return StartingPoint(chosen)
    wanted = chosen if chosen.action is Action.INSTALL or present is None else present
    found = look(wanted, host, facts)
    if present is not None and update_name(present) in found.begun:
        if wanted is not present and update_name(present) != found.update:
            found = look(present, host, facts)
        if found.recorded is not None and chosen.action is not Action.INSTALL:
            reason = f"{present.kb} was begun on this server and is not proven yet."
            choice = replace(present, action=Action.INSTALL, reason=reason)
            return replace(found, choice=choice)
        if found.recorded is not None:
            return found
    if chosen.action is not Action.INSTALL:
        return StartingPoint(chosen, lock=found.lock)
    if found.reached and found.recorded is None and _whole(found, facts):
        # Asked to repair a fleet: this server has nothing that was left to be repaired.
        reason = (
            f"{found.choice.kb} is installed, nothing speaks against it, nothing was begun here."
        )
        return StartingPoint(replace(chosen, action=Action.NOTHING, reason=reason), lock=found.lock)
    return _unless_another_was_begun(found)


def _whole(found: StartingPoint, facts: Facts) -> bool:
    """Whether an update whose version ExSetup.exe has looks whole, without a record to compare with."""
    target = found.choice.target
    now = HostReading(None, found.now)
    listed = found.choice.kb in listed_kbs(facts)
    return listed and target is not None and doubts(target, HostReading(None), now, None) == []


def _present(chosen: UpdateSelection, runtime: InstallRuntime) -> UpdateSelection | None:
    """The update that made the present build, where one did."""
    info = runtime.catalog.find_build(chosen.build) if chosen.build else None
    if info is None or chosen.build is None or info.kind == "CU":
        return None
    packages = runtime.store.packages if runtime.store else ()
    package = next((p for p in packages if p.build == chosen.build), None)
    return replace(chosen, kb=info.kb, target=chosen.build, package=package)


def _unless_another_was_begun(found: StartingPoint) -> StartingPoint:
    """Two unfinished updates would have two records, and the later one is of a half-changed server."""
    others = [n for n in found.begun if n != found.update and not n.endswith(NO_UPDATE)]
    if not others:
        return found
    names = ", ".join(others)
    stop = replace(
        found.choice,
        action=Action.STOP,
        reason=f"{names} was begun on this server and is not proven, so {found.update} is not "
        "begun: what would be recorded as the state before is not the one before.",
        remedy="Finish that one first (patch_kb names its update; cu-... is one of the playbook upgrade).",
    )
    return replace(found, choice=stop)
