# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reading of a host says about files and updates; nothing of it is trusted to be whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..facts.read import Facts, rows, text
from ..judge.subject import build_of

if TYPE_CHECKING:
    from ..base.model import Build
    from .models import HostReading


def exsetup(facts: Facts) -> Build | None:
    """The build of ExSetup.exe."""
    section = facts.value("exchange", "exsetup")
    return build_of(section.get("file_version")) if isinstance(section, dict) else None


def versions(seen: HostReading | None) -> dict[str, Build | None]:
    """Every watched file with its version; ExSetup.exe by the facts where there is no snapshot."""
    if seen is None:
        return {}
    listed = rows(seen.snapshot.get("binaries") if seen.snapshot else None, "path").rows
    found = {str(row["path"]).casefold(): build_of(row.get("file_version")) for row in listed}
    section = Facts.of(seen.facts, seen.errors).value("exchange", "exsetup")
    if isinstance(section, dict) and (path := text(section.get("path"))):
        found[path.casefold()] = build_of(section.get("file_version"))
    return found


def leaf(path: str) -> str:
    """The name of a file."""
    return path.rpartition("\\")[2]


def listed_kbs(facts: Facts) -> set[str]:
    """The updates that the host lists as installed."""
    kbs = (text(row.get("kb")) for row in facts.listing("updates").rows)
    return {kb.upper() for kb in kbs if kb}


def at_work(seen: HostReading) -> tuple[str, ...]:
    """The installers that ran at a reading, by the names of their processes."""
    listed = rows(seen.snapshot.get("installers") if seen.snapshot else None)
    return tuple(sorted({text(row.get("name")) or "?" for row in listed.rows}))
