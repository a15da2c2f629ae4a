# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a failed update its name: those that are known, with what was seen. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..judge.facts import Facts, rows
from .knowledge import ExitClass, ExitCode, failure
from .models import Condition, Failure, Holds
from .reading import exsetup, leaf, listed_kbs, versions

if TYPE_CHECKING:
    from ..model import Build
    from .models import Choice, Observed

_ROLLED_BACK = 1603


def named_failures(
    choice: Choice,
    conditions: tuple[Condition, ...],
    before: Observed,
    after: Observed,
    code: ExitCode,
    installed: Observed | None,
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
    if state["probe"].holds is Holds.NO:
        found.append(failure("front-end-broken", state["probe"].summary))
    return tuple(found)


def _named_files(
    choice: Choice,
    state: dict[str, Condition],
    before: Observed,
    after: Observed,
    code: ExitCode,
    installed: Observed | None,
) -> list[Failure]:
    mine = exsetup(Facts.of(after.facts, after.errors))
    if choice.target is None or mine is None:
        return []
    if mine != choice.target:
        return _old_bytes(choice, mine, (before, after), code, installed)
    wrong = [s.summary for s in (state["files"], state["updates"]) if s.holds is Holds.NO]
    return [failure("half-patch", " ".join(wrong))] if wrong else []


def _old_bytes(
    choice: Choice,
    mine: Build,
    seen: tuple[Observed, Observed],
    code: ExitCode,
    installed: Observed | None,
) -> list[Failure]:
    """ExSetup.exe is not of the update: which of the known ways led there."""
    old, new = map(versions, seen)
    reached = {path for path, version in new.items() if version == choice.target}
    between = versions(installed)
    lost = {path for path, version in between.items() if version == choice.target} - reached
    if lost:
        names = ", ".join(sorted(map(leaf, lost)))
        return [failure("reverted-at-boot", f"{names}: {choice.target} after the installation")]
    if reached:
        names = ", ".join(sorted(map(leaf, reached)))
        return [failure("half-patch", f"{names} is {choice.target}, ExSetup.exe is {mine}")]
    if code.kind in (ExitClass.OK, ExitClass.OK_REBOOT):
        return [failure("reported-old-bytes", f"exit code {code.code}, ExSetup.exe is {mine}")]
    if choice.kb in listed_kbs(Facts.of(seen[1].facts, ())):
        return [failure("reported-old-bytes", f"{choice.kb} is listed, ExSetup.exe is {mine}")]
    if code.code == _ROLLED_BACK and old == new:
        return [failure("rolled-back", code.meaning)]
    return []
