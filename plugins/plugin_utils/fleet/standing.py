# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ends of hosts say about a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..change.states import Standing
from ..phases.registry import standing
from ..plan.fleet import HostEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LEFT_OUT = HostEntry("left-out", "left out by --limit")


def standing_of(intent: str, entry: HostEntry) -> Standing:
    """Return how a host stands; ``intent`` is that of the plan."""
    if entry.state == LEFT_OUT.state:
        return Standing.LEFT_OUT
    return standing(intent, entry.state, entry.code)


def exit_status(standings: Iterable[Standing]) -> int:
    """0 nothing to do, or all of it done; 1 changes planned, or a host is wrong; 3 some unknown."""
    known = [one for one in standings if one is not Standing.LEFT_OUT]
    if not known or Standing.UNKNOWN in known:
        return 3
    return int(any(one is not Standing.DONE for one in known))


def fleet_status(
    intent: str, hosts: Mapping[str, HostEntry], missing: Mapping[str, str] | None = None
) -> int:
    """The exit status for all hosts of a plan; a server in no inventory is unknown."""
    standings = [standing_of(intent, entry) for entry in hosts.values()]
    return exit_status([*standings, *(Standing.UNKNOWN for _server in missing or ())])
