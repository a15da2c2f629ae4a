# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation takes, read from the ``param`` block of its script: the one place that says it.

The model of the rehearsal binds requests by it, and the documentation is made from it. Only the
form that the scripts have is understood; anything else is refused, never skipped::

    param (
        # a comment, kept as the description
        [Parameter(Mandatory = $true)]
        [ValidateLength(1, 200)]
        [string]
        $Owner,

        [int]
        $TtlSeconds = 900
    )
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from ...base.errors import ConfigError
from . import loader

_HEAD = "[CmdletBinding()]\nparam ("
_MANDATORY = "[Parameter(Mandatory = $true)]"
_BOUNDS = re.compile(r"\[Validate(Range|Length|Count)\((-?\d+), (-?\d+)\)\]")
_PATTERN = re.compile(r"\[ValidatePattern\('([^']+)'\)\]")
_CHOICES = re.compile(r"\[ValidateSet\(('[^']*'(?:, '[^']*')*)\)\]")
_TYPE = re.compile(r"\[([A-Za-z]+(?:\[\])?)\]")
_VARIABLE = re.compile(r"\$([A-Z][A-Za-z0-9]*)(?: = (.+?))?(,?)")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Type(Enum):
    """The types that parameters have, by their name in PowerShell."""

    BOOL = "bool"
    INT = "int"
    LONG = "long"
    STRING = "string"
    STRINGS = "string[]"
    OBJECTS = "object[]"

    @property
    def is_list(self) -> bool:
        """Tell whether it holds several values."""
        return self.value.endswith("[]")


class Measure(Enum):
    """What a pair of bounds is about: the value, the characters of a text, the items of a list."""

    RANGE = "Range"
    LENGTH = "Length"
    COUNT = "Count"


_MEASURED = {
    Measure.RANGE: (Type.INT, Type.LONG),
    Measure.LENGTH: (Type.STRING,),
    Measure.COUNT: (Type.STRINGS, Type.OBJECTS),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that is allowed, both inclusive."""

    measure: Measure
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class OperationParameter:
    """One parameter of a host script; ``pattern`` is a .NET expression, case does not matter."""

    name: str
    type: Type
    mandatory: bool = False
    bounds: Bounds | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    comment: str = ""

    @property
    def key(self) -> str:
        """Return the name on the wire: ``ttl_seconds`` for ``TtlSeconds``."""
        return _WORD_START.sub("_", self.name).lower()


@cache
def parameters(operation: str) -> tuple[OperationParameter, ...]:
    """Return the parameters of an operation in the order of its script.

    :raises ConfigError: there is no such operation, or its script has another form.
    """
    loader.script(operation)  # refuses an unknown name
    try:
        return read(loader.source(operation))
    except ValueError as error:
        raise ConfigError(f"host operation {operation}: {error}") from error


def read(text: str) -> tuple[OperationParameter, ...]:
    """Read the ``param`` block of a script's text; raises `ValueError` for a form not known."""
    _, found, block = text.partition(_HEAD)
    if not found:
        raise ValueError("no [CmdletBinding()] param block")
    if block.startswith(")\n"):
        return ()
    body, found, _ = block.partition("\n)\n")
    if not found or not body.startswith("\n"):
        raise ValueError("the param block does not end with a bracket in a line of its own")
    groups = [group.splitlines() for group in body[1:].split("\n\n")]
    return tuple(
        _parameter([line.strip() for line in lines], last=lines is groups[-1]) for lines in groups
    )


def _parameter(lines: list[str], *, last: bool) -> OperationParameter:
    """Read one parameter; its lines come in the order comment, attributes, type, variable."""
    *attributes, kind, variable = lines if len(lines) > 1 else ["", *lines]
    named = _VARIABLE.fullmatch(variable)
    if not named or bool(named[3]) is last:
        raise ValueError(f"not one parameter with its type: {' '.join(lines)}")
    typed = _TYPE.fullmatch(kind)
    if not typed or typed[1] not in {one.value for one in Type}:
        raise ValueError(f"{named[1]}: {kind!r} is not a known type")
    members: dict[str, Any] = {"type": Type(typed[1])}
    for line in attributes:
        _merge(members, named[1], line)
    if named[2] is not None:
        members["default"] = _default(named[1], members["type"], named[2])
    parameter = OperationParameter(named[1], **members)
    _check(parameter, has_default=named[2] is not None)
    return parameter


def _merge(members: dict[str, Any], name: str, line: str) -> None:
    """Add what one comment or attribute says; an attribute stands once, after the comment."""
    attribute: tuple[str, Any]
    if line.startswith("# ") and members.keys() <= {"type", "comment"}:
        members["comment"] = f"{members.get('comment', '')} {line[2:]}".strip()
        return
    if line == _MANDATORY:
        attribute = ("mandatory", True)
    elif found := _BOUNDS.fullmatch(line):
        attribute = ("bounds", Bounds(Measure(found[1]), int(found[2]), int(found[3])))
    elif found := _PATTERN.fullmatch(line):
        attribute = ("pattern", found[1])
    elif found := _CHOICES.fullmatch(line):
        attribute = ("choices", tuple(found[1][1:-1].split("', '")))
    else:
        raise ValueError(f"{name}: {line!r} is not a known attribute")
    if attribute[0] in members:
        raise ValueError(f"{name}: {line!r} says again what another attribute says")
    members[attribute[0]] = attribute[1]


def _default(name: str, kind: Type, text: str) -> Any:
    if kind.is_list and text == "@()":
        return ()
    if kind is Type.BOOL and text in ("$true", "$false"):
        return text == "$true"
    if kind in (Type.INT, Type.LONG) and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind is Type.STRING and re.fullmatch(r"'[^']*'", text):
        return text[1:-1]
    raise ValueError(f"{name}: {text!r} is not a known default of [{kind.value}]")


def _check(parameter: OperationParameter, *, has_default: bool) -> None:
    """Refuse what PowerShell would take and what makes no sense."""
    if parameter.mandatory is has_default:
        raise ValueError(f"{parameter.name}: either mandatory or with a default")
    bounds = parameter.bounds
    if bounds and (parameter.type not in _MEASURED[bounds.measure] or bounds.least > bounds.most):
        raise ValueError(f"{parameter.name}: bounds that no [{parameter.type.value}] can have")
    if (parameter.pattern or parameter.choices) and parameter.type is not Type.STRING:
        raise ValueError(f"{parameter.name}: a pattern or a set is for one string")
