# SPDX-License-Identifier: GPL-3.0-or-later
"""A security update as something to be installed: chosen, checked, planned, proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...catalog.failures import ExitClass, ExitCode, classify
from ...facts.read import Facts
from ...install.installation import ReadingsAround, assessed
from ...install.steps import install_plan
from .begin import beginning
from .checks import prechecks
from .installer import update_words
from .phase import INTENT
from .verdict import judge

if TYPE_CHECKING:
    from ...change.checks import Precheck
    from ...host.transport.reply import Reply
    from ...install.begin import StartingPoint
    from ...install.install_run import InstallRun
    from ...install.installer import InstallerCommand
    from ...install.models import HostReading, InstallVerdict
    from ...plan.records import HostPlan
    from ...trust.packages.records import PackageRecord


_SUCCESS = (ExitClass.OK, ExitClass.OK_REBOOT)


class SecurityUpdate:
    """A security update for the exact build."""

    purpose = "patch"

    def begin(self, run: InstallRun, facts: Facts) -> StartingPoint:
        return beginning(run.request, run.runtime, run.host, facts)

    def checks(self, run: InstallRun, start: StartingPoint, reply: Reply) -> tuple[Precheck, ...]:
        facts = Facts.of(reply.result, reply.errors)
        policy, now = run.request.policy, run.runtime.now()
        return prechecks(start.choice, facts, start.now, assessed(run, reply), policy, now)

    def plan(
        self, run: InstallRun, start: StartingPoint, reply: Reply, *, installed: bool
    ) -> HostPlan:
        checks = run.result.prechecks
        package = start.choice.package
        return install_plan(
            INTENT,
            run.request,
            run.runtime,
            start.choice,
            reply.result,
            start.recorded,
            checks,
            update_words(package, "<job>.log").arguments if package else (),
            installed=installed,
        )

    def prepare(self, run: InstallRun) -> None:
        """Nothing."""

    def words(self, package: PackageRecord, log: str) -> InstallerCommand:
        return update_words(package, log)

    def classify(self, code: object) -> ExitCode:
        return classify(code)

    def restarts(self, _start: StartingPoint, code: ExitCode, _installed: HostReading) -> bool:
        return code.kind in _SUCCESS

    def judge(
        self, run: InstallRun, start: StartingPoint, seen: ReadingsAround, code: ExitCode
    ) -> InstallVerdict:
        mode = run.request.maintenance
        between = seen.installed
        return judge(
            start.choice, seen.before, seen.after, code, installed=between, maintenance=mode
        )

    def close(self, run: InstallRun, start: StartingPoint, *, over: bool) -> None:
        """Nothing."""
