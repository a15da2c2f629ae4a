# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-ExchangeServerInfo in the model, remembered for each host until it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..context import stamp
from ..frame import encode
from ..registry import Encoded, operation
from .collect import collect

if TYPE_CHECKING:
    from ....world.world import World
    from ..context import Context

_CLOCK = "@clock@"  # where the remembered facts get the time of each run


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Facts as JSON text around the time of the clock, and the generation of the host then."""

    generation: int
    head: str
    tail: str
    errors: list[dict[str, Any]]


_MEMORY: WeakKeyDictionary[World, _Remembered] = WeakKeyDictionary()


@operation("Get-ExchangeServerInfo")
def server_info(context: Context, _: dict[str, Any]) -> Encoded:
    """Return the facts with the present time of the host's clock."""
    world = context.world
    known = _MEMORY.get(world)
    if known is None or known.generation != world.generation:
        known = _MEMORY[world] = _read(world)
    context.errors += known.errors
    return Encoded(f"{known.head}{stamp(world.clock())}{known.tail}")


def _read(world: World) -> _Remembered:
    facts, errors = collect(world)
    facts["clock"] = {"utc": _CLOCK}
    head, _, tail = encode(facts).partition(_CLOCK)
    world.forget_file_index()  # fleets are large, and the facts are remembered
    return _Remembered(world.generation, head, tail, errors)
