# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of a case: the first inventory host at which one was met has it, no other (I16)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ..base import disk
from ..base.errors import ConfigError, RefusedError
from .machine import MachineIdentity

if TYPE_CHECKING:
    from pathlib import Path

FILE = "machines.json"


def claim(case: Path, host: str, machine: MachineIdentity) -> None:
    """Note that ``host`` is this machine.

    :raises RefusedError: another host of the inventory is the same machine.
    :raises ConfigError: the file of the case cannot be read.
    """
    disk.make_folder(case)
    path = case / FILE
    with FileLock(f"{path}.lock", mode=0o600):
        known = _read(path)
        for row in known:
            if row["host"] != host and machine.same(MachineIdentity.from_dict(row)):
                raise RefusedError(
                    f"{host} and {row['host']} are one server, {machine}: nothing is changed there "
                    f"under two names. Take one of them out of the inventory; if {row['host']} is "
                    f"gone, begin a new case, or take its line out of {path}"
                )
        mine = {"host": host, **machine.to_dict()}
        if mine not in known:
            kept = [row for row in known if row["host"] != host]
            rows = sorted([*kept, mine], key=lambda row: str(row["host"]))
            disk.replace(path, f"{json.dumps(rows, indent=1)}\n".encode())


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}); move it away and run again"
        ) from error
    if not isinstance(rows, list) or not all(isinstance(r, dict) and "host" in r for r in rows):
        raise ConfigError(f"{path}: is no list of machines; move it away and run again")
    return rows
