# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the things that are installed on a server: how it is chosen, checked, proven.

The run itself (`run`) is the same for all: lock, record, job, restart, start types, proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..judge.assess import assess

if TYPE_CHECKING:
    from ..base.model import Assessment
    from ..catalog.failures import ExitCode
    from ..change.checks import Precheck
    from ..facts.read import Facts
    from ..host.transport.reply import Reply
    from ..plan.records import HostPlan
    from ..trust.packages.records import PackageRecord
    from .begin import StartingPoint
    from .install_run import InstallRun
    from .installer import InstallerCommand
    from .models import HostReading, InstallVerdict


@dataclass(frozen=True, slots=True)
class ReadingsAround:
    """Before, between installation and restart, and the last one."""

    before: HostReading
    after: HostReading
    installed: HostReading | None = None


class Installation(Protocol):
    """One kind of installation; ``finish`` holds request, host, tools and the result so far."""

    @property
    def purpose(self) -> str: ...

    def begin(self, run: InstallRun, facts: Facts) -> StartingPoint:
        """Choose, and read what the host has of it."""

    def checks(self, run: InstallRun, start: StartingPoint, reply: Reply) -> tuple[Precheck, ...]:
        """Judge whether it may be started."""

    def plan(
        self, run: InstallRun, start: StartingPoint, reply: Reply, *, installed: bool
    ) -> HostPlan:
        """Return the steps; ``installed``: only what follows an installation is left."""

    def prepare(self, run: InstallRun) -> None:
        """Do what must be done under the lock before the state is recorded."""

    def words(self, package: PackageRecord, log: str) -> InstallerCommand:
        """Return what the installer is told."""

    def classify(self, code: object) -> ExitCode:
        """Return what its exit code means."""

    def restarts(self, start: StartingPoint, code: ExitCode, installed: HostReading) -> bool:
        """Tell whether Windows is to be restarted after it."""

    def judge(
        self, run: InstallRun, start: StartingPoint, seen: ReadingsAround, code: ExitCode
    ) -> InstallVerdict:
        """Return the verdict."""

    def close(self, run: InstallRun, start: StartingPoint, *, over: bool) -> None:
        """Add to the result what is left to do; ``over``: no record is needed any more."""


def assessed(run: InstallRun, reply: Reply) -> Assessment:
    """What is judged about the server for the campaign of the request."""
    runtime = run.runtime
    campaign = runtime.catalog.campaign(run.request.campaign)
    return assess(reply.result, reply.errors, runtime.catalog, campaign, runtime.now())
