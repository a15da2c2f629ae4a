# SPDX-License-Identifier: GPL-3.0-or-later
"""One server under two names of the inventory, found by what it says about itself. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.model import CheckResult, CheckStatus, Severity
from ..change.machine import MachineIdentity
from ..judge.serialize import jsonable

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECK = "inventory.double"


def with_doubles(entries: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the entries of a report, with a finding at each host that is another one's server."""
    found = {
        name: MachineIdentity.read(entry["facts"])
        for name, entry in entries.items()
        if entry.get("assessment") and entry.get("facts")
    }
    # Whatever may be one machine has one name of its own.
    by_name: dict[str | None, list[str]] = {}
    for name, machine in found.items():
        by_name.setdefault(machine.name, []).append(name)
    noted = dict(entries)
    for same in by_name.values():
        for name in same:
            others = [o for o in same if o != name and found[o].same(found[name])]
            if others:
                noted[name] = _noted(entries[name], name, others, found[name])
    return noted


def _noted(
    entry: dict[str, Any], name: str, others: list[str], machine: MachineIdentity
) -> dict[str, Any]:
    named = ", ".join(others)
    check = CheckResult(
        CHECK,
        "One server under two names",
        CheckStatus.FINDING,
        Severity.HIGH,
        f"{name} and {named} are one server, {machine}: it is counted more than once.",
        f"Take {name} or {named} out of the inventory: nothing is changed under two names.",
        evidence={"others": others, **machine.to_dict()},
    )
    assessment = entry["assessment"]
    checks = [*assessment["checks"], jsonable(check)]
    return {**entry, "assessment": {**assessment, "checks": checks}}
