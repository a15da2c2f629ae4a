# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be planned for a fleet: the playbook, its variables, and what the ends of a host mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Intent:
    """One intent. ``prefix`` is that of the role's variables: ``<prefix>_case``, ``<prefix>_run``."""

    name: str
    prefix: str
    text: str

    @property
    def playbook(self) -> str:
        return f"exchange.remediation.{self.name}"


INTENTS = {
    intent.name: intent
    for intent in (
        Intent("mitigate", "mitigate", "apply the mitigations of the campaign"),
        Intent("unmitigate", "mitigate", "take the mitigations off again"),
        Intent("patch", "patch", "install the security update for each exact build"),
        Intent("upgrade", "upgrade", "change the cumulative update, which cannot be taken back"),
    )
}


class Standing(Enum):
    """What the end of a run says about one host."""

    DONE = "done"  # nothing is left to do there
    PLANNED = "planned"  # changes are planned, and nothing keeps them from being made
    WRONG = "wrong"  # it is known how it is, and that is not as wanted
    UNKNOWN = "unknown"  # not reached, or it is not known how it ended
    LEFT_OUT = "left-out"  # by --limit


_BY_STATE = {
    Standing.DONE: ("patched", "upgraded", "nothing-to-do", "mitigated", "removed", "not-needed"),
    Standing.PLANNED: ("planned",),
    Standing.LEFT_OUT: ("left-out",),
    Standing.WRONG: ("stale-plan", "stopped", "not-patched", "not-upgraded", "degraded", "partial"),
}
# A run that was stopped because of the way to the host has seen nothing there.
_UNREACHED = ("unreachable:", "authentication-failed:", "timeout:", "transport:", "reply")


def standing(state: str, reason: str) -> Standing:
    """Return what an end means; a state that nobody knows is unknown (I19)."""
    if state == "stopped" and reason.startswith(_UNREACHED):
        return Standing.UNKNOWN
    return next((s for s, states in _BY_STATE.items() if state in states), Standing.UNKNOWN)


def exit_status(standings: list[Standing]) -> int:
    """0 nothing to do, or all of it done; 1 changes planned, or a host is wrong; 3 some unknown."""
    known = [one for one in standings if one is not Standing.LEFT_OUT]
    if not known or Standing.UNKNOWN in known:
        return 3
    return int(any(one is not Standing.DONE for one in known))
