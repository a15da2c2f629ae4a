# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a failed update its name: those that are known, with what was seen. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...catalog.failures import ExitClass, ExitCode, Failure, failure
from ...facts.read import Facts, rows
from ...install.evidence import counted, reverted
from ...install.models import Condition, Holds
from ...install.reading import exsetup, leaf, listed_kbs, versions

if TYPE_CHECKING:
    from ...base.model import Build
    from ...install.models import HostReading, UpdateSelection

_ROLLED_BACK = 1603


def named_failures(
    choice: UpdateSelection,
    conditions: tuple[Condition, ...],
    before: HostReading,
    after: HostReading,
    code: ExitCode,
    installed: HostReading | None,
) -> tuple[Failure, ...]:
    """Give what went wrong its names; several may be true at once."""
    state = {c.condition: c for c in conditions}
    found = [*_named_files(choice, state, before, after, code, installed)]
    disabled = [item for item in state["start-types"].items if " is Disabled" in item]
    if disabled:
        found.append(failure("services-disabled", ", ".join(disabled)))
    cache = rows(after.snapshot.get("service_cache") if after.snapshot else None).rows
    if cache and found:
        found.append(failure("service-cache", ", ".join(str(row.get("path")) for row in cache)))
    if code.kind is ExitClass.WRONG_TARGET:
        found.append(failure("wrong-target", code.meaning))
    if state["components"].holds is Holds.NO:
        found.append(failure("components-out", "; ".join(state["components"].items)))
    if state["probe"].holds is Holds.NO:
        found.append(failure("front-end-broken", state["probe"].summary))
    return tuple(found)


def _named_files(
    choice: UpdateSelection,
    state: dict[str, Condition],
    before: HostReading,
    after: HostReading,
    code: ExitCode,
    installed: HostReading | None,
) -> list[Failure]:
    mine = exsetup(Facts.of(after.facts, after.errors))
    if choice.target is None or mine is None:
        return []
    if mine != choice.target:
        return _old_bytes(choice, mine, (before, after), code, installed)
    now, between = counted(after), counted(installed)
    if now is not None and between is not None and now.of(mine) < between.of(mine):
        return [failure("reverted-at-boot", reverted(mine, between, now))]
    wrong = [s.summary for s in (state["files"], state["updates"]) if s.holds is Holds.NO]
    return [failure("half-patch", " ".join(wrong))] if wrong else []


def _old_bytes(
    choice: UpdateSelection,
    mine: Build,
    seen: tuple[HostReading, HostReading],
    code: ExitCode,
    installed: HostReading | None,
) -> list[Failure]:
    """ExSetup.exe is not of the update: which of the known ways led there."""
    assert choice.target is not None  # noqa: S101 - the caller looked
    partly = _some_bytes(choice.target, mine, seen[1], installed)
    if partly is not None:
        return [partly]
    if code.kind in (ExitClass.OK, ExitClass.OK_REBOOT):
        return [failure("reported-old-bytes", f"exit code {code.code}, ExSetup.exe is {mine}")]
    if choice.kb in listed_kbs(Facts.of(seen[1].facts, ())):
        return [failure("reported-old-bytes", f"{choice.kb} is listed, ExSetup.exe is {mine}")]
    if code.code == _ROLLED_BACK and versions(seen[0]) == versions(seen[1]):
        return [failure("rolled-back", code.meaning)]
    return []


def _some_bytes(
    target: Build, mine: Build, after: HostReading, installed: HostReading | None
) -> Failure | None:
    """Files of the update that are there, or were there before the restart."""
    new, was = ({p for p, v in versions(o).items() if v == target} for o in (after, installed))
    if lost := was - new:
        names = ", ".join(sorted(map(leaf, lost)))
        return failure("reverted-at-boot", f"{names}: {target} after the installation")
    now, between = counted(after), counted(installed)
    if now is not None and between is not None and now.of(target) < between.of(target):
        return failure("reverted-at-boot", reverted(target, between, now))
    if new or (now is not None and now.of(target)):
        names = ", ".join(sorted(map(leaf, new))) if new or now is None else now.shown(target)
        return failure("half-patch", f"{names} is {target}, ExSetup.exe is {mine}")
    return None
