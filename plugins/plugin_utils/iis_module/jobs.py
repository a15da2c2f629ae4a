# SPDX-License-Identifier: GPL-3.0-or-later
"""msiexec with the module's MSI as a durable job: ordered once, watched, never ended (I15).

Removal is the same MSI with ``REMOVE=ALL`` (documented for MsiInstallProduct, whose command line
msiexec passes on), not ``msiexec /x``: so the runner launches a file that it has hashed, as always.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..catalog.exit_codes import ExitClass, ExitCode, classify
from ..host.calls.jobs import state as job_state
from ..host.jobs.decide import Outcome as JobOutcome
from ..host.jobs.decide import Patience
from ..host.jobs.driver import JobDriver, JobOrder
from ..host.jobs.state import ABSENT, FINISHED, INTERRUPTED, REFUSED, JobState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..change.session import HostSession
    from ..host.calls.iis_module import Noted
    from ..trust.packages.iis_module_records import ModuleRecord

INSTALL, REMOVE = "install", "remove"
_OVER = (FINISHED, INTERRUPTED, REFUSED)
_MOST_ATTEMPTS = 99
_SUCCESS = (ExitClass.OK, ExitClass.OK_REBOOT)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended; ``open_end``: something may still be at work."""

    job: str
    reason: str
    code: ExitCode | None = None
    launched: bool = False
    open_end: bool = False
    cut: bool = False  # a restart came between: only the host can tell

    @property
    def busy(self) -> bool:
        """Another installation was at work, so nothing was changed."""
        return self.code is not None and self.code.kind is ExitClass.BUSY_RETRY

    @property
    def good(self) -> bool:
        """The installer reports success; that proves nothing yet (I18)."""
        return self.code is not None and self.code.kind in _SUCCESS

    @property
    def restart(self) -> bool:
        """The installer wants a restart."""
        return self.code is not None and self.code.kind is ExitClass.OK_REBOOT

    @property
    def text(self) -> str:
        """A sentence for people."""
        return f"Job {self.job}: {self.reason.rstrip('.')}."

    def details(self) -> dict[str, Any]:
        """For results and journals."""
        return {
            "job": self.job,
            "exit_code": self.code.code if self.code else None,
            "launched": self.launched,
            "ended": self.reason,
        }


@dataclass(slots=True)
class ModuleJobs:
    """The jobs of one session."""

    session: HostSession
    clock: Callable[[], float]
    spread: Callable[[], float]
    notice: Callable[[str], None]
    seconds: int

    @property
    def installs(self) -> str:
        """What the names of this run's installations begin with."""
        mark = hashlib.sha256(self.session.run.encode()).hexdigest()[:8]
        return f"rewrite-module-{mark}"

    def removes(self, noted: Noted) -> str:
        """The same of the removals of one installation, whichever run orders them."""
        return f"{noted.job}-out"

    def name(self, base: str, attempt: int) -> str:
        """The name of a job: what it belongs to, and its attempt."""
        return f"{base}-{attempt}"

    def state(self, job: str) -> JobState:
        """What the host says of a job."""
        return job_state(self.session, job)

    def last(self, base: str) -> tuple[int, JobState | None]:
        """The last attempt that the host knows; 0 without one."""
        found: tuple[int, JobState | None] = (0, None)
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            state = self.state(self.name(base, attempt))
            if state.state == ABSENT:
                break
            found = attempt, state
        return found

    def run(self, job: str, path: str, module: ModuleRecord, host_now: datetime, act: str) -> Ended:
        """Order it unless the host has it, and watch it to its end."""
        log = f"{path.rpartition(chr(92))[0]}\\{job}.log"
        deadline = host_now + timedelta(seconds=self.seconds)
        order = JobOrder(
            job=job,
            file=path,
            sha256=module.sha256,
            deadline_utc=deadline.strftime("%Y-%m-%dT%H:%M:%SZ"),
            lock_owner=self.session.owner,
            run=self.session.run,
            arguments=arguments(act, log),
            progress_paths=(log,),
            progress_timeout_seconds=max(60, min(self.seconds, 1800)),
        )
        return self._watched(order)

    def watch(self, job: str) -> Ended:
        """Wait for the end of a job that the host has; nothing is ordered."""
        # A known job is never ordered, so nothing but its name and who renews the lock counts.
        order = JobOrder(job, "", "", "", self.session.owner, self.session.run)
        return self._watched(order)

    def _watched(self, order: JobOrder) -> Ended:
        driver = JobDriver(
            self.session.transport, self.session.sleep, self.clock, self.spread, self.notice
        )
        done = driver.run(order, Patience(float(self.seconds)))
        state, outcome = done.state, done.outcome
        launched = state is not None and state.attempt > 0
        if outcome is JobOutcome.FINISHED and state is not None:
            code = classify(state.exit_code)
            return Ended(order.job, f"exit code {state.exit_code}, {code.meaning}", code, launched)
        if outcome is JobOutcome.INTERRUPTED:
            text = "it was cut off by a restart, its exit code is not known"
            return Ended(order.job, text, launched=launched, cut=True)
        if outcome in (JobOutcome.FAILED, JobOutcome.LOCKED):
            return Ended(order.job, f"nothing was launched: {done.reason}", launched=launched)
        text = f"it is not known how it ends: {done.reason}"
        return Ended(order.job, text, launched=launched, open_end=True)


def arguments(act: str, log: str) -> tuple[str, ...]:
    """Return what msiexec gets behind ``/i`` and the file."""
    words = ("REMOVE=ALL",) if act == REMOVE else ()
    return (*words, "/quiet", "/norestart", "/l*v", log)


def over(state: JobState | None) -> bool:
    """Tell whether a job that the host knows has come to its end."""
    return state is not None and state.state in _OVER and not state.program_running


def at_work(state: JobState | None) -> bool:
    """Tell whether a job that the host knows is, or will be, at work."""
    return state is not None and state.state != ABSENT and not over(state)
