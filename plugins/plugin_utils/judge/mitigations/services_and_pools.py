# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge mitigations that stop a service or an application pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...facts.read import Named, flag, named, rows, text
from .rules import UNREADABLE
from .state import JudgedMitigation, MitigationState, Part, combine

if TYPE_CHECKING:
    from ...catalog.records.mitigations import AppPoolState, Mitigation, ServiceState
    from ..subject import Subject


def _pairs(found: tuple[tuple[str, object, object], ...]) -> tuple[MitigationState, str]:
    """Compare (what, found, wanted): all equal holds, none equal is missing."""
    unread = [what for what, have, _ in found if have is None]
    if unread:
        return MitigationState.UNKNOWN, f"{', '.join(unread)} {UNREADABLE}"
    wrong = [f"{what} is {have}, not {want}" for what, have, want in found if have != want]
    if not wrong:
        return MitigationState.HOLDS, "as wanted"
    return (
        MitigationState.MISSING if len(wrong) == len(found) else MitigationState.PARTIAL
    ), ", ".join(wrong)


def _service(wanted: ServiceState, listed: Named) -> Part | None:
    """One service; None where the host has none of that name."""
    watchdog = wanted.purpose == "watchdog"
    row = listed.get(wanted.name)
    if row is None:
        if listed.whole:
            return None
        return Part(wanted.name, MitigationState.UNKNOWN, UNREADABLE, watchdog=watchdog)
    start = text(row.get("start_type"))
    state, detail = _pairs(
        (
            ("status", text(row.get("status")), wanted.status),
            ("start type", start, wanted.start_type),
        )
    )
    return Part(wanted.name, state, detail, start == wanted.start_type, watchdog)


def _app_pool(wanted: AppPoolState, pools: Named) -> Part | None:
    row = pools.get(wanted.name)
    if row is None:
        return None if pools.whole else Part(wanted.name, MitigationState.UNKNOWN, UNREADABLE)
    status = text(row.get("state"))
    auto_start = flag(row.get("auto_start"))
    state, detail = _pairs(
        (
            ("state", None if status == "Unknown" else status, wanted.state),
            ("autoStart", auto_start, wanted.auto_start),
            ("startMode", text(row.get("start_mode")), wanted.start_mode),
        )
    )
    if (
        state is MitigationState.PARTIAL
        and status != wanted.state
        and auto_start is not wanted.auto_start
    ):
        # OnDemand is the default start mode of IIS: alone it says nothing.
        state = MitigationState.MISSING
    return Part(wanted.name, state, detail, auto_start is wanted.auto_start)


def judge_state(mitigation: Mitigation, subject: Subject) -> JudgedMitigation:
    """The state of a mitigation made of services and application pools."""
    facts, listed, product = subject.facts, subject.services, subject.product
    if not listed.index:
        reason = facts.why("services")
        detail = f"services {UNREADABLE}: {reason}"
        return JudgedMitigation(mitigation.id, MitigationState.UNKNOWN, detail, present=False)
    iis = facts.section("iis")
    pools = named(rows(iis.get("app_pools") if iis else None, "name"))
    found: list[Part | None] = [_app_pool(pool, pools) for pool in mitigation.app_pools]
    found += [
        _service(service, listed)
        for service in mitigation.services
        if product is None or product in service.products
    ]
    parts = tuple(part for part in found if part is not None)
    targets = [part for part in parts if not part.watchdog]
    return combine(
        mitigation.id,
        parts if targets else (),
        absent="this server has none of the services or pools that it stops",
    )
