# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows an installation, whatever was installed: restart, start types, proof, lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..base.errors import LockedByOther
from ..base.progress import Progress
from ..catalog.failures import failure
from ..change.admission import StalePlan
from ..change.run import Broken, ChangeRun
from ..facts.read import Facts
from ..host.calls import updates
from ..host.jobs.decide import JobOutcome
from ..host.jobs.restart import Restart, other_boot
from .models import Holds, InstallState, InstallVerdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.errors import RemediationError
    from .host import InstallSession
    from .models import HostReading
    from .request import InstallRequest
    from .result import InstallResult
    from .runtime import InstallRuntime

_USABLE_PAUSE = 15.0
# What Exchange needs time for after a restart; anything else that is wrong stays wrong.
_COMES_UP = ("services", "probe", "pools", "components")
_STATES = {
    Broken.STALE_PLAN: InstallState.STALE_PLAN,
    Broken.STOPPED: InstallState.STOPPED,
    Broken.UNKNOWN: InstallState.UNKNOWN,
}
_RENEW = 240.0  # seconds; silent for ten minutes another run may take the host


@dataclass(slots=True)
class InstallRun:
    """The steps after the installer, with their entries in the result. ``purpose``: patch, upgrade."""

    request: InstallRequest
    host: InstallSession
    runtime: InstallRuntime
    result: InstallResult
    purpose: str
    update: str = ""
    renewed: float = 0.0
    change: ChangeRun = field(init=False)

    def __post_init__(self) -> None:
        """Begin the change of this server."""
        host = self.request.host
        self.change = ChangeRun(
            self.host, host, self.purpose, self.runtime.notice, self.result.done, installs=True
        )

    def begin(self, step: str) -> None:
        """Note in the journal what is sent next, where that is no single change of the session."""
        planned = self.result.planned.steps if self.result.planned else ()
        about = {s.id: {"operation": s.operation, "parameters": s.parameters} for s in planned}
        self.change.begin(step, about.get(step, {}))

    def did(self, step: str, *, changed: bool, **details: Any) -> None:
        """Note a step in the result, and in the journal if it was begun there."""
        self.change.did(step, changed=changed, **details)
        self.result.changed = self.change.changed

    def end(
        self, state: InstallState, reason: str, name: str | None = None, code: str | None = None
    ) -> None:
        """Set the verdict; ``name`` is a known failure, ``code`` that of an error that ended it."""
        named = (failure(name, reason),) if name else ()
        self.result.outcome = InstallVerdict(state, reason, failures=named, code=code)

    def broken(self, how: Broken, error: RemediationError) -> None:
        """Set the verdict after an error: before anything was changed nothing is wrong."""
        plain = isinstance(error, (StalePlan, LockedByOther))
        words = str(error) if plain else f"{error.code}: {error}"
        self.end(_STATES[how], words, code=error.code)

    def lock(self) -> None:
        """Take the host lock, or renew it."""
        self.change.lock(f"{self.purpose} {self.update}")
        taken = self.change.lock_record
        if taken is not None and taken.state == "taken-over":
            self.result.lock = {"reason": taken.reason, "previous": taken.previous}
        self.renewed = self.runtime.clock()

    def restart(self, installed: HostReading, boot: str | None) -> bool:
        """Restart Windows and renew the lock; false ends the run.

        ``boot``: the boot in which the installer was launched, ``None`` where an earlier run did it.
        Not where Windows has been restarted since, unless a restart is pending again.
        """
        pending = Facts.of(installed.facts, installed.errors).listing("pending_reboot")
        since = boot is None or other_boot(boot, installed.boot_id)
        if since and pending.whole and not pending.rows:
            self.did("restart", changed=False)
            return True
        self.begin("restart")
        restart = Restart(
            self.host.transport, self.runtime.sleep, self.runtime.clock, self.runtime.notice
        )
        done = restart.run(
            run=self.request.run,
            # Once from each boot: whoever goes on after a kill orders the same one.
            step=f"{self.purpose} {self.update} from {installed.boot_id}",
            owner=self.host.owner,
            reason=f"Exchange update {self.update}",
        )
        self.did("restart", changed=True, outcome=done.outcome.value, seconds=done.seconds)
        if done.outcome is not JobOutcome.FINISHED:
            self.end(InstallState.UNKNOWN, f"The restart: {done.reason}.")
            return False
        # A restart makes a lock of the other boot stale: it is renewed before anything is changed.
        self.lock()
        return True

    def restore(self) -> None:
        """Give services the start types of the record."""
        restored = updates.restore_start_types(self.host, self.update, "restore")
        self.did("restore", changed=restored.changed, after=restored.after)

    def prove(self, verdict: Callable[[HostReading], InstallVerdict]) -> InstallVerdict:
        """Judge until every condition holds, or Exchange had its time to come up."""
        begun, longest = self.runtime.clock(), self.request.usable_seconds
        until = begun + longest
        while True:
            outcome = verdict(self.host.observe(self.update))
            waiting = [c for c in outcome.wrong if c.condition in _COMES_UP]
            others = [c for c in outcome.wrong if c not in waiting and c.holds is Holds.NO]
            if not waiting or others or self.runtime.clock() >= until:
                self.result.outcome = outcome
                self.did("prove", changed=False)
                return outcome
            self.runtime.sleep(_USABLE_PAUSE)
            waited = self.runtime.clock() - begun
            self.runtime.notice(Progress(step="prove", done=waited, total=longest, unit="seconds"))
            if self.runtime.clock() - self.renewed > _RENEW:
                self.lock()
