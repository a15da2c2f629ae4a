# SPDX-License-Identifier: GPL-3.0-or-later
"""What a collector of facts has at hand: the world, shorthands, and the list of part errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...world.paths import parse_time
from .errors import PartError, thrown

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...world.world import World
    from .iis_document import Configuration

_VARIABLE = re.compile(r"%([^%]+)%")
_UNSIGNED = 1 << 32
# .NET's white space without the separators of category Z, which str.strip() takes as well.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

# What a service session finds in its environment.
ENVIRONMENT = {
    "systemdrive": "C:",
    "systemroot": "C:\\Windows",
    "windir": "C:\\Windows",
    "programdata": "C:\\ProgramData",
    "programfiles": "C:\\Program Files",
    "temp": "C:\\Windows\\Temp",
    "tmp": "C:\\Windows\\Temp",
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
    """One collection of facts, and what its later parts take from earlier ones."""

    world: World
    errors: list[dict[str, Any]] = field(default_factory=list)
    install_path: str | None = None
    iis_logs: dict[str, str] = field(default_factory=dict)
    iis_logs_on: dict[str, bool | None] = field(default_factory=dict)
    configuration: Configuration | None = None
    configuration_error: PartError | None = None
    configuration_read: bool = False
    lock: str | None = None  # the ticket of the request

    def part(self, source: str, collect: Callable[[], Any], default: Any = None) -> Any:
        """Run one collector; a failure becomes ``default`` plus an entry that says why."""
        try:
            return collect()
        except PartError as error:
            self.report(source, error)
            return default

    def report(self, source: str, error: PartError) -> None:
        """Add a part error under its source."""
        self._entry(source, error.kind, error.identity, str(error))

    def say(self, source: str, sentence: str) -> None:
        """Add a sentence of the operation itself."""
        self._entry(source, "Unavailable", "", sentence)

    def _entry(self, source: str, kind: str, identity: str, message: str) -> None:
        entry = {"source": source, "class": kind, "id": identity, "message": message}
        self.errors.append(entry)

    def value(self, path: str, name: str) -> Any:
        """Return the data of a registry value or ``None``; ExpandString comes expanded."""
        values = self.world.key(path) or {}
        found = values.get(name)
        if found is None:
            found = next((v for k, v in values.items() if k.lower() == name.lower()), None)
        if found is None:
            return None
        return expand(found["value"]) if found["type"] == "ExpandString" else found["value"]

    def text(self, path: str, name: str) -> str | None:
        """Return a registry value as text up to its first NUL, trimmed; empty is ``None``."""
        found = self.value(path, name)
        if found is None:
            return None
        whole = " ".join(map(str, found)) if isinstance(found, list) else str(found)
        return whole.partition("\0")[0].strip(_BLANKS) or None

    def number(self, path: str, name: str) -> int | None:
        """Return a DWord as the unsigned number that it is."""
        found = self.value(path, name)
        if found is None:
            return None
        number = int(found)
        return number + _UNSIGNED if number < 0 else number

    def version_part(self, path: str, name: str) -> str:
        """Return a value that a version is put together from; without it there is no version."""
        found = self.text(path, name)
        if found is None:
            raise thrown(f"{path.replace('HKLM', 'HKLM:', 1)} has no value {name}")
        return found

    def require_native(self) -> None:
        """Refuse a 32-bit process: Windows shows it other keys and files."""
        if not self.world.data["session"].get("process_64bit"):
            raise thrown("a 32-bit process cannot see the 64-bit keys and files")

    def has_drive(self, path: str) -> bool:
        """Whether the drive of a path is there; one without a letter is on none."""
        return path[1:2] != ":" or path[0].upper() in {
            drive.upper() for drive in self.world.data["drives"]
        }

    def require_drive(self, path: str) -> None:
        """Raise as PowerShell does for a path on a drive that does not exist."""
        if not self.has_drive(path):
            raise PartError(
                "System.Management.Automation.DriveNotFoundException",
                "DriveNotFoundException,Resolve-NativePath",
                f"Cannot find drive. A drive with the name '{path[0]}' does not exist.",
            )

    def has_key(self, path: str) -> bool:
        return self.world.key(path) is not None
