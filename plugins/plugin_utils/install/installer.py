# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer as a durable job: ordered once for a run and attempt, watched, never ended (I15)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..catalog.failures import ExitClass, ExitCode
from ..host.jobs.attempts import ENDED, Attempts, Command
from ..host.jobs.driver import JobDriver
from ..host.jobs.state import INTERRUPTED, REFUSED
from .models import InstallState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..host.jobs.attempts import JobEnd
    from ..host.jobs.state import JobState
    from ..trust.packages.records import PackageRecord
    from .host import InstallSession
    from .request import InstallRequest
    from .runtime import InstallRuntime

_MOST_ATTEMPTS = 50  # of one series; nobody repairs so often


@dataclass(frozen=True, slots=True)
class InstallerEnd:
    """What the end of its job means; without a code the run ends with ``state`` and ``reason``."""

    code: ExitCode | None
    launched: bool
    state: InstallState = InstallState.UNKNOWN
    reason: str = ""
    failure: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    boot_id: str | None = None  # the boot in which it was launched


@dataclass(frozen=True, slots=True)
class InstallerCommand:
    """What an installer is told, and where its progress shows (files or folders of the host)."""

    arguments: tuple[str, ...]
    progress_paths: tuple[str, ...]


@dataclass(slots=True)
class Installer:
    """The jobs of one update; another installation at work is waited for, bounded.

    ``series`` names what the jobs belong to. With the time of the record on the host any run finds
    the job that another one began; without it the run is meant.
    """

    request: InstallRequest
    host: InstallSession
    runtime: InstallRuntime
    words: Callable[[PackageRecord, str], InstallerCommand]
    classify: Callable[[object], ExitCode]
    update: str = ""
    series: str = ""

    @property
    def attempts(self) -> Attempts:
        """Its jobs, named after update and series."""
        mark = hashlib.sha256((self.series or self.request.run).encode()).hexdigest()[:8]
        base = f"{self.update}-{mark}".replace(".", "-")
        runtime = self.runtime
        driver = JobDriver(self.host.transport, runtime.sleep, runtime.clock, notice=runtime.notice)
        return Attempts(self.host, driver, base, self.request.policy.seconds, _MOST_ATTEMPTS)

    def last(self) -> JobState | None:
        """What the host says of the last attempt that it knows."""
        return self.attempts.last()[1]

    def at_work(self) -> bool:
        """Whether the last attempt is not over yet."""
        last = self.last()
        return last is not None and last.state not in (REFUSED, *ENDED)

    def watch(self) -> bool:
        """Wait, without the lock, for the end of what is at work; false: nothing is."""
        attempts = self.attempts
        number, last = attempts.last()
        if last is None or last.state in (REFUSED, *ENDED):
            return False
        attempts.driver.renew_every = math.inf
        attempts.watch(attempts.name(number))
        return True

    def install(
        self, path: str, package: PackageRecord, host_now: datetime, *, again: bool = False
    ) -> InstallerEnd:
        """Run it to its end; what was begun already is watched further.

        ``again``: the last attempt is over and somebody wants another one. An attempt that was
        refused launched nothing, so it never stands in the way of the next.
        """
        attempts = self.attempts
        number, last = attempts.last()
        attempt = number or 1
        if last and (last.state == REFUSED or (again and last.state in ENDED)):
            attempt += 1
        for tries_left in range(self.request.busy_attempts, 0, -1):
            command = self._command(path, package, attempts.name(attempt))
            ended = meaning(attempts.order(attempt, command, host_now), self.classify)
            busy = ended.code is not None and ended.code.kind is ExitClass.BUSY_RETRY
            if not busy or tries_left == 1:
                break
            attempt += 1
            self.runtime.sleep(self.request.busy_pause)
            self.host.lock(f"{self.update}: another installation is at work")
            host_now += timedelta(seconds=self.request.busy_pause)
        return ended

    def _command(self, path: str, package: PackageRecord, job: str) -> Command:
        words = self.words(package, f"{path.rpartition(chr(92))[0]}\\{job}.log")
        return Command(
            path,
            package.sha256,
            words.arguments,
            words.progress_paths,
            self.request.progress_seconds,
        )


def meaning(end: JobEnd, classify: Callable[[object], ExitCode]) -> InstallerEnd:
    """Return what the end of the job says about the installation."""
    launched, boot = end.launched, end.boot_id
    details = {"outcome": end.outcome.value, "reason": end.reason, "exit_code": end.exit_code}
    if end.finished:
        return InstallerEnd(classify(end.exit_code), launched, details=details, boot_id=boot)
    if end.cut:
        # A restart in the middle, or one by the installer itself: only the bytes can tell.
        text = "The installer was cut off by a restart; its exit code is not known."
        cut = ExitCode(None, ExitClass.FAILED, INTERRUPTED, text)
        return InstallerEnd(cut, launched, details=details, boot_id=boot)
    state, reason, failure = InstallState.STOPPED, f"Nothing was launched: {end.reason}.", None
    if end.open_end:
        state, reason = InstallState.UNKNOWN, f"It is not known how it ended: {end.reason}."
    if end.stalled:
        reason, failure = f"The installer is stuck: {end.reason}.", "stalled"
    return InstallerEnd(None, launched, state, reason, failure, details, boot)
