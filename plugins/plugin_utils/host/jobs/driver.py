# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one job on one host through a transport: order, watch, collect, clean up.

The host is the memory. A controller that is killed runs the same order again: the job of that
name is found and watched further. Nothing here ends a program.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.errors import (
    AuthenticationFailed,
    LockedByOther,
    NoTicket,
    ReplyError,
    ScriptError,
    TransportError,
)
from ...base.progress import Progress, silent
from ..calls import core, jobs
from ..calls.asking import Direct
from ..transport.keys import operation_key
from ..transport.reply import failed_reply
from .decide import JobDecision, JobOutcome, Memory, Order, Patience, decide, remember

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...base.progress import Sink
    from ..transport.base import Transport
    from .state import JobState

_CHUNK = 65_536
ORDERS = 5  # times an order is sent; each is safe, a host that forgets it five times is broken
_LOST = (TransportError, ReplyError)
# Failures of Start-HostJob after which the host may have acted: ask for the job.
_UNSETTLED = frozenset({"OperationRunning", "OperationInterrupted", "StoredReplyUnreadable"})


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What is ordered. ``deadline_utc`` is on the host's clock; name and order are one identity."""

    job: str
    file: str
    sha256: str
    deadline_utc: str
    owner: str
    run: str
    arguments: tuple[str, ...] = ()
    progress_paths: tuple[str, ...] = ()
    progress_timeout_seconds: int = 1800
    output_cap_bytes: int = 1_048_576
    relaunch_after_reboot: bool = False
    kind: str = "process"
    low_priority: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of Start-HostJob; what is as usual is left out, as it always was."""
        more: dict[str, Any] = {} if self.kind == "process" else {"kind": self.kind}
        if self.low_priority:
            more["low_priority"] = True
        return {
            "job": self.job,
            "file": self.file,
            "arguments": list(self.arguments),
            "sha256": self.sha256,
            "deadline_utc": self.deadline_utc,
            "progress_paths": list(self.progress_paths),
            "progress_timeout_seconds": self.progress_timeout_seconds,
            "output_cap_bytes": self.output_cap_bytes,
            "relaunch_after_reboot": self.relaunch_after_reboot,
            **more,
        }

    def key(self, attempt: int) -> str:
        """Return the key under which it is sent for the ``attempt``-th time, from 1."""
        return operation_key(
            run=self.run,
            owner=self.owner,
            operation="Start-HostJob",
            parameters=self.parameters(),
            attempt=attempt,
        )


@dataclass(frozen=True, slots=True)
class JobResult:
    """How it went. ``lock`` says who has the host when the outcome is ``locked``."""

    outcome: JobOutcome
    reason: str
    state: JobState | None = None
    lock: dict[str, Any] | None = None
    questions: int = 0
    lost: int = 0  # answers that did not arrive


@dataclass(slots=True)
class JobDriver:
    """One host; ``sleep`` and ``clock`` (monotonic seconds) are injected by tests."""

    transport: Transport
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    spread: Callable[[], float] = random.random
    notice: Sink = silent
    renew_every: float = 300.0  # seconds between heartbeats of the host lock

    def run(self, order: JobOrder, patience: Patience) -> JobResult:
        """Order the job unless the host has it, and watch it to its end."""
        return _Watch(self, order, patience).run()

    def observe(self, job: str) -> JobState:
        """Ask once."""
        return jobs.state(Direct(self.transport), job)

    def output(self, job: str, limit: int = 1_048_576) -> bytes:
        """Collect what the program printed, as far as the host kept it."""
        found = bytearray()
        while len(found) < limit:
            most = min(_CHUNK, limit - len(found))
            chunk = jobs.output(Direct(self.transport), job, len(found), most)
            found += chunk
            if not chunk:
                break
        return bytes(found)

    def remove(self, order: JobOrder) -> bool:
        """Remove the job from the host; whether there was one. Locked while it is at work."""
        key = operation_key(
            run=order.run,
            owner=order.owner,
            operation="Remove-HostJob",
            parameters={"job": order.job},
            attempt=1,
        )
        return jobs.remove(Direct(self.transport), order.job, key)


class _Watch:
    """One run of the driver: the decisions are in `decide`, the talking is here."""

    def __init__(self, driver: JobDriver, order: JobOrder, patience: Patience) -> None:
        self._driver = driver
        self._order = order
        self._patience = patience
        self._memory = Memory()
        self._begun = driver.clock()
        self._state: JobState | None = None
        self._ordering = False
        self._no_ticket = ""  # why the last question was not even sent
        self._renewed = self._begun
        self._orders = self._questions = self._lost = self._pauses = 0

    def run(self) -> JobResult:
        try:
            return self._run()
        except LockedByOther as error:
            return self._result(JobDecision(JobOutcome.LOCKED, str(error)), lock=_lock(error))
        except AuthenticationFailed as error:
            # Never tried again; whatever was ordered goes on without us.
            return self._result(JobDecision(JobOutcome.UNKNOWN, str(error)))
        except ScriptError as error:
            # A refused order launched nothing; a question that fails leaves open what runs.
            outcome = JobOutcome.FAILED if self._ordering else JobOutcome.UNKNOWN
            return self._result(JobDecision(outcome, str(error)))

    def _run(self) -> JobResult:
        while True:
            seen = self._observe()
            self._memory = remember(self._memory, seen, self._driver.clock() - self._begun)
            decision = decide(self._memory, seen, self._patience)
            if isinstance(decision, JobDecision):
                return self._result(decision)
            if isinstance(decision, Order):
                if self._orders >= ORDERS:
                    reason = f"the host took the order {self._orders} times and does not know it"
                    return self._result(JobDecision(JobOutcome.UNKNOWN, reason))
                self._send()
            elif seen is not None:
                self._renew()
            self._pause()

    def _observe(self) -> JobState | None:
        self._questions += 1
        try:
            state = self._driver.observe(self._order.job)
        except AuthenticationFailed as error:
            # A ticket that ran out may be renewed while the job goes on; nothing was sent.
            if not isinstance(error, NoTicket) or not (self._memory.seen or self._orders):
                raise
            self._lose(error)
            self._no_ticket = str(error)
            return None
        except _LOST as error:
            self._lose(error)
            return None
        self._no_ticket = ""
        known = self._state
        new = known is None or (state.state, state.reason) != (known.state, known.reason)
        self._tell(f"{state.state} {state.reason or ''}".rstrip() if new else "")
        self._state = state
        return state

    def _tell(self, said: str) -> None:
        """Report how long it is watched; in words only what is new."""
        job = f"job {self._order.job}"
        self._driver.notice(
            Progress(
                step=job,
                done=self._driver.clock() - self._begun,
                total=self._patience.deadline,
                unit="seconds",
                line=f"{job}: {said}" if said else "",
                deadline=self._order.deadline_utc or None,
            )
        )

    def _send(self) -> None:
        """Send the order. A lost reply says nothing: the next question does."""
        self._ordering = True
        self._orders += 1
        self._pauses = 0
        order = self._order
        try:
            jobs.start(Direct(self._driver.transport), order.parameters(), order.key(self._orders))
        except AuthenticationFailed:
            raise
        except _LOST as error:
            self._lose(error)
        except ScriptError as error:
            reply = failed_reply(error)
            if not (reply and reply.errors and reply.errors[0].id in _UNSETTLED):
                raise
            self._lose(error)
        self._ordering = False

    def _renew(self) -> None:
        """Keep the host lock alive while we wait; whether that worked changes nothing here."""
        now = self._driver.clock()
        if now - self._renewed < self._driver.renew_every:
            return
        self._renewed = now
        try:
            core.renew(Direct(self._driver.transport))
        except NoTicket as error:
            self._lose(error)
        except AuthenticationFailed:
            raise
        except _LOST as error:
            self._lose(error)
        except ScriptError as error:
            self._tell(f"the host lock is lost: {error}")

    def _lose(self, error: Exception) -> None:
        self._lost += 1
        new = isinstance(error, NoTicket) and str(error) != self._no_ticket
        self._tell(str(error) if new else f"no answer ({type(error).__name__})")

    def _pause(self) -> None:
        self._driver.sleep(self._patience.pause(self._pauses, self._driver.spread()))
        self._pauses += 1

    def _result(self, verdict: JobDecision, lock: dict[str, Any] | None = None) -> JobResult:
        reason = f"{verdict.reason}: {self._no_ticket}" if self._no_ticket else verdict.reason
        return JobResult(verdict.outcome, reason, self._state, lock, self._questions, self._lost)


def _lock(error: ScriptError) -> dict[str, Any] | None:
    reply = failed_reply(error)
    details = reply.errors[0].details if reply and reply.errors else None
    return details if isinstance(details, dict) else None
