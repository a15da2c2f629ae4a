# SPDX-License-Identifier: GPL-3.0-or-later
"""Success is what is read back: files, list of updates, services, pools, front end, restart (I18).

The exit code decides nothing here. It only helps to name what went wrong. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..facts.read import Facts, named, rows, text
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
    return (
        _start_types(before, after),
        _services(before, after),
        _pools(before, after),
        components(before, after, maintenance),
        _probe(before, after),
        _reboot(facts),
    )


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


def _services(before: HostReading, after: HostReading) -> Condition:
    """What ran before, or starts by itself and ran, runs again."""
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
    return _listed("services", "Services", sorted(wrong), "Every service that ran runs.")


def _pools(before: HostReading, after: HostReading) -> Condition:
    old, new = listing(before, "app_pools"), listing(after, "app_pools")
    if before.snapshot is not None and before.snapshot.get("app_pools") == []:
        return Condition("pools", Holds.YES, "There were no application pools.")
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


def _probe(before: HostReading, after: HostReading) -> Condition:
    """OWA and ECP answer; a pool that a mitigation had stopped before answers 503 still."""
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
