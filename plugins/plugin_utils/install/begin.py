# SPDX-License-Identifier: GPL-3.0-or-later
"""With which update to begin, or to go on: what was begun on the server and is not proven comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..facts.read import text
from .reading import exsetup
from .request import update_name

if TYPE_CHECKING:
    from ..facts.read import Facts
    from .host import InstallSession
    from .models import UpdateSelection

# Ending of records that are no update in progress: mitigations to be applied again after an upgrade.
NO_UPDATE = ".mitigations"


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """One update with what the host has of it. ``reached``: ExSetup.exe has its version already."""

    choice: UpdateSelection
    update: str = ""
    now: dict[str, Any] | None = None
    recorded: dict[str, Any] | None = None
    begun: tuple[str, ...] = ()
    lock: dict[str, Any] | None = None
    reached: bool = False

    @property
    def series(self) -> str:
        """When the record was made: whoever finds it, finds the jobs that belong to it."""
        return str(self.recorded.get("recorded")) if self.recorded else ""


def look(choice: UpdateSelection, host: InstallSession, facts: Facts) -> StartingPoint:
    """Read what the host has of a chosen update."""
    update = update_name(choice)
    seen = host.snapshot(update)
    recorded, begun, lock = seen.get("recorded"), seen.get("begun"), seen.get("lock")
    return StartingPoint(
        choice,
        update,
        seen["now"],
        recorded if isinstance(recorded, dict) else None,
        tuple(name for item in begun or () if (name := text(item))),
        lock if isinstance(lock, dict) else None,
        exsetup(facts) == choice.target,
    )
