# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrade one server to another cumulative update, with the run that updates have.

What an upgrade adds: mitigations are written to the host before anything is touched, those that stop
services or pools are undone, and the result lists which are to be applied again.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...base.errors import LockedByOther, RefusedError
from ...catalog.failures import ExitClass
from ...facts.read import Facts, text
from ...host.calls import mitigations, updates
from ...install.begin import NO_UPDATE, StartingPoint, look
from ...install.installation import assessed
from ...install.installer import InstallerCommand
from ...install.models import Action, HostReading
from ...install.reading import exsetup
from ...install.run import install_on
from ...judge.assess import assess
from .checks import UpgradeReadings, upgrade_prechecks
from .choose import borne_out, choose_cu, stored_image
from .mitigations import MitigationsInEffect, candidates, read, released, to_reapply
from .phase import INTENT
from .requirements import setup_arguments
from .steps import memory_name, upgrade_plan
from .verdict import classify_setup, judge_upgrade

if TYPE_CHECKING:
    from ...base.model import Build
    from ...catalog.failures import ExitCode
    from ...change.checks import Precheck
    from ...host.transport.base import Transport
    from ...host.transport.reply import Reply
    from ...install.install_run import InstallRun
    from ...install.installation import ReadingsAround
    from ...install.models import InstallVerdict
    from ...install.request import InstallRequest
    from ...install.result import InstallResult
    from ...install.runtime import InstallRuntime
    from ...plan.records import HostPlan, Step
    from ...trust.packages.records import PackageRecord

_LOGS = "ExchangeSetupLogs"
_DRIVE = re.compile(r"[A-Za-z]:\Z")


def upgrade_host(
    request: InstallRequest,
    transport: Transport,
    runtime: InstallRuntime,
    cumulative_update: str | None = None,
    prepared_by: str | None = None,
) -> InstallResult:
    """Upgrade one server; never raises a ``RemediationError``, the state says what is known."""
    return install_on(request, transport, runtime, CumulativeUpdate(cumulative_update, prepared_by))


@dataclass(slots=True)
class CumulativeUpdate:
    """One upgrade of one server; ``prepared_by`` says who prepared schema and Active Directory."""

    cumulative_update: str | None = None
    prepared_by: str | None = None
    _found: MitigationsInEffect = field(default_factory=MitigationsInEffect)
    _remembered: tuple[str, ...] = ()
    _kept: bool = False  # the host has the record of them
    _logs: str = f"C:\\{_LOGS}"

    @property
    def purpose(self) -> str:
        """The word in the lock and in the names of keys."""
        return INTENT

    def begin(self, run: InstallRun, facts: Facts) -> StartingPoint:
        """Choose; an upgrade that was begun and is not proven is the one to go on with."""
        runtime = run.runtime
        build = exsetup(facts)
        drive = text(facts.value("environment", "system_drive")) or ""
        self._logs = f"{drive if _DRIVE.match(drive) else 'C:'}\\{_LOGS}"
        chosen = choose_cu(
            runtime.catalog, build, runtime.now().date(), runtime.store, self.cumulative_update
        )
        if chosen.target is None or chosen.action is Action.STOP:
            return StartingPoint(chosen)
        start = look(chosen, run.host, facts)
        self._recall(run, start)
        if chosen.action is Action.INSTALL:
            return start
        if start.recorded is None or not start.reached:
            self._still_to_do(run, start, facts)
            judged = assess(
                facts.result, facts.errors, runtime.catalog, run.request.campaign, runtime.now()
            )
            return StartingPoint(borne_out(chosen, judged), lock=start.lock)
        reason = f"{chosen.target} was begun on this server and is not proven yet."
        image = stored_image(runtime.store, chosen.target)
        going_on = replace(chosen, action=Action.INSTALL, reason=reason, package=image)
        return replace(start, choice=going_on)

    def _recall(self, run: InstallRun, start: StartingPoint) -> None:
        """Read which mitigations were in effect before the first attempt, where that was written."""
        name = memory_name(start.update)
        self._kept = name in start.begun
        if not self._kept:
            return
        record: Any = run.host.snapshot(name).get("recorded")
        notes = record.get("notes") if isinstance(record, dict) else None
        listed = notes if isinstance(notes, list) else []
        known = {m.id for m in run.runtime.catalog.mitigations()}
        self._remembered = tuple(n for n in listed if isinstance(n, str) and n in known)

    def _still_to_do(self, run: InstallRun, start: StartingPoint, facts: Facts) -> None:
        """List again what an earlier upgrade left to be applied, until it has been."""
        build = exsetup(facts)
        if not self._kept or build is None:
            return
        self._list(run, HostReading(facts.result, errors=facts.errors), build)
        if not (run.result.reapply or run.request.check):
            run.update = start.update
            with suppress(LockedByOther):
                run.lock()
                self._forget(run, start)

    def _list(self, run: InstallRun, seen: HostReading, build: Build) -> None:
        runtime = run.runtime
        after = read(runtime.catalog, run.request.campaign, seen, build, runtime.now(), ())
        run.result.reapply = to_reapply(runtime.catalog, self._remembered, after, build)

    @staticmethod
    def _forget(run: InstallRun, start: StartingPoint) -> None:
        memory = memory_name(start.update)
        updates.remove_snapshot(run.host, memory, "forget-mitigations")

    def checks(self, run: InstallRun, start: StartingPoint, reply: Reply) -> tuple[Precheck, ...]:
        """Judge whether setup may be started, and see which mitigations are in effect."""
        runtime, build = run.runtime, start.choice.build
        assert build is not None  # noqa: S101 - there is no target without one
        seen = HostReading(reply.result, start.now, errors=tuple(reply.errors))
        self._found = self._mitigated(run, seen, build)
        both = (*self._remembered, *self._found.remembered)
        self._remembered = tuple(dict.fromkeys(both))
        ground = UpgradeReadings(
            seen,
            assessed(run, reply),
            self._found,
            self.prepared_by,
            start.recorded["state"] if start.recorded else None,
            tuple(n for n in start.begun if n != start.update and not n.endswith(NO_UPDATE)),
        )
        return upgrade_prechecks(
            runtime.catalog, start.choice, ground, run.request.policy, runtime.now()
        )

    def _mitigated(self, run: InstallRun, seen: HostReading, build: Build) -> MitigationsInEffect:
        """Judge a reading, with what the host has a record of."""
        catalog = run.runtime.catalog
        listed = [mitigation.id for mitigation in candidates(catalog, build)]
        ours = [name for name in listed if mitigations.is_ours(run.host, name)]
        return read(catalog, run.request.campaign, seen, build, run.runtime.now(), ours)

    def plan(
        self, run: InstallRun, start: StartingPoint, reply: Reply, *, installed: bool
    ) -> HostPlan:
        """Return the steps; the result lists what will have to be applied again."""
        target = start.choice.target
        if target is not None:
            catalog = run.runtime.catalog
            run.result.reapply = to_reapply(
                catalog, self._remembered, MitigationsInEffect(), target
            )
        package = start.choice.package
        return upgrade_plan(
            run.request,
            run.runtime,
            start,
            reply.result,
            run.result.prechecks,
            self.words(package, "").arguments if package else (),
            remember=() if self._kept else self._remembered,
            release=released(run.runtime.catalog, self._found),
            installed=installed,
        )

    def prepare(self, run: InstallRun) -> None:
        """Write down which mitigations are in effect, then give back services and pools."""
        planned = run.result.planned.steps if run.result.planned else ()
        for step in planned:
            if step.id == "remember" or step.id.startswith("release/"):
                run.did(step.id, changed=_prepared(run, step))
                self._kept = self._kept or step.id == "remember"

    def words(self, package: PackageRecord, _log: str) -> InstallerCommand:
        """Return the words for setup.exe; its progress shows in its logs."""
        arguments = setup_arguments(package.product, package.cu)
        if arguments is None:
            raise RefusedError(f"no licence switch is known for {package.product} {package.cu}")
        return InstallerCommand(arguments, (self._logs,))

    def classify(self, code: object) -> ExitCode:
        """Return what setup's exit code means."""
        return classify_setup(code)

    def restarts(self, start: StartingPoint, code: ExitCode, installed: HostReading) -> bool:
        """Restart where setup says so, and where the files are new whatever it says."""
        build = exsetup(Facts.of(installed.facts, installed.errors))
        return code.kind is ExitClass.OK or build == start.choice.target

    def judge(
        self, run: InstallRun, start: StartingPoint, seen: ReadingsAround, code: ExitCode
    ) -> InstallVerdict:
        """Return the verdict."""
        mode = run.request.maintenance
        return judge_upgrade(start.choice, seen.before, seen.after, code, mode)

    def close(self, run: InstallRun, start: StartingPoint, *, over: bool) -> None:
        """List what is to be applied again, by what is in effect now.

        What was in effect stays written on the host until all of it is in effect again, or not
        needed any more: whoever dies before this is told can ask again.
        """
        reply = run.host.facts()
        build = exsetup(Facts.of(reply.result, reply.errors)) or start.choice.target
        if build is not None:
            self._list(run, HostReading(reply.result, errors=tuple(reply.errors)), build)
        if over and self._kept and not run.result.reapply:
            self._forget(run, start)


def _prepared(run: InstallRun, step: Step) -> bool:
    """Carry out one step ahead of setup; whether it changed something."""
    if step.id != "remember":
        return mitigations.undo(run.host, step.parameters, step.id).changed
    asked = step.parameters
    return updates.save_snapshot(
        run.host, asked["update"], asked["binaries"], step.id, asked["notes"]
    ).changed
