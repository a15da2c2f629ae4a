# SPDX-License-Identifier: GPL-3.0-or-later
"""Success is what is read back: files, list of updates, services, pools, front end, restart (I18).

The exit code decides nothing here. It only helps to name what went wrong. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..facts.read import Facts, named, rows, text
from ..judge.front_end import front_end_probes
from ..judge.role import EDGE, EDGE_SERVICES, TOOLS, ServerRole, server_role
from .components import Maintenance, components
from .models import Condition, Holds

if TYPE_CHECKING:
    from ..facts.read import Named
    from .models import HostReading

_STARTABLE = ("Automatic", "AutomaticDelayed")
_MOST = 50
_UNAVAILABLE = 503


def surroundings(
    facts: Facts, before: HostReading, after: HostReading, maintenance: Maintenance
) -> tuple[Condition, ...]:
    """What must hold around the files, whatever was installed."""
    role = server_role(facts)
    return (
        _role(before, role),
        _start_types(before, after),
        _services(before, after, role),
        _pools(before, after),
        components(before, after, maintenance) if role.kind != TOOLS else _none("components", role),
        _probe(before, after, facts) if role.client_access else _none("probe", role),
        _reboot(facts),
    )


def _role(before: HostReading, now: ServerRole) -> Condition:
    """What falls away for a role falls away only if it was of that role before, too."""
    if now.conflict:
        return Condition("role", Holds.UNKNOWN, f"What it is: {now.conflict}.")
    was = server_role(Facts.of(before.facts, before.errors))
    if before.facts is not None and was.conflict is None and was != now:
        words = f"it is {now.title} and was {was.title}"
        return Condition("role", Holds.NO, f"Role: {words}.", (words,))
    return Condition("role", Holds.YES, f"It is {now.title}.")


def _none(condition: str, role: ServerRole) -> Condition:
    """Write down what there is nothing of to be proven."""
    return Condition(condition, Holds.NOT_APPLICABLE, f"This is {role.title}: it has none.")


def listing(seen: HostReading, name: str) -> Named:
    """Return the rows of one list of a snapshot by name."""
    return named(rows(seen.snapshot.get(name) if seen.snapshot else None, "name"))


def _baseline_missing(condition: str, before: Named, after: Named) -> Condition | None:
    if not before.whole or not before.index:
        return Condition(condition, Holds.UNKNOWN, f"No record of {condition} before the update.")
    if not after.whole or not after.index:
        return Condition(condition, Holds.UNKNOWN, f"{condition} could not be read afterwards.")
    return None


def _start_types(before: HostReading, after: HostReading) -> Condition:
    old, new = listing(before, "services"), listing(after, "services")
    if missing := _baseline_missing("start-types", old, new):
        return missing
    wrong = []
    for row in old.index.values():
        name, was = text(row.get("name")) or "?", text(row.get("start_type"))
        now = new.get(name)
        if now is None:
            wrong.append(f"{name} is gone")
        elif was and text(now.get("start_type")) != was:
            wrong.append(f"{name} is {now.get('start_type')}, was {was}")
    return _listed("start-types", "Start types", sorted(wrong), "Every start type is as before.")


def _services(before: HostReading, after: HostReading, role: ServerRole) -> Condition:
    """What ran before, or starts by itself and ran, runs again; an Edge server does its work.

    An Edge server has no page to be asked and its connectors may listen anywhere (they stand in
    AD LDS): transport, its directory and its credentials for EdgeSync are what can be read.
    """
    old, new = listing(before, "services"), listing(after, "services")
    if missing := _baseline_missing("services", old, new):
        return missing
    wrong = []
    for row in old.index.values():
        name = text(row.get("name")) or "?"
        # One that starts on demand may stop again by itself.
        if row.get("status") != "Running" or row.get("start_type") not in _STARTABLE:
            continue
        now = new.get(name)
        if now is not None and now.get("status") != "Running":
            wrong.append(f"{name} is {now.get('status')}")
    for name in EDGE_SERVICES if role.kind == EDGE else ():
        status = (new.get(name) or {}).get("status", "not there")
        if status != "Running":
            wrong.append(f"{name} is {status}")
    wrong = sorted(set(wrong))
    return _listed("services", "Services", wrong, "Every service that ran runs.")


def _pools(before: HostReading, after: HostReading) -> Condition:
    old, new = listing(before, "app_pools"), listing(after, "app_pools")
    if before.snapshot is not None and before.snapshot.get("app_pools") == []:
        return Condition("pools", Holds.NOT_APPLICABLE, "There were no application pools.")
    if missing := _baseline_missing("pools", old, new):
        return missing
    wrong = []
    for row in old.index.values():
        name = text(row.get("name")) or "?"
        now = new.get(name)
        if now is None:
            wrong.append(f"{name} is gone")
        elif row.get("state") == "Started" and now.get("state") != "Started":
            wrong.append(f"{name} is {now.get('state')}")
    return _listed("pools", "Application pools", sorted(wrong), "Every pool that ran runs.")


def _probe(before: HostReading, after: HostReading, facts: Facts) -> Condition:
    """OWA and ECP answer; a pool that a mitigation had stopped before answers 503 still."""
    if silent := front_end_probes(facts).unreachable:
        words = f"{', '.join(silent)}: no https binding answers on the loopback address"
        return Condition("probe", Holds.UNKNOWN, f"Front end: {words}.")
    if not after.probes:
        return Condition("probe", Holds.UNKNOWN, "The front end was not asked.")
    stopped = [
        name
        for name, row in listing(before, "app_pools").index.items()
        if row.get("state") == "Stopped"
        and (listing(after, "app_pools").get(name) or {}).get("state") == "Stopped"
    ]
    wrong = []
    for row in after.probes:
        excused = stopped and row.get("status") == _UNAVAILABLE
        if row.get("as_expected") is not True and not excused:
            what = row.get("status") or row.get("error") or row.get("outcome")
            wrong.append(f"{text(row.get('name')) or '?'} answers {what}")
    return _listed("probe", "Front end", sorted(wrong), "OWA and ECP answer.")


def _reboot(facts: Facts) -> Condition:
    listed = facts.listing("pending_reboot")
    sources = [text(row.get("source")) or "?" for row in listed.rows]
    if not sources and not listed.whole:
        return Condition("reboot", Holds.UNKNOWN, f"Restart: {facts.why('pending_reboot')}.")
    return _listed("reboot", "A restart is pending", sources, "No restart is pending.")


def _listed(condition: str, title: str, wrong: list[str], good: str) -> Condition:
    if not wrong:
        return Condition(condition, Holds.YES, good)
    shown = ", ".join(wrong[:_MOST])
    return Condition(condition, Holds.NO, f"{title}: {shown}.", tuple(wrong))
