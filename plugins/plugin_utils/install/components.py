# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody has taken components of Exchange out of service. Pure.

A component serves while no requester says otherwise; who took it out must put it back
(Exchange Team Blog, "Server Component States in Exchange 2013"). Only what this server's registry
says is seen, not what stands in Active Directory alone.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ..facts.read import rows, text
from .models import Condition, Holds

if TYPE_CHECKING:
    from .models import HostReading

_OUT = ("Inactive", "Draining")
_MAINTENANCE = "maintenance"


class Maintenance(Enum):
    """What a run may expect of the maintenance mode."""

    AS_FOUND = "as-found"  # what it had taken out before may be out still
    ENTERED = "entered"  # the server was put into it for this run
    LEFT = "left"  # and was taken out of it again: nothing may be out


def taken_out(seen: HostReading) -> dict[tuple[str, str], str] | None:
    """Return (component, requester) -> state of what is out; ``None``: not known."""
    listed = rows(seen.snapshot.get("components") if seen.snapshot else None)
    if not listed.whole:
        return None
    found = {}
    for row in listed.rows:
        place = (text(row.get("component")) or "?", text(row.get("requester")) or "?")
        state = text(row.get("state"))
        if state is None or state in _OUT:
            found[place] = state or "?"
    return found


def components(before: HostReading, after: HostReading, maintenance: Maintenance) -> Condition:
    """Nothing is out of service that was not before, but for the maintenance mode."""
    old, new = taken_out(before) or {}, taken_out(after)
    if new is None:
        return Condition("components", Holds.UNKNOWN, "The component states could not be read.")
    wrong, excused, unread = [], [], []
    for (component, requester), state in sorted(new.items()):
        said = f"{component} is {state} by {requester}"
        as_before = old.get((component, requester)) == state
        if requester.casefold() == _MAINTENANCE:
            out_of_it = maintenance is Maintenance.LEFT
            allowed = maintenance is Maintenance.ENTERED or (as_before and not out_of_it)
        else:
            allowed = as_before
        if allowed:
            excused.append(said)
        elif state == "?":
            unread.append(f"{component} by {requester}")
        else:
            wrong.append(said)
    if wrong:
        return Condition(
            "components", Holds.NO, f"Out of service: {'; '.join(wrong)}.", tuple(wrong)
        )
    if unread:
        what = "; ".join(unread)
        return Condition(
            "components",
            Holds.UNKNOWN,
            f"Component states of no known form: {what}.",
            tuple(unread),
        )
    if excused:
        return Condition(
            "components", Holds.YES, f"Out of service as expected: {'; '.join(excused)}."
        )
    return Condition("components", Holds.YES, "Nobody has taken a component out of service here.")
