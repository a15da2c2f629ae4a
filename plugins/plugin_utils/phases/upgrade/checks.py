# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be so before setup is started: the checks of an update, and those of its own. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...change.checks import Precheck, PrecheckStatus
from ...facts.read import Facts, number, text
from ...install.checks import common_prechecks
from ...install.models import Action, HostReading, UpdateSelection
from ...install.reading import versions
from .mitigations import MitigationsInEffect, foreign, released
from .requirements import cu_prechecks

if TYPE_CHECKING:
    from datetime import datetime

    from ...base.model import Assessment
    from ...catalog.catalog import Catalog
    from ...change.policy import Policy

_GIB, _MIB = 1 << 30, 1 << 20
# MicrosoftDocs/OfficeDocs-Exchange, plan-and-deploy/system-requirements.md: 30 GB on the drive of
# Exchange and 200 MB on the system drive, for an installation. That an upgrade needs as much is not
# said anywhere [MEM]; it replaces everything, so the same is asked for.
_EXCHANGE_ROOM = 30 * _GIB
_SYSTEM_ROOM = 200 * _MIB
_SERVER_2012 = (6, 2)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class UpgradeReadings:
    """What the checks look at: one reading, what is remembered of it, and who said what."""

    seen: HostReading
    assessment: Assessment | None
    mitigated: MitigationsInEffect
    prepared_by: str | None
    recorded: dict[str, Any] | None = None  # state before an earlier attempt
    begun: tuple[str, ...] = ()  # records of other updates that are not proven


def upgrade_prechecks(
    catalog: Catalog,
    choice: UpdateSelection,
    ground: UpgradeReadings,
    policy: Policy,
    now: datetime,
) -> tuple[Precheck, ...]:
    """Judge everything; each check reports on its own, none hides another."""
    facts = Facts.of(ground.seen.facts, ground.seen.errors)
    common = common_prechecks(choice, facts, ground.seen.snapshot, ground.assessment, policy, now)
    cu = catalog.cu_of(choice.target) if choice.target else None
    needs = cu_prechecks(cu.product, cu.cu, facts, ground.prepared_by) if cu else ()
    return (
        *(replace(c, check=c.check.replace("patch.", "upgrade.", 1)) for c in common),
        _package(choice),
        _windows(facts),
        *needs,
        *_room(choice, facts, policy),
        _account(),
        _begun(ground),
        _earlier(ground),
        _mitigations(catalog, ground.mitigated),
    )


def _package(choice: UpdateSelection) -> Precheck:
    if choice.package is not None:
        return Precheck(
            "upgrade.package", PrecheckStatus.PASS, f"{choice.package.file} is verified."
        )
    status = PrecheckStatus.UNKNOWN if choice.action is Action.INSTALL else PrecheckStatus.STOP
    return Precheck(
        "upgrade.package",
        status,
        "There is no verified image to install.",
        "Give the package store, with the .iso in it.",
    )


def _windows(facts: Facts) -> Precheck:
    """Disk images are attached by Windows Server 2012 and later."""
    found = _VERSION.match(text(facts.value("os", "version")) or "")
    if found is None:
        return Precheck(
            "upgrade.windows", PrecheckStatus.UNKNOWN, f"The version of Windows: {facts.why('os')}."
        )
    name = text(facts.value("os", "product_name")) or found[0]
    if (int(found[1]), int(found[2])) < _SERVER_2012:
        return Precheck(
            "upgrade.windows",
            PrecheckStatus.STOP,
            f"{name} cannot attach disk images.",
            "Run setup.exe of this cumulative update by hand, from files that were verified.",
        )
    return Precheck("upgrade.windows", PrecheckStatus.PASS, f"{name} attaches disk images.")


def _room(choice: UpdateSelection, facts: Facts, policy: Policy) -> list[Precheck]:
    """The image is brought to the system drive; setup works there and on the drive of Exchange."""
    size = choice.package.size if choice.package else policy.package_bytes
    if size is None:
        return [
            Precheck("upgrade.disk", PrecheckStatus.UNKNOWN, "The size of the image is not known.")
        ]
    needs = {"system": size + _SYSTEM_ROOM + policy.room_bytes, "exchange": _EXCHANGE_ROOM}
    found: list[Precheck] = []
    covered: set[str] = set()
    for row in facts.listing("disks").rows:
        purposes = {p for p in row.get("purposes") or () if isinstance(p, str)} & needs.keys()
        if purposes:
            covered |= purposes
            needed = sum(needs[purpose] for purpose in purposes)
            found.append(
                _drive(text(row.get("root")) or "?", number(row.get("free_bytes")), needed)
            )
    for purpose in sorted(needs.keys() - covered):
        why = facts.why("disks")
        found.append(
            Precheck("upgrade.disk", PrecheckStatus.UNKNOWN, f"The {purpose} drive: {why}.")
        )
    return found


def _drive(root: str, free: int | None, needed: int) -> Precheck:
    if free is None:
        return Precheck(
            "upgrade.disk", PrecheckStatus.UNKNOWN, f"{root}: the free space is not known."
        )
    summary = f"{root} has {free // _MIB} MiB free, {needed // _MIB} MiB are needed."
    if free < needed:
        return Precheck("upgrade.disk", PrecheckStatus.STOP, summary, "Make room, then run again.")
    return Precheck("upgrade.disk", PrecheckStatus.PASS, summary)


def _account() -> Precheck:
    """Install-cumulative-updates.md asks for the role group; people also run setup as SYSTEM."""
    return Precheck(
        "upgrade.account",
        PrecheckStatus.NOTE,
        "Setup runs as SYSTEM, the account of this computer. Microsoft's page asks for a member of "
        "Organization Management; that SYSTEM does was not confirmed.",
        "Try it on one server first. Setup's readiness checks refuse before anything is changed.",
    )


def _begun(ground: UpgradeReadings) -> Precheck:
    if ground.begun:
        return Precheck(
            "upgrade.begun",
            PrecheckStatus.STOP,
            f"Another update was begun here and is not proven: {', '.join(ground.begun)}.",
            "Go on with that one first.",
        )
    return Precheck("upgrade.begun", PrecheckStatus.PASS, "No other update is half done.")


def _earlier(ground: UpgradeReadings) -> Precheck:
    """Setup that broke off is never simply started again: somebody has to look first."""
    if ground.recorded is None:
        return Precheck("upgrade.earlier", PrecheckStatus.PASS, "This is the first attempt.")
    old = versions(HostReading(None, ground.recorded))
    new = {path: version for path, version in versions(ground.seen).items() if path in old}
    if old and old == new:
        return Precheck(
            "upgrade.earlier",
            PrecheckStatus.NOTE,
            "An earlier attempt left the files as they were; it is tried again.",
        )
    return Precheck(
        "upgrade.earlier",
        PrecheckStatus.STOP,
        "An earlier attempt of this upgrade broke off, and the files are not those of before.",
        "Read ExchangeSetupLogs\\ExchangeSetup.log; a person has to look before setup runs again.",
    )


def _mitigations(catalog: Catalog, found: MitigationsInEffect) -> Precheck:
    check = "upgrade.mitigations"
    if others := foreign(catalog, found):
        return Precheck(
            check,
            PrecheckStatus.STOP,
            f"Services or pools are stopped by {', '.join(others)}, not by us: what they were before "
            "is not known, and setup leaves what it finds disabled.",
            "Take that mitigation off with the tool that applied it, then run again.",
        )
    if found.unread:
        names = ", ".join(found.unread)
        return Precheck(check, PrecheckStatus.UNKNOWN, f"Mitigations could not be read: {names}.")
    given_back = released(catalog, found)
    rules = [name for name in found.remembered if name not in given_back]
    words = []
    if rules:
        words.append(f"Setup wipes the rules of {', '.join(rules)}.")
    if given_back:
        words.append(f"{', '.join(given_back)} are undone before setup starts.")
    if not words:
        return Precheck(check, PrecheckStatus.PASS, "No mitigation is in effect.")
    return Precheck(
        check,
        PrecheckStatus.NOTE,
        " ".join(words),
        "Run mitigate again right after the upgrade, for what the result lists under reapply.",
    )
