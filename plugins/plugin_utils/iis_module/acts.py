# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one host about the URL Rewrite module, and what was changed on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..base.progress import Progress
from ..facts.read import moment
from ..host.calls.iis_module import (
    ModuleState,
    ask,
    read_module_state,
    remove_record,
    save_record,
)
from ..host.calls.jobs import state as job_state
from ..host.jobs.attempts import Attempts, JobEnd, at_work
from ..host.jobs.decide import JobOutcome
from ..host.jobs.driver import JobDriver
from ..host.transfer.bring import bring
from ..host.transfer.order import Delivery
from .jobs import INSTALL, REMOVE, MsiexecEnd, installs, meaning, msiexec, removes
from .models import BUSY_PAUSE, IisModuleOutcome, IisModuleStatus
from .steps import (
    ACTS,
    BASE,
    FORGET,
    PACKAGE,
    RECORD,
    job_step,
    package_step,
    record_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ..change.session import HostSession
    from ..plan.records import Step
    from ..trust.packages.iis_module_records import ModuleRecord
    from .models import IisModuleRuntime


@dataclass(slots=True)
class IisModuleWork:
    """One invocation on one host."""

    session: HostSession
    runtime: IisModuleRuntime
    token: str
    host_now: datetime
    before: ModuleState = field(default_factory=ModuleState)
    changed: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, session: HostSession, runtime: IisModuleRuntime) -> IisModuleWork:
        """Read what is there."""
        acts = cls(session, runtime, runtime.token(), runtime.now())
        acts.before = acts.read()
        return acts

    def read(self) -> ModuleState:
        """What is on the host now."""
        known = self.runtime.knowledge
        reply = ask(self.session, known.words, [product.code for product in known.products])
        self.host_now = moment(reply.host.clock) or self.runtime.now()
        return read_module_state(reply)

    def jobs(self, base: str) -> Attempts:
        """The jobs whose names begin with ``base``."""
        session, runtime = self.session, self.runtime
        driver = JobDriver(
            session.transport, session.sleep, runtime.clock, runtime.spread, runtime.notice
        )
        return Attempts(session, driver, base, runtime.seconds)

    @property
    def installs(self) -> Attempts:
        """The installations of this run."""
        return self.jobs(installs(self.session.run))

    def settle(self, state: ModuleState) -> tuple[MsiexecEnd | None, ModuleState]:
        """Wait for a job of ours that is still at work, whichever run ordered it."""
        if state.noted is None:
            return None, state
        job, jobs = state.noted.job, self.jobs(removes(state.noted))
        if not at_work(job_state(self.session, job)):
            number, last = jobs.last()
            if not at_work(last):
                return None, state
            job = jobs.name(number)
        if self.runtime.check:
            end = JobEnd(job, JobOutcome.UNKNOWN, "it is at work", launched=True)
            return MsiexecEnd(end, end.reason), state
        ended = meaning(jobs.watch(job))
        self._note(ended)
        return ended, self.read()

    def note(self, module: ModuleRecord, job: str) -> None:
        """Note on the host that the module is not there, before anything is changed."""
        noted = record_parameters(self.runtime.knowledge, module, job, self.session.run)
        new = save_record(self.session, noted, f"{RECORD}@{self.token}")
        self.changed = self.changed or new

    def forget(self) -> None:
        """Delete what was noted."""
        words = self.runtime.knowledge.words
        there = remove_record(self.session, words, f"{FORGET}@{self.token}")
        self.changed = self.changed or there

    def package(self, module: ModuleRecord) -> tuple[Step, ...]:
        """Plan the bringing of the MSI; nothing where the host has it."""
        delivery = self._delivery(module)
        state = self.session.again(delivery.state).state
        return () if state == "complete" else (package_step(delivery.wanted(), state),)

    def deliver(self, module: ModuleRecord) -> str:
        """Bring the MSI; the host hashes it, and once more right before the launch (I10)."""
        delivery = self._delivery(module)
        delivered = bring(self.session, PACKAGE, delivery, self.runtime.deliver)
        self.changed = self.changed or delivered.changed
        self.details["sent"] = self.details.get("sent", 0) + delivered.sent
        return delivered.path

    def run(
        self, jobs: Attempts, number: int, path: str, module: ModuleRecord, act: str
    ) -> MsiexecEnd:
        """Order an attempt unless the host has it, and watch it to its end."""
        job = jobs.name(number)
        about = {"step": ACTS[act], "operation": "Start-HostJob", "job": job}
        self.session.record("intent", {**about, "file": path, "sha256": module.sha256})
        command = msiexec(path, module, job, act, self.runtime.seconds)
        ended = meaning(jobs.order(number, command, self.host_now))
        self.session.record("done", {**about, "result": ended.details()})
        self._note(ended)
        host, step = self.runtime.host, ACTS[act]
        self.runtime.notice(Progress(host, step=step, line=f"{host}: {step}: {ended.reason}"))
        return ended

    def attempts(self, after: int) -> Iterator[int]:
        """Count one attempt after the other; between them another installation may end."""
        for attempt in range(after + 1, after + 1 + self.runtime.busy_attempts):
            if attempt > after + 1:
                self._pause()
            yield attempt

    def _pause(self) -> None:
        self.session.sleep(BUSY_PAUSE)
        self.session.lock(f"{BASE}: another installation is at work")

    def end(
        self,
        status: IisModuleStatus,
        reason: str,
        state: ModuleState,
        ended: MsiexecEnd | None = None,
        steps: tuple[Step, ...] = (),
    ) -> IisModuleOutcome:
        """Put the outcome together."""
        if ended is not None:
            self.details |= ended.details()
        return IisModuleOutcome(
            status,
            reason,
            changed=self.changed,
            steps=steps,
            before=self.before.shown(),
            after=state.shown(),
            reboot_required=bool(ended and ended.restart),
            details=self.details,
        )

    def _note(self, ended: MsiexecEnd) -> None:
        self.changed = self.changed or ended.end.launched

    def _delivery(self, module: ModuleRecord) -> Delivery:
        session = self.session
        runtime = self.runtime
        return Delivery(
            session.transport, runtime.host, session.run, session.owner, module, runtime.notice
        )


def noted_msi(acts: IisModuleWork, state: ModuleState) -> ModuleRecord | None:
    """The MSI by which the module was installed, as the catalogue has it."""
    digest = state.noted.sha256 if state.noted else None
    return next((one for one in acts.runtime.modules if one.sha256 == digest), None)


def awaited(acts: IisModuleWork, state: ModuleState, ended: MsiexecEnd, act: str) -> Step | None:
    """The job of a run that was killed, where it does what is wanted: a plan waits for it."""
    module, noted = noted_msi(acts, state), state.noted
    if not acts.runtime.check or module is None or noted is None:
        return None
    found = REMOVE if ended.job.startswith(removes(noted)) else INSTALL
    return job_step(module, ended.job, act, ()) if found == act else None


def left_open(
    acts: IisModuleWork, state: ModuleState, ended: MsiexecEnd, steps: tuple[Step, ...]
) -> IisModuleOutcome:
    """A job of ours is at work: a plan waits for it, a change that has waited knows no more."""
    status = IisModuleStatus.PLANNED if steps else IisModuleStatus.UNKNOWN
    return acts.end(status, ended.text, state, ended, steps=steps)
