# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that the model knows, by the name of their script."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .context import stamp
from .facts import collect

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..world import World

_CLOCK = "@clock@"  # where the remembered facts get the time of each run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation answers: JSON text of ``result`` and of ``errors``."""

    result: str
    errors: str = "[]"


def encode(value: Any) -> str:
    """Write JSON as the frame carries it: ASCII, no blanks."""
    return json.dumps(value, separators=(",", ":"))


class FactsMemory:
    """Facts by world and generation: what did not change need not be read again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[World, int, str, str, str]] = {}

    def outcome(self, world: World, _parameters: dict[str, Any]) -> Outcome:
        """Return the facts with the present time of the host's clock."""
        known = self._known.get(id(world))
        if known is None or known[0] is not world or known[1] != world.generation:
            facts, errors = collect(world)
            facts["clock"] = {"utc": _CLOCK}
            head, _, tail = encode(facts).partition(_CLOCK)
            known = (world, world.generation, head, tail, encode(errors))
            self._known[id(world)] = known
        _, _, head, tail, errors_text = known
        return Outcome(f"{head}{stamp(world.clock())}{tail}", errors_text)


Operation = "Callable[[World, dict[str, Any]], Outcome]"


def operations() -> dict[str, Callable[[World, dict[str, Any]], Outcome]]:
    """Return a fresh table: its memory belongs to one engine."""
    return {"Get-ExchangeServerInfo": FactsMemory().outcome}
