# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phase is to the rest of the tool: its intents, and what each state that it ends in means.

Each phase has one descriptor (``phases/<name>/phase.py``). Nothing else explains a state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Standing(Enum):
    """What the end of a run says about one host."""

    DONE = "done"  # nothing is left to do there
    PLANNED = "planned"  # changes are planned, and nothing keeps them from being made
    WRONG = "wrong"  # it is known how it is, and that is not as wanted
    UNKNOWN = "unknown"  # not reached, or it is not known how it ended
    LEFT_OUT = "left-out"  # not asked for


@dataclass(frozen=True, slots=True)
class StateMeaning:
    """What one state means. ``unchanged``: the host is as it was before the run."""

    standing: Standing
    unchanged: bool = False

    @property
    def good(self) -> bool:
        """Whether a rollout goes on after it, and the task does not fail."""
        return self.standing in (Standing.DONE, Standing.PLANNED)


# A state of a later version, or none at all (I19).
NOT_KNOWN = StateMeaning(Standing.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Intent:
    """What an operator may want of a phase. ``states``: those that mean something else for it."""

    name: str
    text: str
    states: Mapping[str, StateMeaning] = field(default_factory=dict)

    @property
    def playbook(self) -> str:
        """The name of the playbook that carries it out."""
        return f"exchange.remediation.{self.name}"


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase. ``name`` is that of its role, too, whose variables it begins: ``<name>_case``.

    ``result``: the member of the action's result that holds a host's entry.
    """

    name: str
    result: str
    intents: tuple[Intent, ...]
    states: Mapping[str, StateMeaning]

    def intent(self, name: str) -> Intent:
        """Return one of its intents; raises ``KeyError``."""
        return {intent.name: intent for intent in self.intents}[name]

    def meaning(self, intent: str, state: str) -> StateMeaning:
        """Return what a state means for an intent; one that nobody knows is unknown (I19)."""
        own = self.intent(intent).states
        return own.get(state) or self.states.get(state, NOT_KNOWN)

    def told(self, intent: str, state: str) -> dict[str, object]:
        """Return the two members that every result has: ``standing`` and ``unchanged``."""
        meaning = self.meaning(intent, state)
        return {"standing": meaning.standing.value, "unchanged": meaning.unchanged}
