# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts a host and waits until it answers from another boot; boot times are not trusted."""

from __future__ import annotations

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
from .decide import JobOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...base.progress import Sink
    from ..transport.base import Transport

_NO_TICKET_PAUSE = 30.0
RESTART_SECONDS = 3600.0  # until another boot is seen; Windows may install updates meanwhile


@dataclass(frozen=True, slots=True)
class RestartResult:
    """``finished`` = the host answers from another boot, ``unknown`` = not seen in time."""

    outcome: JobOutcome
    reason: str
    before: str | None
    after: str | None = None
    seconds: float = 0.0


def other_boot(one: str | None, two: str | None) -> bool:
    """Tell whether a part that both boot identities have differs."""
    parts = [
        dict(part.split(":", 1) for part in (text or "").split(";") if ":" in part)
        for text in (one, two)
    ]
    return any(parts[0][name] != parts[1][name] for name in parts[0].keys() & parts[1].keys())


@dataclass(slots=True)
class Restart:
    """One restart of one host; ``sleep`` and ``clock`` are injected by tests."""

    transport: Transport
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    notice: Sink = silent

    def run(
        self,
        *,
        run: str,
        step: str,
        owner: str,
        reason: str,
        delay: int = 15,
        timeout: float = RESTART_SECONDS,
    ) -> RestartResult:
        """Restart the host once for this run and step, and wait for the new boot."""
        begun = self.clock()
        before, why = self._boot_id(begun + timeout)
        if before is None:
            reason = f"the boot identity cannot be read{why}"
            return RestartResult(JobOutcome.FAILED, reason, None)
        parameters = {"delay_seconds": delay, "reason": reason}
        key = operation_key(
            run=run, owner=owner, operation="Restart-Host", step=step, parameters=parameters
        )
        try:
            before = self._order(parameters, key, begun + timeout) or before
        except LockedByOther as error:
            return RestartResult(JobOutcome.LOCKED, str(error), before)
        except AuthenticationFailed as error:
            return RestartResult(JobOutcome.UNKNOWN, str(error), before)
        except ScriptError as error:
            return RestartResult(JobOutcome.FAILED, str(error), before)
        except (TransportError, ReplyError):
            pass  # whether it was ordered shows in the boot identity
        return self._wait(before, begun, timeout, delay)

    def _wait(self, before: str, begun: float, timeout: float, delay: int) -> RestartResult:
        pause = float(delay)
        while True:
            self.sleep(pause)
            seconds = self.clock() - begun
            self.notice(Progress(step="restart", done=seconds, total=timeout, unit="seconds"))
            try:
                after = self._ask()
            except NoTicket:
                after = None  # nothing was sent; the next one finds a ticket that was renewed
            except AuthenticationFailed as error:
                return RestartResult(JobOutcome.UNKNOWN, str(error), before, None, seconds)
            except (TransportError, ReplyError, ScriptError):
                after = None
            if other_boot(before, after):
                return RestartResult(JobOutcome.FINISHED, "", before, after, seconds)
            if seconds >= timeout:
                why = "no other boot was seen in time"
                return RestartResult(JobOutcome.UNKNOWN, why, before, after, seconds)
            pause = min(30.0, max(5.0, pause * 1.3))

    def _order(self, parameters: dict[str, Any], key: str, until: float) -> str | None:
        """Order it; without a ticket nothing was sent, so it is ordered when there is one."""
        while True:
            try:
                return jobs.restart(Direct(self.transport), parameters, key)
            except NoTicket:
                if self.clock() >= until:
                    raise
            self.sleep(_NO_TICKET_PAUSE)

    def _boot_id(self, until: float) -> tuple[str | None, str]:
        """Return the boot, or None and why it cannot be read."""
        pause = 2.0
        while True:
            try:
                return self._ask(), ""
            except (TransportError, ReplyError) as error:
                final = isinstance(error, AuthenticationFailed) and not isinstance(error, NoTicket)
                if final or self.clock() >= until:
                    return None, f": {error}"
            self.sleep(pause)
            pause = min(30.0, pause * 1.6)

    def _ask(self) -> str | None:
        return core.boot_id(Direct(self.transport))
