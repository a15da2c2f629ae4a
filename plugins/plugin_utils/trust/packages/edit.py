# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry more in a package catalogue; what contradicts an entry is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from ...catalog.records.iis_modules import not_older

if TYPE_CHECKING:
    from .iis_module_records import ModuleRecord
    from .records import PackageRecord
    from .tool_records import ToolRecord


def with_package(old: tuple[PackageRecord, ...], new: PackageRecord) -> tuple[PackageRecord, ...]:
    """Add a package; other bytes for the same build are refused.

    Bytes that no server gets, because nothing proves what they are, stand in nobody's way.
    """
    kept = tuple(p for p in old if p.sha256 != new.sha256 and not _gives_way(p, new))
    for package in kept:
        if package.build == new.build and package.format == new.format:
            raise RefusedError(
                f"the catalogue has other bytes for {new.build} already: {package.file} with "
                f"SHA-256 {package.sha256}; find out which is right before one is taken"
            )
    return (*kept, new)


def _gives_way(package: PackageRecord, new: PackageRecord) -> bool:
    same = (package.build, package.format) == (new.build, new.format)
    return same and package.refusal is not None


def with_module(old: tuple[ModuleRecord, ...], new: ModuleRecord) -> tuple[ModuleRecord, ...]:
    """Add a module, one of each language, so that nobody has to choose in an emergency.

    A newer version takes the place of an older one; an older one, or other bytes of the same
    version, are refused.
    """
    kept = []
    for other in old:
        if other.sha256 == new.sha256:
            continue
        if (other.module, other.language) != (new.module, new.language):
            kept.append(other)
        elif not_older(other.version, new.version):
            raise RefusedError(
                f"the catalogue has {other.file} {other.version} for {new.module} in "
                f"{new.language} already, with SHA-256 {other.sha256}, and {new.version} is not "
                "newer; find out which is right before one is taken"
            )
    return (*kept, new)


def with_tool(old: tuple[ToolRecord, ...], new: ToolRecord) -> tuple[ToolRecord, ...]:
    """Add the file of a detection tool; other bytes of the same release of a script are refused."""
    kept = tuple(other for other in old if other.sha256 != new.sha256)
    for other in kept:
        same = (other.tool, other.version) == (new.tool, new.version)
        if same and new.script_version is not None:
            raise RefusedError(
                f"the catalogue has other bytes for {new.tool} {new.version} already, with SHA-256 "
                f"{other.sha256}; find out which is right before one is taken"
            )
    return (*kept, new)
