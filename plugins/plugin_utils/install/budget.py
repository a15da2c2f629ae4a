# SPDX-License-Identifier: GPL-3.0-or-later
"""The stop budget of a rollout: so many servers may go wrong, over all slices that share the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock

from ..base.errors import ConfigError
from ..change.states import Standing

if TYPE_CHECKING:
    from pathlib import Path

_PLANNED = Standing.PLANNED.value
_GOOD = (_PLANNED, Standing.DONE.value)
# Of lines that only have the state of an update, which an upgrade had as well.
_FORMER = {
    "patched": Standing.DONE.value,
    "nothing-to-do": Standing.DONE.value,
    "planned": _PLANNED,
    "stale-plan": Standing.WRONG.value,
    "stopped": Standing.WRONG.value,
    "not-patched": Standing.WRONG.value,
    "degraded": Standing.WRONG.value,
    "unknown": Standing.UNKNOWN.value,
}
_STANDINGS = {standing.value for standing in Standing}


@dataclass(frozen=True, slots=True)
class Budget:
    """``most`` servers may end badly; the next one is not started. One line of JSON a server."""

    file: Path
    most: int

    def exhausted(self) -> str | None:
        """Why no further server may be started, or ``None``."""
        bad = sorted(self._bad())
        if len(bad) <= self.most:
            return None
        return (
            f"The stop budget of {self.most} is used up by {', '.join(bad)} ({self.file}); look at "
            "them, then start with another file."
        )

    def note(self, host: str, state: str, standing: str) -> None:
        """Add how one server ended; a later good end of the same server takes the bad one back."""
        if standing == _PLANNED:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.file}.lock"), self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"host": host, "state": state, "standing": standing}) + "\n")

    def _bad(self) -> set[str]:
        if not self.file.exists():
            return set()
        last: dict[str, str] = {}
        with FileLock(f"{self.file}.lock"):
            lines = self.file.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                last[str(row["host"])] = _standing(row)
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{self.file}:{number}: not a line of a stop budget; nothing is started"
                ) from error
        return {host for host, standing in last.items() if standing not in _GOOD}


def _standing(row: dict[str, str]) -> str:
    """Return how a server stands; a rollout that goes on has lines of the former release."""
    standing = row["standing"] if "standing" in row else _FORMER[row["state"]]
    if standing not in _STANDINGS:
        raise ValueError(standing)
    return standing
