# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the upgrade is proven: by the bytes, the registry and what runs, never by the exit code. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...catalog.failures import ExitClass, ExitCode, Failure, failure
from ...facts.read import Facts, text
from ...install.components import Maintenance
from ...install.conditions import surroundings
from ...install.evidence import EVIDENCE, counted
from ...install.models import Condition, Holds, InstallState, InstallVerdict
from ...install.reading import exsetup, leaf, versions
from ...judge.subject import build_of

if TYPE_CHECKING:
    from ...base.model import Build
    from ...install.models import HostReading, UpdateSelection

_BYTES = ("files", "registry")
_LOG = "ExchangeSetupLogs\\ExchangeSetup.log"


def classify_setup(code: object) -> ExitCode:
    """Return what setup.exe's exit code means: 0 is success, everything else a failure.

    Source: what public installers of Exchange test for; no table of Microsoft's was found.
    """
    if not isinstance(code, int) or isinstance(code, bool):
        return ExitCode(None, ExitClass.UNKNOWN, "?", "Setup left no exit code.")
    if code == 0:
        return ExitCode(0, ExitClass.OK, "success", "Setup reports success.")
    return ExitCode(code, ExitClass.FAILED, "failure", f"Setup ended with {code}; see {_LOG}.")


def judge_upgrade(
    choice: UpdateSelection,
    before: HostReading,
    after: HostReading,
    code: ExitCode,
    maintenance: Maintenance = Maintenance.AS_FOUND,
) -> InstallVerdict:
    """Return the verdict. ``before``: the recorded state; ``after``: the last reading."""
    facts = Facts.of(after.facts, after.errors)
    conditions = (
        _files(choice.target, facts, after),
        _registry(choice.target, facts),
        *surroundings(facts, before, after, maintenance),
    )
    fails = [c for c in conditions if c.holds is Holds.NO]
    unsure = [c for c in conditions if c.holds is Holds.UNKNOWN]
    words = " ".join(c.summary for c in fails + unsure)
    same = _same_bytes(before, after)
    others = all(c.holds.good for c in conditions if c.condition not in _BYTES)
    named = _named(conditions, code, same_bytes=same)
    if not fails and not unsure:
        note = "" if code.kind is ExitClass.OK else f" ({code.meaning})"
        reason = f"Every condition holds: {choice.update or choice.target} is installed{note}."
        return InstallVerdict(InstallState.PATCHED, reason, conditions)
    if code.kind is ExitClass.UNKNOWN or not fails:
        reason = f"{code.meaning} Could not be told: {words}"
        return InstallVerdict(InstallState.UNKNOWN, reason, conditions, named)
    if same and others and code.kind is not ExitClass.OK:
        reason = f"{code.meaning} The server is as it was before."
        return InstallVerdict(InstallState.NOT_PATCHED, reason, conditions, named)
    return InstallVerdict(InstallState.DEGRADED, words, conditions, named)


def _files(target: Build | None, facts: Facts, after: HostReading) -> Condition:
    """ExSetup.exe has exactly the target's version, and no watched file is of another CU."""
    build = exsetup(facts)
    if build is None or target is None:
        why = facts.why("exchange.exsetup")
        return Condition("files", Holds.UNKNOWN, f"The version of ExSetup.exe is not known: {why}.")
    wrong = [] if build == target else [f"ExSetup.exe is {build}, not {target}"]
    unread = []
    for path, version in sorted(versions(after).items()):
        if version is None:
            unread.append(leaf(path))
        elif version.cumulative_update != target.cumulative_update and build == target:
            wrong.append(f"{leaf(path)} is {version}, of another cumulative update")
    if wrong:
        return Condition("files", Holds.NO, f"Files: {'; '.join(wrong)}.", tuple(wrong))
    if unread:
        return Condition(
            "files", Holds.UNKNOWN, f"No version of {', '.join(unread)}.", tuple(unread)
        )
    number = counted(after)
    if number is not None and number.of(target) <= 1 < number.files:
        what = f"of {number.files} files only ExSetup.exe is {target}"
        return Condition("files", Holds.NO, f"Files (evidence): {what}.", (what,), EVIDENCE)
    return Condition("files", Holds.YES, f"ExSetup.exe is {build}.")


def _registry(target: Build | None, facts: Facts) -> Condition:
    """The installer's own entry names the same build."""
    shown = text(facts.value("exchange", "registry_version"))
    build = build_of(shown)
    if build is None:
        why = facts.why("exchange.registry_version")
        return Condition("registry", Holds.UNKNOWN, f"The registry names no build: {why}.")
    if build != target:
        what = f"the registry says {build}, not {target}"
        return Condition("registry", Holds.NO, f"Registry: {what}.", (what,))
    return Condition("registry", Holds.YES, f"The registry says {build}.")


def _same_bytes(before: HostReading, after: HostReading) -> bool:
    """Whether files and registry are those of before."""
    was, now = versions(before), versions(after)
    old = Facts.of(before.facts, before.errors).value("exchange", "registry_version")
    new = Facts.of(after.facts, after.errors).value("exchange", "registry_version")
    same = bool(was) and was == {path: version for path, version in now.items() if path in was}
    return same and (before.facts is None or old == new)


def _named(
    conditions: tuple[Condition, ...], code: ExitCode, *, same_bytes: bool
) -> tuple[Failure, ...]:
    """Give what went wrong its names; several may be true at once."""
    state = {c.condition: c for c in conditions}
    bytes_ = [state[name].summary for name in _BYTES if state[name].holds is Holds.NO]
    found: list[Failure] = []
    if bytes_ and not same_bytes:
        found.append(failure("setup-broke-off", " ".join(bytes_)))
    elif bytes_ and code.kind is ExitClass.OK:
        found.append(failure("setup-without-effect", " ".join(bytes_)))
    elif bytes_:
        found.append(failure("setup-refused", code.meaning))
    disabled = [item for item in state["start-types"].items if " is Disabled" in item]
    if disabled:
        found.append(failure("services-disabled", ", ".join(disabled)))
    if state["probe"].holds is Holds.NO:
        found.append(failure("front-end-broken", state["probe"].summary))
    return tuple(found)
