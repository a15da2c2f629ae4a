# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer as a durable job: ordered once for a run and attempt, watched, never ended (I15)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..jobs.decide import Outcome as JobOutcome
from ..jobs.decide import Patience
from ..jobs.driver import JobDriver, JobOrder, JobResult
from .knowledge import ExitClass, ExitCode, classify
from .models import PatchState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..packages.records import PackageRecord
    from .host import PatchHost
    from .request import Request, Tools

_RETRY_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended; without a code the run ends with ``state`` and ``reason``."""

    code: ExitCode | None
    launched: bool
    state: PatchState = PatchState.UNKNOWN
    reason: str = ""
    failure: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Words:
    """What an installer is told, and where its progress shows (files or folders of the host)."""

    arguments: tuple[str, ...]
    progress_paths: tuple[str, ...]


def update_words(package: PackageRecord, log: str) -> Words:
    """Tell an update to ask nobody, not to restart, and to write the log that it can write."""
    arguments: tuple[str, ...] = ("/quiet", "/norestart")
    if package.format in ("msp", "msi"):
        arguments += ("/l*v", log)
    return Words(arguments, (log,))


@dataclass(slots=True)
class Installer:
    """The jobs of one run for one update; another installation at work is waited for, bounded."""

    request: Request
    host: PatchHost
    tools: Tools
    update: str = ""
    words: Callable[[PackageRecord, str], Words] = update_words
    classify: Callable[[object], ExitCode] = classify

    def name(self, attempt: int) -> str:
        """The name of the job: update, run, attempt."""
        mark = hashlib.sha256(self.request.run.encode()).hexdigest()[:8]
        return f"{self.update}-{mark}-{attempt}".replace(".", "-")

    def known(self) -> int | None:
        """The last attempt of this run that the host knows."""
        found = None
        for attempt in range(1, self.request.busy_attempts + 1):
            reply = self.host.ask("Get-HostJob", {"job": self.name(attempt)})
            state = reply.result.get("state") if isinstance(reply.result, dict) else None
            if state in (None, "absent"):
                break
            found = attempt
        return found

    def install(self, path: str, package: PackageRecord, host_now: datetime) -> Ended:
        """Run it to its end; what this run began already is watched further."""
        attempt = self.known() or 1
        while True:
            driver = JobDriver(
                self.host.transport, self.tools.sleep, self.tools.clock, notice=self.tools.notice
            )
            order = self._order(path, package, attempt, host_now)
            job = driver.run(order, Patience(float(self.request.policy.seconds)))
            ended = _ended(job, self.classify)
            busy = ended.code is not None and ended.code.kind is ExitClass.BUSY_RETRY
            if not busy or attempt >= self.request.busy_attempts:
                return ended
            attempt += 1
            self.tools.sleep(_RETRY_PAUSE)
            host_now += timedelta(seconds=_RETRY_PAUSE)

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
            lock_owner=self.request.owner,
            run=self.request.run,
            arguments=words.arguments,
            progress_paths=words.progress_paths,
            progress_timeout_seconds=self.request.progress_seconds,
        )


def _ended(job: JobResult, classify: Callable[[object], ExitCode]) -> Ended:
    outcome, state = job.outcome, job.state
    launched = state is not None and state.attempt > 0
    code = state.exit_code if state else None
    details = {"outcome": outcome.value, "reason": job.reason, "exit_code": code}
    if outcome is JobOutcome.FINISHED:
        return Ended(classify(code), launched, details=details)
    if outcome is JobOutcome.INTERRUPTED:
        # A restart in the middle, or one by the installer itself: only the bytes can tell.
        meaning = "The installer was cut off by a restart; its exit code is not known."
        cut = ExitCode(None, ExitClass.FAILED, "interrupted", meaning)
        return Ended(cut, launched, details=details)
    if outcome in (JobOutcome.FAILED, JobOutcome.LOCKED):
        reason = f"Nothing was launched: {job.reason}."
        return Ended(None, launched, PatchState.STOPPED, reason, details=details)
    if outcome is JobOutcome.STALLED:
        reason = f"The installer is stuck: {job.reason}."
        return Ended(None, launched, PatchState.UNKNOWN, reason, "stalled", details)
    reason = f"It is not known how it ended: {job.reason}."
    return Ended(None, launched, PatchState.UNKNOWN, reason, details=details)
