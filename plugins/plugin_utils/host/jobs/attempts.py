# SPDX-License-Identifier: GPL-3.0-or-later
"""A piece of work as jobs with numbers: find the last one, order the next, watch it, say its end.

The host is the memory: whoever was killed finds the job by its name and watches it further. What the
work is, which file and arguments it has and what its exit code means, is its owner's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from ...base.dates import utc_text
from ..calls import jobs
from ..calls.asking import Asks
from .decide import JobOutcome, Patience
from .driver import JobOrder
from .state import ABSENT, FINISHED, INTERRUPTED, REFUSED

if TYPE_CHECKING:
    from datetime import datetime

    from .driver import JobDriver, JobResult
    from .state import JobState

_MOST = 99  # attempts of one piece of work; nobody repeats it so often
ENDED = (FINISHED, INTERRUPTED)  # states of a job that was launched and is not at work any more


class JobSession(Asks, Protocol):
    """What is needed of the session of a run."""

    owner: str
    run: str


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended, as far as the controller knows; what an exit code means is not judged.

    ``exit_code`` is null where it did not run to its end, or where that is not known.
    ``open_end``: it may still be at work; ``cut``: a restart came between, only the host can tell.
    """

    job: str
    outcome: JobOutcome
    reason: str  # why it is no plain end, in the host's words; empty for an end with an exit code
    exit_code: int | None = None
    launched: bool = False
    boot_id: str | None = None  # the boot in which it was launched
    state: JobState | None = None  # as the host said it last
    lock: dict[str, Any] | None = None  # who has the host, where that kept it from beginning

    @property
    def finished(self) -> bool:
        """Whether the program ran to its end, so that it has an exit code."""
        return self.outcome is JobOutcome.FINISHED

    @property
    def cut(self) -> bool:
        """Whether a restart or the loss of its runner cut it off."""
        return self.outcome is JobOutcome.INTERRUPTED

    @property
    def refused(self) -> bool:
        """Whether nothing was launched, and nothing will be."""
        return self.outcome in (JobOutcome.FAILED, JobOutcome.LOCKED)

    @property
    def stalled(self) -> bool:
        """Whether it runs without progress, or beyond its deadline."""
        return self.outcome is JobOutcome.STALLED

    @property
    def open_end(self) -> bool:
        """Whether it may be at work, now or later: nothing else may begin."""
        return self.outcome in (JobOutcome.UNKNOWN, JobOutcome.STALLED)

    @classmethod
    def of(cls, job: str, result: JobResult) -> JobEnd:
        """Read it from what watching has brought."""
        state = result.state
        return cls(
            job,
            result.outcome,
            result.reason,
            state.exit_code if state else None,
            state is not None and state.attempt > 0 and state.state != REFUSED,
            state.boot_id if state else None,
            state,
            result.lock,
        )


@dataclass(frozen=True, slots=True)
class Command:
    """What one attempt runs: a file that was brought, its hash, and what it is told."""

    file: str  # path on the host
    sha256: str
    arguments: tuple[str, ...] = ()
    progress_paths: tuple[str, ...] = ()  # files or folders of the host that grow as it works
    progress_timeout_seconds: int = 1800


@dataclass(slots=True)
class Attempts:
    """The jobs of one piece of work on one host, named ``base-1``, ``base-2`` ...

    ``seconds``: the longest that one may take, and how long it is watched.
    """

    session: JobSession
    driver: JobDriver
    base: str
    seconds: float
    most: int = _MOST  # attempts that are looked for

    def name(self, attempt: int) -> str:
        """Return the name of a job on the host."""
        return f"{self.base}-{attempt}"

    def state(self, attempt: int) -> JobState:
        """Ask what the host knows of one attempt."""
        return jobs.state(self.session, self.name(attempt))

    def last(self) -> tuple[int, JobState | None]:
        """Return the last attempt that the host knows; ``(0, None)`` without one."""
        found: tuple[int, JobState | None] = (0, None)
        for attempt in range(1, self.most + 1):
            state = self.state(attempt)
            if state.state == ABSENT:
                break
            found = attempt, state
        return found

    def order(self, attempt: int, command: Command, host_now: datetime) -> JobEnd:
        """Order an attempt unless the host has it, and watch it to its end.

        ``host_now``: the time on the host's clock, on which its deadline is.
        """
        return self._watched(self.job_order(attempt, command, host_now))

    def watch(self, job: str) -> JobEnd:
        """Wait for the end of a job that the host has, by its name; nothing is ordered."""
        # A known job is never ordered, so nothing but its name and who renews the lock counts.
        return self._watched(JobOrder(job, "", "", "", self.session.owner, self.session.run))

    def job_order(self, attempt: int, command: Command, host_now: datetime) -> JobOrder:
        """Return what is sent for an attempt: the same attempt and command are the same order."""
        deadline = host_now + timedelta(seconds=self.seconds)
        return JobOrder(
            job=self.name(attempt),
            file=command.file,
            sha256=command.sha256,
            deadline_utc=utc_text(deadline),
            owner=self.session.owner,
            run=self.session.run,
            arguments=command.arguments,
            progress_paths=command.progress_paths,
            progress_timeout_seconds=command.progress_timeout_seconds,
        )

    def _watched(self, order: JobOrder) -> JobEnd:
        return JobEnd.of(order.job, self.driver.run(order, Patience(float(self.seconds))))


def over(state: JobState | None) -> bool:
    """Tell whether a job that the host knows has come to its end."""
    return state is not None and state.state in (*ENDED, REFUSED) and not state.program_running


def at_work(state: JobState | None) -> bool:
    """Tell whether a job that the host knows is, or will be, at work."""
    return state is not None and state.state != ABSENT and not over(state)
