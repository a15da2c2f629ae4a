# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold what servers say of themselves against the directory, for a report. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.model import CheckResult, CheckStatus, Severity
from ..judge.serialize import jsonable
from .coverage import VersionConflict, compare, unaccounted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .directory import DirectoryServer

CHECK = "inventory.version"


@dataclass(frozen=True, slots=True)
class KnownServers:
    """The directory's servers, and host -> address of the whole inventory."""

    servers: tuple[DirectoryServer, ...]
    hosts: Mapping[str, str | None]


def held_against(
    known: KnownServers | None, entries: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the entries of a report with a finding at each host whose version the directory denies.

    The other half: servers of the directory that are no one host of the inventory -> why.
    """
    if known is None:
        return dict(entries), {}
    found = compare(
        known.servers, known.hosts, {name: _build(row) for name, row in entries.items()}
    )
    noted = dict(entries)
    for conflict in found.conflicts:
        noted[conflict.host] = _noted(entries[conflict.host], conflict)
    return noted, unaccounted(found, known.hosts)


def _build(entry: Mapping[str, Any]) -> str | None:
    assessment = entry.get("assessment")
    return assessment["identity"].get("build") if assessment else None


def _noted(entry: dict[str, Any], conflict: VersionConflict) -> dict[str, Any]:
    check = CheckResult(
        CHECK,
        "Another version than the directory says",
        CheckStatus.FINDING,
        Severity.HIGH,
        f"{conflict.reason}.",
        "Find out which server answers there, and whether its last cumulative update ended well.",
        evidence={"directory": conflict.directory, "files": conflict.assessed},
    )
    assessment = entry["assessment"]
    checks = [*assessment["checks"], jsonable(check)]
    return {**entry, "assessment": {**assessment, "checks": checks}}
