# SPDX-License-Identifier: GPL-3.0-or-later
"""What a collector of facts has at hand: the world, shorthands, and the list of part errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..paths import parse_time
from .errors import PartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..world import World

_VARIABLE = re.compile(r"%([A-Za-z0-9_()]+)%")

# What a service session finds in its environment.
ENVIRONMENT = {
    "systemdrive": "C:",
    "systemroot": "C:\\Windows",
    "windir": "C:\\Windows",
    "programdata": "C:\\ProgramData",
    "programfiles": "C:\\Program Files",
    "temp": "C:\\Windows\\Temp",
}


def stamp(moment: datetime) -> str:
    """Return .NET's round-trip form of a UTC time, with its seven digits."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond:06}0Z"


def stamp_text(text: str | None) -> str | None:
    """Return the same for a time of the world's document."""
    return None if text is None else stamp(parse_time(text))


def expand(text: str) -> str:
    """Expand ``%SystemDrive%`` and the like; what is not known stays."""
    return _VARIABLE.sub(lambda m: ENVIRONMENT.get(m.group(1).lower(), m.group(0)), text)


@dataclass(slots=True)
class Context:
    """One collection of facts."""

    world: World
    errors: list[dict[str, Any]] = field(default_factory=list)

    def part(self, source: str, collect: Callable[[Context], Any]) -> Any:
        """Run one collector; a failure becomes null plus an entry that says why."""
        try:
            return collect(self)
        except PartError as error:
            self.report(source, error)
            return None

    def report(self, source: str, error: PartError) -> None:
        """Add a part error under its source."""
        entry = {
            "source": source,
            "class": error.kind,
            "id": error.identity,
            "message": str(error),
        }
        self.errors.append(entry)

    def value(self, path: str, name: str) -> Any:
        """Return the data of a registry value or ``None``; ExpandString comes expanded."""
        found = self.world.value(path, name)
        return expand(found) if isinstance(found, str) else found

    def text(self, path: str, name: str) -> str | None:
        """Return a registry value as text."""
        found = self.value(path, name)
        return None if found is None else str(found)

    def number(self, path: str, name: str) -> int | None:
        """Return a registry value as a number, when it is one."""
        found = self.value(path, name)
        return found if isinstance(found, int) else None
