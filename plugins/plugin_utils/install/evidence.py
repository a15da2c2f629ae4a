# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole update or half: what the versions of all product files tell. Pure.

No source lists the files that an update replaces, so these rules are evidence and not proof: they
compare how many files of Bin have the version of the update, before, after, and after the restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..facts.read import rows
from ..judge.subject import build_of

if TYPE_CHECKING:
    from ..base.model import Build
    from .models import HostReading

EVIDENCE = "evidence"  # confidence of a condition that rests on these rules


@dataclass(frozen=True, slots=True)
class Counted:
    """Programs and libraries of the product in Bin: how many, and by version with a few names."""

    files: int
    versions: dict[Build, int]
    names: dict[Build, tuple[str, ...]]

    def of(self, build: Build | None) -> int:
        """How many have this version."""
        return self.versions.get(build, 0) if build else 0

    def shown(self, build: Build) -> str:
        """Some of the names with this version."""
        names = ", ".join(self.names.get(build, ()))
        return f"{names}, ..." if self.of(build) > len(self.names.get(build, ())) else names


def counted(seen: HostReading | None) -> Counted | None:
    """Return the count of a reading; ``None``: there is none that is whole."""
    section: Any = seen.snapshot.get("versions") if seen and seen.snapshot else None
    if not isinstance(section, dict) or section.get("truncated") is not False:
        return None
    listed, files = rows(section.get("versions"), "version"), section.get("files")
    builds = [(build_of(row.get("version")), row) for row in listed.rows]
    counts = {build: row.get("files") for build, row in builds if build is not None}
    names = {b: tuple(map(str, row.get("names") or ())) for b, row in builds if b is not None}
    numbers = [n for n in counts.values() if isinstance(n, int) and not isinstance(n, bool)]
    if not listed.whole or len(numbers) != len(listed.rows) or sum(numbers) != files:
        return None
    return Counted(sum(numbers), dict(zip(counts, numbers, strict=True)), names)


def doubts(
    target: Build, before: HostReading, after: HostReading, installed: HostReading | None
) -> list[str] | None:
    """What speaks against a whole update although ExSetup.exe has the target's version.

    ``None``: it cannot be told, because the files were counted before and not afterwards.
    """
    old, new, between = counted(before), counted(after), counted(installed)
    if new is None:
        return [] if old is None else None
    found = []
    if new.of(target) <= 1 < new.files:
        found.append(f"of {new.files} files only ExSetup.exe is {target}, no other was replaced")
    if between is not None and new.of(target) < between.of(target):
        found.append(reverted(target, between, new))
    for build in sorted(new.versions):
        more = new.of(build) - (old.of(build) if old else 0)
        alien = build.cumulative_update != target.cumulative_update or build > target
        if old is not None and more > 0 and alien:
            found.append(f"{more} files became {build}, which {target} does not bring")
    return found


def reverted(target: Build, between: Counted, new: Counted) -> str:
    """Say how many files were of the update after the installation and are no more."""
    return (
        f"{between.of(target)} files were {target} after the installation, "
        f"{new.of(target)} are after the restart"
    )
