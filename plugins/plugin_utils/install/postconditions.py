# SPDX-License-Identifier: GPL-3.0-or-later
"""Success is what is read back: files, list of updates, services, pools, front end, restart (I18).

The exit code decides nothing here. It only helps to name what went wrong. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..catalog.failures import ExitClass, ExitCode, Failure
from ..facts.read import Facts, named, rows, text
from ..phases.patch.failures import named_failures
from .components import Maintenance, components, taken_out
from .evidence import EVIDENCE, doubts
from .models import Condition, Holds, Outcome, PatchState
from .reading import exsetup, leaf, listed_kbs, versions

if TYPE_CHECKING:
    from ..base.model import Build
    from ..facts.read import Named
    from .models import Choice, Observed

_STARTABLE = ("Automatic", "AutomaticDelayed")
_MOST = 50
_UNAVAILABLE = 503


def judge(
    choice: Choice,
    before: Observed,
    after: Observed,
    code: ExitCode,
    *,
    installed: Observed | None = None,
    maintenance: Maintenance = Maintenance.AS_FOUND,
) -> Outcome:
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


def surroundings(
    facts: Facts, before: Observed, after: Observed, maintenance: Maintenance
) -> tuple[Condition, ...]:
    """What must hold around the files, whatever was installed."""
    return (
        _start_types(before, after),
        _services(before, after),
        _pools(before, after),
        components(before, after, maintenance),
        _probe(before, after),
        _reboot(facts),
    )


def _verdict(
    choice: Choice,
    conditions: tuple[Condition, ...],
    found: tuple[Failure, ...],
    before: Observed,
    after: Observed,
    code: ExitCode,
) -> Outcome:
    fails = [c for c in conditions if c.holds is Holds.NO]
    unsure = [c for c in conditions if c.holds is Holds.UNKNOWN]
    words = "; ".join(c.summary for c in fails + unsure)
    if code.kind is ExitClass.UNKNOWN:
        reason = f"{code.meaning} It is not known what the installer did. {words}".strip()
        return Outcome(PatchState.UNKNOWN, reason, conditions, found)
    if not fails and not unsure:
        note = "" if code.kind in (ExitClass.OK, ExitClass.OK_REBOOT) else f" ({code.meaning})"
        reason = f"Every condition holds: {choice.kb or choice.target} is installed{note}."
        if taken_out(after):
            still = next(c.summary for c in conditions if c.condition == "components")
            reason = f"{reason} {still}"
        return Outcome(PatchState.PATCHED, reason, conditions, found)
    if not fails:
        return Outcome(PatchState.UNKNOWN, f"Could not be told: {words}", conditions, found)
    if code.kind not in (ExitClass.OK, ExitClass.OK_REBOOT) and _untouched(
        conditions, before, after
    ):
        reason = f"{code.meaning} The server is as it was before."
        return Outcome(PatchState.NOT_PATCHED, reason, conditions, found)
    return Outcome(PatchState.DEGRADED, words, conditions, found)


def _untouched(conditions: tuple[Condition, ...], before: Observed, after: Observed) -> bool:
    """Whether only the files and the list say that the update is missing, and as before."""
    allowed = ("files", "updates")
    others = all(c.holds is Holds.YES for c in conditions if c.condition not in allowed)
    was = versions(before)
    return others and bool(was) and was == versions(after)


def _files(
    choice: Choice, facts: Facts, seen: tuple[Observed, Observed], installed: Observed | None
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


def _watched(target: Build, before: Observed, after: Observed) -> tuple[list[str], list[str]]:
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


def _updates(choice: Choice, facts: Facts) -> Condition:
    if choice.kb is None:
        return Condition("updates", Holds.YES, "The target has no entry of its own.")
    if choice.kb in listed_kbs(facts):
        return Condition("updates", Holds.YES, f"{choice.kb} is listed.")
    if not facts.listing("updates").whole:
        return Condition("updates", Holds.UNKNOWN, f"Updates: {facts.why('updates')}.")
    return Condition("updates", Holds.NO, f"{choice.kb} is not in the list of updates.")


def listing(seen: Observed, name: str) -> Named:
    """Return the rows of one list of a snapshot by name."""
    return named(rows(seen.snapshot.get(name) if seen.snapshot else None, "name"))


def _baseline_missing(condition: str, before: Named, after: Named) -> Condition | None:
    if not before.whole or not before.index:
        return Condition(condition, Holds.UNKNOWN, f"No record of {condition} before the update.")
    if not after.whole or not after.index:
        return Condition(condition, Holds.UNKNOWN, f"{condition} could not be read afterwards.")
    return None


def _start_types(before: Observed, after: Observed) -> Condition:
    old, new = listing(before, "services"), listing(after, "services")
    if missing := _baseline_missing("start-types", old, new):
        return missing
    wrong = []
    for row in old.index.values():
        name, was = text(row.get("name")) or "?", text(row.get("start_type"))
        now = new.get(name)
        if now is None:
            wrong.append(f"{name} is gone")
        elif was and text(now.get("start_type")) != was:
            wrong.append(f"{name} is {now.get('start_type')}, was {was}")
    return _listed("start-types", "Start types", sorted(wrong), "Every start type is as before.")


def _services(before: Observed, after: Observed) -> Condition:
    """What ran before, or starts by itself and ran, runs again."""
    old, new = listing(before, "services"), listing(after, "services")
    if missing := _baseline_missing("services", old, new):
        return missing
    wrong = []
    for row in old.index.values():
        name = text(row.get("name")) or "?"
        # One that starts on demand may stop again by itself.
        if row.get("status") != "Running" or row.get("start_type") not in _STARTABLE:
            continue
        now = new.get(name)
        if now is not None and now.get("status") != "Running":
            wrong.append(f"{name} is {now.get('status')}")
    return _listed("services", "Services", sorted(wrong), "Every service that ran runs.")


def _pools(before: Observed, after: Observed) -> Condition:
    old, new = listing(before, "app_pools"), listing(after, "app_pools")
    if before.snapshot is not None and before.snapshot.get("app_pools") == []:
        return Condition("pools", Holds.YES, "There were no application pools.")
    if missing := _baseline_missing("pools", old, new):
        return missing
    wrong = []
    for row in old.index.values():
        name = text(row.get("name")) or "?"
        now = new.get(name)
        if now is None:
            wrong.append(f"{name} is gone")
        elif row.get("state") == "Started" and now.get("state") != "Started":
            wrong.append(f"{name} is {now.get('state')}")
    return _listed("pools", "Application pools", sorted(wrong), "Every pool that ran runs.")


def _probe(before: Observed, after: Observed) -> Condition:
    """OWA and ECP answer; a pool that a mitigation had stopped before answers 503 still."""
    if not after.probes:
        return Condition("probe", Holds.UNKNOWN, "The front end was not asked.")
    stopped = [
        name
        for name, row in listing(before, "app_pools").index.items()
        if row.get("state") == "Stopped"
        and (listing(after, "app_pools").get(name) or {}).get("state") == "Stopped"
    ]
    wrong = []
    for row in after.probes:
        excused = stopped and row.get("status") == _UNAVAILABLE
        if row.get("as_expected") is not True and not excused:
            what = row.get("status") or row.get("error") or row.get("outcome")
            wrong.append(f"{text(row.get('name')) or '?'} answers {what}")
    return _listed("probe", "Front end", sorted(wrong), "OWA and ECP answer.")


def _reboot(facts: Facts) -> Condition:
    listed = facts.listing("pending_reboot")
    sources = [text(row.get("source")) or "?" for row in listed.rows]
    if not sources and not listed.whole:
        return Condition("reboot", Holds.UNKNOWN, f"Restart: {facts.why('pending_reboot')}.")
    return _listed("reboot", "A restart is pending", sources, "No restart is pending.")


def _listed(condition: str, title: str, wrong: list[str], good: str) -> Condition:
    if not wrong:
        return Condition(condition, Holds.YES, good)
    shown = ", ".join(wrong[:_MOST])
    return Condition(condition, Holds.NO, f"{title}: {shown}.", tuple(wrong))
