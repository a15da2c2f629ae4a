# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that the model has: each function registers itself by the name of its script."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .context import Context

    Given = dict[str, Any]  # bound parameters by their names on the wire
    Result = dict[str, Any]
    Operation = Callable[[Context, Given], Result | "Encoded"]

_FOLDER = Path(__file__).parent
_REGISTERED: dict[str, Operation] = {}


class Encoded(str):
    """A result that is JSON text already."""

    __slots__ = ()


def operation(name: str) -> Callable[[Operation], Operation]:
    """Register a function as the model of an operation.

    It gets the context of the host and the bound parameters by their names on the wire, for
    example ``{"update": "kb5000871", "check": False}``, and returns the result.
    What it reports to the context becomes ``errors[]``; what it raises fails the operation.
    """

    def register(function: Operation) -> Operation:
        if name in _REGISTERED:
            raise ValueError(f"the model has two functions for {name}")
        _REGISTERED[name] = function
        return function

    return register


@cache
def operations() -> Mapping[str, Operation]:
    """Return all operations of the model by name, from the files of all areas."""
    for path in sorted(_FOLDER.glob("*/*.py")):
        import_module(f"{__package__}.{path.parent.name}.{path.stem}")
    return dict(sorted(_REGISTERED.items()))
