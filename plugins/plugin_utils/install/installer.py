# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer as a durable job: ordered once for a run and attempt, watched, never ended (I15)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..catalog.failures import ExitClass, ExitCode
from ..host.calls.jobs import state as job_state
from ..host.jobs.decide import Outcome as JobOutcome
from ..host.jobs.decide import Patience
from ..host.jobs.driver import JobDriver, JobOrder, JobResult
from ..host.jobs.state import ABSENT, FINISHED, INTERRUPTED, REFUSED, JobState
from .models import PatchState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..trust.packages.records import PackageRecord
    from .host import PatchHost
    from .request import Request, Tools

_RETRY_PAUSE = 300.0
_MOST_ATTEMPTS = 50  # of one series; nobody repairs so often
OVER = (FINISHED, INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended; without a code the run ends with ``state`` and ``reason``."""

    code: ExitCode | None
    launched: bool
    state: PatchState = PatchState.UNKNOWN
    reason: str = ""
    failure: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    boot_id: str | None = None  # the boot in which it was launched


@dataclass(frozen=True, slots=True)
class Words:
    """What an installer is told, and where its progress shows (files or folders of the host)."""

    arguments: tuple[str, ...]
    progress_paths: tuple[str, ...]


@dataclass(slots=True)
class Installer:
    """The jobs of one update; another installation at work is waited for, bounded.

    ``series`` names what the jobs belong to. With the time of the record on the host any run finds
    the job that another one began; without it the run is meant.
    """

    request: Request
    host: PatchHost
    tools: Tools
    words: Callable[[PackageRecord, str], Words]
    classify: Callable[[object], ExitCode]
    update: str = ""
    series: str = ""

    def name(self, attempt: int) -> str:
        """The name of the job: update, series, attempt."""
        mark = hashlib.sha256((self.series or self.request.run).encode()).hexdigest()[:8]
        return f"{self.update}-{mark}-{attempt}".replace(".", "-")

    def last(self) -> tuple[int, JobState] | None:
        """The last attempt that the host knows."""
        found = None
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            job = self.name(attempt)
            state = job_state(self.host, job)
            if state.state == ABSENT:
                break
            found = attempt, state
        return found

    def watch(self) -> bool:
        """Wait, without the lock, for the end of what is at work; false: nothing is."""
        last = self.last()
        if last is None or last[1].state in (REFUSED, *OVER):
            return False
        driver = self._driver(renew_every=math.inf)
        # Known jobs are never ordered, so nothing but the name counts.
        order = JobOrder(self.name(last[0]), "", "", "", self.host.owner, self.request.run)
        driver.run(order, Patience(float(self.request.policy.seconds)))
        return True

    def install(
        self, path: str, package: PackageRecord, host_now: datetime, *, again: bool = False
    ) -> Ended:
        """Run it to its end; what was begun already is watched further.

        ``again``: the last attempt is over and somebody wants another one. An attempt that was
        refused launched nothing, so it never stands in the way of the next.
        """
        last = self.last()
        attempt = last[0] if last else 1
        if last and (last[1].state == REFUSED or (again and last[1].state in OVER)):
            attempt += 1
        for tries_left in range(self.request.busy_attempts, 0, -1):
            order = self._order(path, package, attempt, host_now)
            job = self._driver().run(order, Patience(float(self.request.policy.seconds)))
            ended = _ended(job, self.classify)
            busy = ended.code is not None and ended.code.kind is ExitClass.BUSY_RETRY
            if not busy or tries_left == 1:
                break
            attempt += 1
            self.tools.sleep(_RETRY_PAUSE)
            self.host.lock(f"{self.update}: another installation is at work")
            host_now += timedelta(seconds=_RETRY_PAUSE)
        return ended

    def _driver(self, renew_every: float = 300.0) -> JobDriver:
        return JobDriver(
            self.host.transport,
            self.tools.sleep,
            self.tools.clock,
            notice=self.tools.notice,
            renew_every=renew_every,
        )

    def _order(
        self, path: str, package: PackageRecord, attempt: int, host_now: datetime
    ) -> JobOrder:
        job = self.name(attempt)
        words = self.words(package, f"{path.rpartition(chr(92))[0]}\\{job}.log")
        deadline = host_now + timedelta(seconds=self.request.policy.seconds)
        return JobOrder(
            job=job,
            file=path,
            sha256=package.sha256,
            deadline_utc=deadline.strftime("%Y-%m-%dT%H:%M:%SZ"),
            lock_owner=self.host.owner,
            run=self.request.run,
            arguments=words.arguments,
            progress_paths=words.progress_paths,
            progress_timeout_seconds=self.request.progress_seconds,
        )


def _ended(job: JobResult, classify: Callable[[object], ExitCode]) -> Ended:
    ended = _judged(job, classify)
    return replace(ended, boot_id=job.state.boot_id if job.state else None)


def _judged(job: JobResult, classify: Callable[[object], ExitCode]) -> Ended:
    outcome, state = job.outcome, job.state
    launched = state is not None and state.attempt > 0 and state.state != REFUSED
    code = state.exit_code if state else None
    details = {"outcome": outcome.value, "reason": job.reason, "exit_code": code}
    if outcome is JobOutcome.FINISHED:
        return Ended(classify(code), launched, details=details)
    if outcome is JobOutcome.INTERRUPTED:
        # A restart in the middle, or one by the installer itself: only the bytes can tell.
        meaning = "The installer was cut off by a restart; its exit code is not known."
        cut = ExitCode(None, ExitClass.FAILED, INTERRUPTED, meaning)
        return Ended(cut, launched, details=details)
    if outcome in (JobOutcome.FAILED, JobOutcome.LOCKED):
        reason = f"Nothing was launched: {job.reason}."
        return Ended(None, launched, PatchState.STOPPED, reason, details=details)
    if outcome is JobOutcome.STALLED:
        reason = f"The installer is stuck: {job.reason}."
        return Ended(None, launched, PatchState.UNKNOWN, reason, "stalled", details)
    reason = f"It is not known how it ended: {job.reason}."
    return Ended(None, launched, PatchState.UNKNOWN, reason, details=details)
