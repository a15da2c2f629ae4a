# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do next about a job, from what was seen: no clock, no host, only numbers.

========================  =======================================================================
seen                      next
========================  =======================================================================
absent, never seen        order it (again); the host launches a job of one name and order once
absent, seen before       ``unknown``: somebody removed it
staged                    wait; after ``start_patience`` ``unknown``: the task did not start
running                   wait; after the deadline and ``grace`` ``unknown``
stalled                   wait ``stall_patience`` for new progress, then ``stalled``
deadline                  ``stalled``: the program goes on, it is not ended
finished                  ``finished``, with the exit code as it is
refused                   ``failed``: nothing was launched
interrupted               ``interrupted``: launched, its end is not known; never launched again
no answer                 wait, without a limit on tries; after deadline and ``grace`` ``unknown``
========================  =======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .state import ABSENT, DEADLINE, FINISHED, INTERRUPTED, REFUSED, STAGED, STALLED, JobState


class JobOutcome(Enum):
    """How a job ended, as far as the controller knows."""

    FINISHED = "finished"  # it ran to its end; the exit code is not judged here
    FAILED = "failed"  # nothing was launched, and nothing will be
    UNKNOWN = "unknown"  # it may have been launched; look at the host
    INTERRUPTED = "interrupted"  # launched, and cut off by a restart or the loss of its runner
    STALLED = "stalled"  # it runs without progress, or beyond its deadline
    LOCKED = "locked"  # another controller or job has the host


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. Pauses grow by ``factor`` from ``first`` to ``longest``."""

    deadline: float  # of the job, from the start
    grace: float = 300.0  # after it: the host is asked that much longer
    start_patience: float = 300.0
    stall_patience: float = 600.0
    first: float = 2.0
    longest: float = 120.0
    factor: float = 1.6

    def pause(self, count: int, spread: float = 0.5) -> float:
        """Return the pause after ``count`` questions; ``spread`` (0 to 1) keeps hosts apart."""
        base = min(self.longest, self.first * self.factor ** min(count, 32))
        return base * (0.9 + 0.2 * spread)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered from one question to the next; times in seconds since the start."""

    now: float = 0.0
    seen: bool = False  # the host has known the job
    staged_since: float | None = None
    stalled_since: float | None = None


@dataclass(frozen=True, slots=True)
class JobDecision:
    """The end of watching."""

    outcome: JobOutcome
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """Send the order (again)."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after a pause."""


Decision = JobDecision | Order | Wait


def remember(memory: Memory, state: JobState | None, now: float) -> Memory:
    """Return the memory with one more observation (``None``: the host did not answer)."""
    if state is None:
        return Memory(now, memory.seen, memory.staged_since, memory.stalled_since)
    staged = _since(memory.staged_since, now) if state.state == STAGED else None
    stalled = _since(memory.stalled_since, now) if state.state == STALLED else None
    return Memory(now, memory.seen or state.state != ABSENT, staged, stalled)


def _since(known: float | None, now: float) -> float:
    return now if known is None else known


def decide(memory: Memory, state: JobState | None, patience: Patience) -> Decision:
    """Return what to do after an observation that ``memory`` already holds."""
    late = memory.now >= patience.deadline + patience.grace
    if state is None:
        return _late("the host did not answer until the deadline") if late else Wait()
    final = _FINAL.get(state.state)
    if final is not None:
        return JobDecision(final, state.reason or "")
    if state.state == ABSENT:
        if memory.seen:
            return JobDecision(JobOutcome.UNKNOWN, "the job is gone from the host; who removed it?")
        return _late("the host never took the order") if late else Order()
    if lost := _lost_patience(memory, state, patience):
        return lost
    return _late("still at work after the deadline") if late else Wait()


_FINAL = {
    FINISHED: JobOutcome.FINISHED,
    REFUSED: JobOutcome.FAILED,
    INTERRUPTED: JobOutcome.INTERRUPTED,
    DEADLINE: JobOutcome.STALLED,
}


def _lost_patience(memory: Memory, state: JobState, patience: Patience) -> JobDecision | None:
    if state.state == STAGED and _older(memory.staged_since, memory.now, patience.start_patience):
        return JobDecision(JobOutcome.UNKNOWN, "the task does not start; a restart would start it")
    if state.state == STALLED and _older(memory.stalled_since, memory.now, patience.stall_patience):
        return JobDecision(JobOutcome.STALLED, "no progress")
    return None


def _older(since: float | None, now: float, limit: float) -> bool:
    return since is not None and now - since >= limit


def _late(reason: str) -> JobDecision:
    return JobDecision(JobOutcome.UNKNOWN, reason)
