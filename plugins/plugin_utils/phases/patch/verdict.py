# SPDX-License-Identifier: GPL-3.0-or-later
"""Success is what is read back: files and the list of updates, beside what holds around them (I18).

The exit code decides nothing here. It only helps to name what went wrong. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...catalog.failures import ExitClass, ExitCode, Failure
from ...facts.read import Facts
from ...install.components import Maintenance, taken_out
from ...install.conditions import _MOST, surroundings
from ...install.evidence import EVIDENCE, doubts
from ...install.models import Condition, Holds, InstallState, InstallVerdict
from ...install.reading import exsetup, leaf, listed_kbs, versions
from .failures import named_failures

if TYPE_CHECKING:
    from ...base.model import Build
    from ...install.models import HostReading, UpdateSelection


def judge(
    choice: UpdateSelection,
    before: HostReading,
    after: HostReading,
    code: ExitCode,
    *,
    installed: HostReading | None = None,
    maintenance: Maintenance = Maintenance.AS_FOUND,
) -> InstallVerdict:
    """Return the verdict.

    ``before``: the recorded state before the installation; ``installed``: the reading between the
    installation and the restart, if there was one; ``after``: the last reading.
    """
    facts = Facts.of(after.facts, after.errors)
    conditions = (
        _files(choice, facts, (before, after), installed),
        _updates(choice, facts),
        *surroundings(facts, before, after, maintenance),
    )
    found = named_failures(choice, conditions, before, after, code, installed)
    return _verdict(choice, conditions, found, before, after, code)


def _verdict(
    choice: UpdateSelection,
    conditions: tuple[Condition, ...],
    found: tuple[Failure, ...],
    before: HostReading,
    after: HostReading,
    code: ExitCode,
) -> InstallVerdict:
    fails = [c for c in conditions if c.holds is Holds.NO]
    unsure = [c for c in conditions if c.holds is Holds.UNKNOWN]
    words = "; ".join(c.summary for c in fails + unsure)
    if code.kind is ExitClass.UNKNOWN:
        reason = f"{code.meaning} It is not known what the installer did. {words}".strip()
        return InstallVerdict(InstallState.UNKNOWN, reason, conditions, found)
    if not fails and not unsure:
        note = "" if code.kind in (ExitClass.OK, ExitClass.OK_REBOOT) else f" ({code.meaning})"
        reason = f"Every condition holds: {choice.kb or choice.target} is installed{note}."
        if taken_out(after):
            still = next(c.summary for c in conditions if c.condition == "components")
            reason = f"{reason} {still}"
        return InstallVerdict(InstallState.PATCHED, reason, conditions, found)
    if not fails:
        return InstallVerdict(
            InstallState.UNKNOWN, f"Could not be told: {words}", conditions, found
        )
    if code.kind not in (ExitClass.OK, ExitClass.OK_REBOOT) and _untouched(
        conditions, before, after
    ):
        reason = f"{code.meaning} The server is as it was before."
        return InstallVerdict(InstallState.NOT_PATCHED, reason, conditions, found)
    return InstallVerdict(InstallState.DEGRADED, words, conditions, found)


def _untouched(conditions: tuple[Condition, ...], before: HostReading, after: HostReading) -> bool:
    """Whether only the files and the list say that the update is missing, and as before."""
    allowed = ("files", "updates")
    others = all(c.holds.good for c in conditions if c.condition not in allowed)
    was = versions(before)
    return others and bool(was) and was == versions(after)


def _files(
    choice: UpdateSelection,
    facts: Facts,
    seen: tuple[HostReading, HostReading],
    installed: HostReading | None,
) -> Condition:
    """ExSetup.exe has exactly the target's version; no other file speaks against it."""
    build, target = exsetup(facts), choice.target
    if build is None or target is None:
        why = facts.why("exchange.exsetup")
        return Condition("files", Holds.UNKNOWN, f"The version of ExSetup.exe is not known: {why}.")
    wrong, unread = _watched(target, *seen)
    if build != target:
        wrong.insert(0, f"ExSetup.exe is {build}, not {target}")
    if wrong:
        return Condition("files", Holds.NO, f"Files: {'; '.join(wrong[:_MOST])}.", tuple(wrong))
    if unread:
        names = ", ".join(unread[:_MOST])
        return Condition("files", Holds.UNKNOWN, f"No version of {names}.", tuple(unread))
    against = doubts(target, *seen, installed)
    if against is None:
        return Condition("files", Holds.UNKNOWN, "The files of Bin could not be counted again.")
    if against:
        words = f"Files (evidence, no list of them is published): {'; '.join(against)}."
        return Condition("files", Holds.NO, words, tuple(against), EVIDENCE)
    return Condition("files", Holds.YES, f"ExSetup.exe is {build}.")


def _watched(target: Build, before: HostReading, after: HostReading) -> tuple[list[str], list[str]]:
    """What is wrong with the files that are watched by name, and which have no version."""
    wrong, unread = [], []
    old, new = versions(before), versions(after)
    for path, version in sorted(new.items()):
        was = old.get(path)
        if version is None:
            unread.append(leaf(path))
        elif version.cumulative_update != target.cumulative_update:
            wrong.append(f"{leaf(path)} is {version}, of another cumulative update")
        elif version > target:
            wrong.append(f"{leaf(path)} is {version}, above {target}")
        elif was is not None and version < was:
            wrong.append(f"{leaf(path)} is {version}, was {was}")
    wrong += [f"{leaf(path)} is gone" for path in sorted(old.keys() - new.keys())]
    return wrong, unread


def _updates(choice: UpdateSelection, facts: Facts) -> Condition:
    if choice.kb is None:
        return Condition("updates", Holds.YES, "The target has no entry of its own.")
    if choice.kb in listed_kbs(facts):
        return Condition("updates", Holds.YES, f"{choice.kb} is listed.")
    if not facts.listing("updates").whole:
        return Condition("updates", Holds.UNKNOWN, f"Updates: {facts.why('updates')}.")
    return Condition("updates", Holds.NO, f"{choice.kb} is not in the list of updates.")
