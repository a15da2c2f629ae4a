# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of a case: the first inventory host at which one was met has it, no other (I16).

A host that shows name, domain and MachineGuid goes before one that hid some of them, whichever came
first: otherwise a hostile host takes the name of its neighbour and shuts it out of the case. The
displaced one is refused from its next facts on; until then the lock on the server keeps them apart.
Of two that hide the same signs the first has it: it cannot be told whether they are one (I19).

Nor does a host become another machine: a balancer's address, or a name that DNS gave to another
server meanwhile, is refused. What only one of two answers says is added to what is known.
"""

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

    :raises RefusedError: another host of the inventory is the same machine, or the host was another.
    :raises ConfigError: the file of the case cannot be read.
    """
    disk.make_folder(case)
    path = case / FILE
    with FileLock(f"{path}.lock", mode=0o600):
        known = _read(path)
        earlier = next((MachineIdentity.from_dict(r) for r in known if r["host"] == host), machine)
        check_stays(host, earlier, machine, f"begin a new case, or take its line out of {path}")
        all_signs = earlier.filled(machine)
        displaced = {host}
        for row in known:
            other = MachineIdentity.from_dict(row)
            if row["host"] == host or not machine.same(other):
                continue
            if not all_signs.tells_more(other):
                raise _refusal(path, host, machine, row["host"], other)
            displaced.add(row["host"])
        mine = {"host": host, **all_signs.to_dict()}
        if mine not in known or displaced != {host}:
            kept = [row for row in known if row["host"] not in displaced]
            rows = sorted([*kept, mine], key=lambda row: str(row["host"]))
            disk.replace(path, f"{json.dumps(rows, indent=1)}\n".encode())


def _refusal(
    path: Path, host: str, machine: MachineIdentity, holder: str, held: MachineIdentity
) -> RefusedError:
    gone = f"if {holder} is gone, begin a new case, or take its line out of {path}"
    if None in machine.to_dict().values():
        return RefusedError(
            f"{host} and {holder} are one server, or {host} says that it is: it is {machine}, {holder} "
            f"is {held}, and nothing is changed under two names. If they are two servers, find out "
            f"why domain or MachineGuid of {host} cannot be read; if they are one, take one of them "
            f"out of the inventory; {gone}"
        )
    return RefusedError(
        f"{host} and {holder} are one server, {machine}: nothing is changed there under two names. "
        f"Take one of them out of the inventory; {gone}"
    )


def check_stays(
    host: str, earlier: MachineIdentity, machine: MachineIdentity, otherwise: str
) -> None:
    """Refuse a host that was another machine; ``otherwise``: what to do where that is right."""
    if machine.differs(earlier):
        raise RefusedError(
            f"{host} was {earlier}, and is {machine} now: its name or address leads to more than "
            "one server, and nothing is changed where that is open. Give each server an address "
            f"of its own; if it was really replaced or renamed, {otherwise}"
        )


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}); move it away and run again"
        ) from error
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("host"), str) for row in rows
    ):
        raise ConfigError(f"{path}: is no list of machines; move it away and run again")
    return rows
