# SPDX-License-Identifier: GPL-3.0-or-later
"""Install one update on one server: observe, decide, act, read back.

The host is the memory. Whoever is killed at any moment runs again, under the same name or another
day: the record of the state before leads to the job that belongs to it, and both are continued,
never repeated (I15). A record goes when the update is proven, and when the server is as it was.

====================  =============================================================================
step                  what it does
====================  =============================================================================
check                 facts, choice and every check before; anything that stops, stops here
lock                  and looks again: what another run did in between is not done twice (I16)
snapshot              records start types, pools, hashes on the host, once
deliver               brings the package; the host hashes it
install               a durable job, watched; it is never ended from here
restart               explicit, by boot identity
restore               start types from the record
prove                 waits until Exchange is usable and judges the conditions (I18)
====================  =============================================================================
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..base.errors import (
    HostConflict,
    LockedByOther,
    RemediationError,
    ReplyError,
    TransportError,
)
from ..catalog.failures import ExitClass, ExitCode
from ..change.admission import StalePlan
from ..facts.read import Facts, moment
from ..host.calls import updates
from ..host.jobs.attempts import ENDED
from ..host.jobs.state import INTERRUPTED, REFUSED
from ..host.transfer.order import Delivery
from ..judge.role import scope_conflict
from .begin import NO_UPDATE, StartingPoint
from .checks import blocking
from .components import Maintenance
from .host import BINARIES, InstallSession
from .install_run import InstallRun
from .installation import ReadingsAround
from .installer import Installer, InstallerEnd
from .models import Action, HostReading, InstallState, InstallVerdict, UpdateSelection
from .reading import at_work
from .result import InstallResult

if TYPE_CHECKING:
    from ..change.run import Broken
    from ..host.transport.base import Transport
    from ..host.transport.reply import Reply
    from .installation import Installation
    from .request import InstallRequest
    from .runtime import InstallRuntime

# A server in one of these is said to be as it was before.
_WRONG = (InstallState.STOPPED, InstallState.STALE_PLAN, InstallState.NOT_PATCHED)
_EARLIER = ExitCode(None, ExitClass.OK, "earlier", "An earlier run installed it.")


def install_on(
    request: InstallRequest,
    transport: Transport,
    runtime: InstallRuntime,
    installation: Installation,
) -> InstallResult:
    """Install one thing of this kind; never raises a :class:`RemediationError`."""
    machine = _Run(request, transport, runtime, installation)
    with machine.run.change.of(machine.broken):
        machine.go()
        machine.settle()
        if machine.result.outcome.state is InstallState.UNKNOWN:
            machine.run.change.at_work()  # an installer may be: the lock stays
    machine.result.commands = machine.host.asked
    return machine.result


class _Run:
    """One run on one host."""

    def __init__(
        self,
        request: InstallRequest,
        transport: Transport,
        runtime: InstallRuntime,
        installation: Installation,
    ) -> None:
        self.request = request
        self._installation = installation
        self.runtime = runtime
        self.host = InstallSession(
            transport,
            request.run,
            request.holder,
            runtime.sleep,
            runtime.record,
            controller=request.owner,
            takeover=request.takeover,
            # Another life of this run asks with other keys: what it repeats may be done twice.
            attempt=secrets.token_hex(8),
            life=runtime.life,
            claim=runtime.claim,
        )
        self.result = InstallResult(InstallVerdict(InstallState.UNKNOWN, "not begun"))
        self.run = InstallRun(request, self.host, runtime, self.result, installation.purpose)
        self._before = HostReading(None)
        self._start = StartingPoint(UpdateSelection(Action.STOP, "not begun", None))
        self._fresh = False  # nothing of it was launched yet
        self._job = Installer(
            request, self.host, runtime, words=installation.words, classify=installation.classify
        )
        self._host_now = runtime.now()

    # The end -----------------------------------------------------------------------------

    def broken(self, how: Broken, error: RemediationError) -> None:
        """End it after an error."""
        self.run.broken(how, error)
        self.settle(error)

    def settle(self, error: RemediationError | None = None) -> None:
        """Find out whether the server may serve again, where it is said to be as it was.

        Not while another run has it, or an installer is at work, or nobody could say so (I16, I19).
        """
        state = self.result.outcome.state
        if state in _WRONG:
            self.result.left_alone = self._left_alone(state, error)

    def _left_alone(self, state: InstallState, error: RemediationError | None) -> bool:
        if isinstance(error, (LockedByOther, TransportError, ReplyError)):
            return False
        begun = self._start.recorded is not None
        if error is not None and begun and not isinstance(error, StalePlan):
            return False
        if state is not InstallState.NOT_PATCHED and not self._fresh:
            return False
        if self.request.check:
            return True
        try:
            return self.host.left_alone()
        except RemediationError:
            return False

    # The way -----------------------------------------------------------------------------

    def go(self) -> None:
        if not self._decide() or self.request.check:
            return
        self._lock()
        # Facts and snapshot are not of one moment: only what is read under the lock is decided upon.
        if not self._decide():
            return
        if self._fresh:
            self._installation.prepare(self.run)
        self._snapshot()
        over = self._look_over()
        ended = over or self._installed()
        if ended.code is None:
            self._forget_if_nothing_ran(ended)
            return
        self._afterwards(ended.code, ended.boot_id)

    def _lock(self) -> None:
        """Take the lock; a silent run of this owner may have left an installer, which is awaited."""
        try:
            self.run.lock()
        except LockedByOther:
            if not (self._start.recorded and self.host.held_by_controller()):
                raise
            if not self._job.watch():
                raise
            self.run.lock()

    def _decide(self) -> bool:
        """Read everything and decide; false ends the run with its verdict."""
        self._fresh = False
        reply = self.host.facts()
        self._host_now = moment(reply.host.clock) or self.runtime.now()
        facts = Facts.of(reply.result, reply.errors)
        conflict = scope_conflict(facts)
        if conflict and facts.value("exchange", "installed") is False:
            raise HostConflict(conflict)
        start = self._start = self._installation.begin(self.run, facts)
        choice = self.result.choice = start.choice
        self._job.update = self.run.update = start.update
        self._job.series = start.series
        if choice.action is not Action.INSTALL:
            self._fresh = all(name.endswith(NO_UPDATE) for name in start.begun)
            if conflict:  # whatever the build says, which it says itself
                raise HostConflict(conflict)
            state = InstallState.STOPPED
            if choice.action is Action.NOTHING:
                state = InstallState.NOTHING_TO_DO
                self._clear_lock()
            self.run.end(state, choice.reason)
            return False
        recorded = start.recorded
        self._before = HostReading(reply.result, recorded["state"] if recorded else start.now)
        launched = recorded is not None and self._launched()
        reached = recorded is not None and start.reached and not self.request.repair
        self._fresh = not (launched or reached)
        self._look_for_another()
        if self._fresh and not self._may_start(reply):
            return False
        self.result.planned = self._installation.plan(
            self.run, start, reply, installed=reached and not launched
        )
        self.runtime.admit(self.result.planned)
        if self.request.check:
            self.run.end(InstallState.PLANNED, choice.reason)
        return True

    def _look_for_another(self) -> None:
        """Stop a run that only looks where one that installs would not get the lock."""
        if not self.request.check or self._start.lock is None:
            return
        job = self._start.recorded is not None and self._job.at_work()
        if kept := self.host.kept_from(job=job):
            raise LockedByOther(kept)

    def _clear_lock(self) -> None:
        """Take back the lock of a run of this owner that died right before it would have done so."""
        lock = self._start.lock
        if self.request.check or self.run.change.locked or lock is None:
            return
        if lock.get("controller") == self.request.owner:
            with suppress(LockedByOther):
                self.run.lock()

    def _launched(self) -> bool:
        """Whether an installer was launched for this record that is to be followed to its end.

        One that was refused was not; one that is over is not followed where it is to be repaired.
        """
        last = self._job.last()
        if last is None or last.state == REFUSED:
            return False
        return not (self.request.repair and last.state in ENDED)

    def _may_start(self, reply: Reply) -> bool:
        found = self.result.prechecks = self._installation.checks(self.run, self._start, reply)
        if stops := blocking(found):
            words = " ".join(check.summary for check in stops)
            known = scope_conflict(Facts.of(reply.result, reply.errors)) is None
            code = None if known else HostConflict.code
            self.run.end(InstallState.STOPPED, words, code=code)
            return False
        return True

    # Steps -------------------------------------------------------------------------------

    def _snapshot(self) -> None:
        recorded = self._start.recorded
        if recorded is not None and not self._start.reached and self._job.last() is None:
            # Nothing was launched since: services may have changed for good reasons meanwhile.
            self._forget("renew")
        saved = updates.save_snapshot(self.host, self._start.update, BINARIES, "snapshot")
        if saved.state is not None:
            self._before = replace(self._before, snapshot=saved.state)
            self._job.series = saved.recorded
        self.run.did("snapshot", changed=saved.changed)

    def _forget(self, step: str) -> None:
        """Delete the record of the state before."""
        updates.remove_snapshot(self.host, self._start.update, step)

    def _forget_if_nothing_ran(self, ended: InstallerEnd) -> None:
        if ended.state is not InstallState.STOPPED or ended.launched:
            return
        with suppress(LockedByOther):
            if not self._launched():
                self._installation.close(self.run, self._start, over=True)
                self._forget("nothing-ran")

    def _look_over(self) -> InstallerEnd | None:
        """Nothing to install: an earlier run did it, or what it left was found to be whole."""
        start = self._start
        if not start.reached or start.recorded is None:
            return None
        last = self._job.last()
        if last is None and not self.request.repair:
            return InstallerEnd(_EARLIER, launched=False)
        if self.request.repair and (last is None or last.state in ENDED):
            seen = self.host.observe(start.update)
            boot = last.boot_id if last else None
            if not self._judge(ReadingsAround(self._before, seen), _EARLIER).wrong:
                return InstallerEnd(_EARLIER, launched=False, boot_id=boot)
        return None

    def _installed(self) -> InstallerEnd:
        """Deliver and install."""
        request, package = self.request, self._start.choice.package
        if package is None:
            reason = "There is no package of the signed catalogue to install."
            self.run.end(InstallState.STOPPED, reason)
            return InstallerEnd(None, launched=False, state=InstallState.STOPPED)
        delivery = Delivery(
            self.host.transport,
            request.host,
            request.run,
            self.host.owner,
            package,
            self.runtime.notice,
        )
        self.run.begin("deliver")
        delivered = self.host.again(lambda: self.runtime.deliver(delivery))
        self.run.did("deliver", changed=delivered.changed, bytes=delivered.sent)
        self.run.change.acted = True
        self.run.begin("install")
        ended = self._job.install(delivered.path, package, self._host_now, again=request.repair)
        self.run.did("install", changed=ended.launched, **ended.details)
        self.result.exit_code = ended.code.code if ended.code else None
        if ended.code is None:
            self.run.end(ended.state, ended.reason, ended.failure)
        return ended

    def _judge(self, seen: ReadingsAround, code: ExitCode) -> InstallVerdict:
        return self._installation.judge(self.run, self._start, seen, code)

    def _afterwards(self, code: ExitCode, boot: str | None) -> None:
        """Restart, restore, prove. After a code that nobody knows nothing more is done (I19)."""
        self.run.change.acted = True
        start, before = self._start, self._before
        installed = self.host.observe(start.update)
        if code.kind is ExitClass.UNKNOWN:
            self.result.outcome = self._judge(ReadingsAround(before, installed), code)
            return
        if code.name == INTERRUPTED and (names := at_work(installed)):
            # Its runner is gone, it is not: services are not put right under its hands.
            reason = (
                f"Nobody watches the installer any more, and it is at work: {', '.join(names)}."
            )
            self.run.end(InstallState.UNKNOWN, f"{reason} Wait for its end, then run again.")
            return
        wanted = self.request.restart and self._installation.restarts(start, code, installed)
        if wanted and not self.run.restart(installed, boot):
            return
        self.run.restore()
        outcome = self.run.prove(
            lambda seen: self._judge(ReadingsAround(before, seen, installed), code)
        )
        # In the maintenance mode of this run it is not over: it goes on after that was left.
        proven = outcome.state is InstallState.PATCHED
        done = proven and self.request.maintenance is not Maintenance.ENTERED
        over = done or outcome.state is InstallState.NOT_PATCHED
        self._installation.close(self.run, start, over=over)
        if over:
            self._forget("proven")
