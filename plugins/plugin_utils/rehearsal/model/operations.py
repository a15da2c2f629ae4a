# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that the model knows, by the name of their script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .context import stamp
from .errors import OperationError
from .facts import collect
from .frame import encode, failure_entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..world import World

    Operation = Callable[[World, dict[str, Any]], "Outcome"]

_CLOCK = "@clock@"  # where the remembered facts get the time of each run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation answers: status and the JSON texts of ``result`` and ``errors``."""

    result: str
    errors: str = "[]"
    status: str = "ok"
    stored: str | None = None  # a whole reply from the host's store instead

    @classmethod
    def failure(cls, error: OperationError) -> Outcome:
        """Return the outcome of an operation that failed."""
        return cls("null", encode([failure_entry(error)]), "error")


class FactsMemory:
    """Facts by world and generation: what did not change need not be read again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[World, int, str, str, str]] = {}

    def __call__(self, world: World, request: dict[str, Any]) -> Outcome:
        """Return the facts with the present time of the host's clock."""
        _no_parameters(request)
        known = self._known.get(id(world))
        if known is None or known[0] is not world or known[1] != world.generation:
            facts, errors = collect(world)
            facts["clock"] = {"utc": _CLOCK}
            head, _, tail = encode(facts).partition(_CLOCK)
            known = (world, world.generation, head, tail, encode(errors))
            self._known[id(world)] = known
        _, _, head, tail, errors_text = known
        return Outcome(f"{head}{stamp(world.clock())}{tail}", errors_text)


def _no_parameters(request: dict[str, Any]) -> None:
    for name in request.get("parameters") or {}:
        raise OperationError(
            "RequestInvalid",
            f"A parameter cannot be found that matches parameter name '{name.replace('_', '')}'.",
            identity="NamedParameterNotFound,Invoke-OperationScript",
        )


def operations() -> dict[str, Operation]:
    """Return a fresh table: its memory belongs to one engine."""
    return {"Get-ExchangeServerInfo": FactsMemory()}
