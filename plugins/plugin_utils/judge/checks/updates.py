# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates the host lists as installed, and whether its files agree.

The classic failure of March 2021: the package was started without elevation, the list says
KB5000871, the files are old, and no error was shown. The other way round, a new ExSetup.exe
without its entry, is an installation that did not finish.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...facts.read import text
from .. import check as checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...base.model import Build, CheckResult
    from ...catalog.records.builds import BuildInfo
    from ..subject import Subject

_KB = re.compile(r"KB[0-9]{6,8}", re.ASCII | re.IGNORECASE)
_CHECK = "update.half-installed"
_REINSTALL = (
    "Install the update for this very cumulative update again from an elevated prompt, restart, "
    "then assess again; do not rely on the installer's exit code."
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The updates that the host lists, as far as they could be read."""

    kbs: frozenset[str]
    whole: bool
    # The newest build that a listed update makes of this very cumulative update.
    newest: BuildInfo | None
    # Every update of this cumulative update by KB.
    known: Mapping[str, BuildInfo]
    # Updates of this cumulative update whose KB the catalogue does not know.
    nameless: tuple[Build, ...]
    # Sources disagree about which build this update makes; why, in their words.
    dispute: str | None

    def ahead_of(self, build: Build | None) -> BuildInfo | None:
        """The listed update that makes a newer build than the file's, if there is one."""
        if self.newest is None or build is None:
            return None
        return self.newest if self.newest.build > build else None


def listed(subject: Subject) -> Listed:
    """Read the list and sort out which of it belongs to the file's cumulative update."""
    found = subject.facts.listing("updates")
    kbs: set[str] = set()
    readable = found.whole
    for row in found.rows:
        kb, name = text(row.get("kb")), text(row.get("name"))
        matches = _KB.findall(f"{kb or ''} {name or ''}")
        kbs.update(match.upper() for match in matches)
        readable = readable and not (kb is None and name is None)
    builds = subject.knowledge.updates_of(subject.cu) if subject.cu else ()
    known = {info.kb: info for info in builds if info.kb}
    mine = [known[kb] for kb in kbs if kb in known]
    return Listed(
        kbs=frozenset(kbs),
        whole=readable,
        newest=max(mine, key=lambda info: info.build) if mine else None,
        known=known,
        nameless=tuple(info.build for info in builds if info.kb is None and info.kind != "CU"),
        dispute=subject.knowledge.dispute(subject.build) if subject.build else None,
    )


def proves(subject: Subject, updates: Listed, fixed_build: Build) -> bool:
    """Whether the list holds an update of this cumulative update at or above ``fixed_build``."""
    if updates.newest is not None and updates.newest.build >= fixed_build:
        return True
    # The catalogue does not know every KB: an entry that no known update explains may be it.
    build = subject.build
    possible = any(build is not None and fixed_build <= at <= build for at in updates.nameless)
    return possible and any(not subject.knowledge.knows_kb(kb) for kb in updates.kbs)


def check_half_installed(subject: Subject, updates: Listed) -> CheckResult:
    """Compare the list of updates with the build of the file."""
    build, info = subject.build, subject.info
    if subject.installed is False:
        return checks.not_applicable(_CHECK, "Exchange is not installed.")
    if build is None:
        return checks.unknown(_CHECK, "The build of ExSetup.exe is not known, so nothing compares.")
    evidence: dict[str, object] = {"file_build": str(build), "listed": sorted(updates.kbs)}
    if newest := updates.ahead_of(build):
        dispute = (
            f" Sources disagree about its build: {updates.dispute}." if updates.dispute else ""
        )
        return checks.finding(
            _CHECK,
            f"{newest.kb} is listed as installed, which makes {newest.build}, but ExSetup.exe is "
            f"{build}: the files are old, or the cumulative update was changed afterwards.{dispute}",
            _REINSTALL,
            evidence=evidence,
        )
    if not updates.whole:
        reason = subject.facts.why("updates")
        return checks.unknown(
            _CHECK, f"The list of installed updates could not be read: {reason}.", evidence=evidence
        )
    if updates.dispute:
        words = f"No listed update makes {build}, and sources disagree: {updates.dispute}."
        return checks.unknown(_CHECK, words, evidence=evidence)
    return _against_list(info, updates, evidence)


def _against_list(
    info: BuildInfo | None, updates: Listed, evidence: dict[str, object]
) -> CheckResult:
    if info is None:
        return checks.unknown(
            _CHECK,
            "The build is not in the catalogue, so no update can be named.",
            evidence=evidence,
        )
    if info.kind == "CU":
        return checks.passed(
            _CHECK, f"{info.build} is the cumulative update itself.", evidence=evidence
        )
    if info.kb is None:
        return checks.unknown(
            _CHECK, f"The catalogue does not know the KB of {info.title}.", evidence=evidence
        )
    if info.kb not in updates.kbs:
        return checks.finding(
            _CHECK,
            f"ExSetup.exe is {info.build}, which {info.kb} makes, but {info.kb} is not in the list "
            "of installed updates: the installation did not finish, or files were copied.",
            _REINSTALL,
            evidence=evidence,
        )
    return checks.passed(
        _CHECK, f"{info.kb} is listed and ExSetup.exe is {info.build}.", evidence=evidence
    )
