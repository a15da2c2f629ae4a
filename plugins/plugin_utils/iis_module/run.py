# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the URL Rewrite module on a server before rules are written, and take off what we brought.

The host is the memory: the record says that the module was not there, which MSI and which job bring
it; so whoever is killed at any moment runs the same again and ends in the same state (I15).

==========  ======================================================================================
step        what it does
==========  ======================================================================================
record      notes on the host that the module is not there, before anything is changed
package     brings the MSI of the signed catalogue; the host hashes it
install     msiexec as a durable job; success is what is read back, not the exit code (I18)
remove      the same MSI with ``REMOVE=ALL``, only where :func:`module_decision.not_ours` is silent
forget      deletes the record after the product is gone
==========  ======================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .acts import IisModuleWork, awaited, left_open, noted_msi
from .decision import Need, decide, not_ours
from .jobs import INSTALL, REMOVE, meaning, removes
from .models import IisModuleOutcome, IisModuleStatus
from .steps import forget_step, job_step, record_parameters, record_step, words

if TYPE_CHECKING:
    from ..change.session import HostSession
    from ..host.calls.iis_module import ModuleState
    from ..plan.records import Step
    from ..trust.packages.iis_module_records import ModuleRecord
    from .decision import Decision
    from .jobs import MsiexecEnd
    from .models import IisModuleRuntime

_SHOWN = 5  # files that a message names
# learn.microsoft.com, Exchange Emergency Mitigation service: its mitigations are rules of URL Rewrite;
# setup of 2016 CU22 stops without the module (its log in OTRF/Blacksmith issue 21).
_NEEDED = (
    "the cumulative update that brought the service MSExchangeMitigation (2016 CU22, 2019 CU11) and "
    "every later one need the module at setup, and that service writes rules for it; it stays"
)


def ensure(session: HostSession, runtime: IisModuleRuntime) -> IisModuleOutcome:
    """Install the module unless it is there; the host lock is held unless ``tools.check``.

    :raises RemediationError: the line broke for good, or another controller has the host.
    """
    return _Ensure(IisModuleWork.begin(session, runtime)).go()


def remove(session: HostSession, runtime: IisModuleRuntime) -> IisModuleOutcome:
    """Remove the module if we installed it and no configuration needs it; as :func:`ensure`."""
    return _Remove(IisModuleWork.begin(session, runtime)).go()


@dataclass(slots=True)
class _Ensure:
    """Installing."""

    acts: IisModuleWork

    def go(self) -> IisModuleOutcome:
        acts = self.acts
        resumed, state = acts.settle(acts.before)
        if resumed and resumed.end.open_end:
            step = awaited(acts, state, resumed, INSTALL)
            return left_open(acts, state, resumed, (step,) if step else ())
        decision = self._decide(state)
        if decision.need is Need.REFUSED:
            return acts.end(IisModuleStatus.REFUSED, decision.reason, state)
        if decision.need is Need.NOTHING:
            status = IisModuleStatus.INSTALLED if resumed else IisModuleStatus.PRESENT
            return acts.end(status, decision.reason, state, resumed)
        module = decision.module
        assert module is not None  # noqa: S101 - a decision to install names one
        if acts.runtime.check:
            steps = self._plan(decision, module)
            return acts.end(IisModuleStatus.PLANNED, decision.reason, state, steps=steps)
        return self._install(state, module)

    def _decide(self, state: ModuleState) -> Decision:
        runtime = self.acts.runtime
        return decide(state, runtime.knowledge, runtime.modules)

    def _plan(self, decision: Decision, module: ModuleRecord) -> tuple[Step, ...]:
        """The operations that installing carries out, in their order."""
        acts = self.acts
        job = acts.installs.name(acts.installs.last()[0] + 1)
        noted = record_parameters(acts.runtime.knowledge, module, job, acts.session.run)
        steps = (record_step(noted, decision.reason), *acts.package(module))
        return (*steps, job_step(module, job, INSTALL, steps))

    def _install(self, state: ModuleState, module: ModuleRecord) -> IisModuleOutcome:
        acts, jobs = self.acts, self.acts.installs
        number, last = jobs.last()
        job = jobs.name(number)
        # A killed life of this run has ordered it: its end is judged, nothing is ordered again.
        if state.noted and state.noted.job == job and last and last.attempt:
            ended = meaning(jobs.watch(job))
            if not ended.busy:
                return self._judge(ended, module)
        for attempt in acts.attempts(after=number):
            acts.note(module, jobs.name(attempt))
            path = acts.deliver(module)
            state = acts.read()
            if state.present is not False:
                return self._overtaken(state)
            ended = acts.run(jobs, attempt, path, module, INSTALL)
            if not ended.busy:
                break
        return self._judge(ended, module)

    def _overtaken(self, state: ModuleState) -> IisModuleOutcome:
        """Somebody else was faster, so it is not ours."""
        decision = self._decide(state)
        good = decision.need is Need.NOTHING
        status = IisModuleStatus.PRESENT if good else IisModuleStatus.REFUSED
        return self.acts.end(status, f"it came meanwhile: {decision.reason}", state)

    def _judge(self, ended: MsiexecEnd, module: ModuleRecord) -> IisModuleOutcome:
        acts = self.acts
        state = acts.read()
        if ended.end.open_end:
            return acts.end(IisModuleStatus.UNKNOWN, ended.text, state, ended)
        decision = self._decide(state)
        there = any(one.code == module.product_code for one in state.products)
        if decision.need is Need.NOTHING and there and (ended.good or ended.end.cut):
            return acts.end(IisModuleStatus.INSTALLED, decision.reason, state, ended)
        if state.present is not False:
            return acts.end(IisModuleStatus.FAILED, f"{ended.text} {decision.reason}", state, ended)
        # It is judged: whoever runs it again wants another attempt.
        acts.forget()
        reason = f"{ended.text} The module is not there."
        return acts.end(IisModuleStatus.FAILED, reason, acts.read(), ended)


@dataclass(slots=True)
class _Remove:
    """Taking off."""

    acts: IisModuleWork

    def go(self) -> IisModuleOutcome:
        acts = self.acts
        resumed, state = acts.settle(acts.before)
        if resumed and resumed.end.open_end:
            step = awaited(acts, state, resumed, REMOVE)
            code = state.noted.product_code if state.noted else ""
            forget = forget_step(
                words(self.acts.runtime.knowledge), code, resumed.text, alone=False
            )
            return left_open(acts, state, resumed, (step, forget) if step else ())
        if state.present is None:
            why = f"the module cannot be read: {state.why('presence')}"
            return acts.end(IisModuleStatus.REFUSED, why, state)
        if not state.present:
            return self._forget(state, resumed)
        if reason := not_ours(state):
            return acts.end(IisModuleStatus.NOT_OURS, reason, state)
        if objection := self._objection(state):
            return acts.end(IisModuleStatus.REFUSED, objection, state)
        return self._take_off(state)

    def _objection(self, state: ModuleState) -> str | None:
        """Why our own module has to stay."""
        if state.exchange_needs_it is None:
            why = state.why("exchange_needs_it")
            return f"whether Exchange itself needs the module cannot be read: {why}"
        if state.exchange_needs_it:
            return _NEEDED
        if state.uses is None:
            return f"whether a configuration needs the module cannot be read: {state.why('uses')}"
        uses = [file for file in state.uses if file.casefold() not in self.acts.runtime.undone]
        if uses:
            more = " and others" if len(uses) > _SHOWN else ""
            return (
                f"rules of URL Rewrite stand in {', '.join(uses[:_SHOWN])}{more}; without the "
                "module IIS answers 500.19 there. Take them out first, or keep the module"
            )
        if noted_msi(self.acts, state) is None:
            digest = state.noted.sha256 if state.noted else "?"
            return (
                f"the MSI with SHA-256 {digest}, by which the module was installed, is not in the "
                "package catalogue; bring it again with 'exchange-remediation package add'"
            )
        return None

    def _take_off(self, state: ModuleState) -> IisModuleOutcome:
        acts = self.acts
        noted, module = state.noted, noted_msi(self.acts, state)
        assert noted is not None  # noqa: S101 - without a record it is not ours
        assert module is not None  # noqa: S101 - its lack was an objection
        jobs = acts.jobs(removes(noted))
        number, _ = jobs.last()
        if acts.runtime.check:
            reason = "we installed it, and nothing needs it any more"
            steps = acts.package(module)
            job = job_step(module, jobs.name(number + 1), REMOVE, steps)
            forget = forget_step(
                words(self.acts.runtime.knowledge), noted.product_code, reason, alone=False
            )
            steps = (*steps, job, forget)
            return acts.end(IisModuleStatus.PLANNED, reason, state, steps=steps)
        for attempt in acts.attempts(after=number):
            path = acts.deliver(module)
            ended = acts.run(jobs, attempt, path, module, REMOVE)
            if not ended.busy:
                break
        return self._judge(ended)

    def _judge(self, ended: MsiexecEnd) -> IisModuleOutcome:
        acts = self.acts
        state = acts.read()
        if ended.end.open_end:
            return acts.end(IisModuleStatus.UNKNOWN, ended.text, state, ended)
        if state.present is False and (ended.good or ended.end.cut):
            return self._forget(state, ended)
        found = (
            "The module is not there." if state.present is False else "The module is still there."
        )
        return acts.end(IisModuleStatus.FAILED, f"{ended.text} {found}", state, ended)

    def _forget(self, state: ModuleState, ended: MsiexecEnd | None) -> IisModuleOutcome:
        """The module is gone: so is what was noted about it."""
        acts = self.acts
        if state.noted is None:
            return acts.end(IisModuleStatus.ABSENT, "the module is not there", state, ended)
        reason = "the module that we installed is not there any more"
        if acts.runtime.check:
            step = forget_step(
                words(self.acts.runtime.knowledge), state.noted.product_code, reason, alone=True
            )
            return acts.end(IisModuleStatus.PLANNED, reason, state, steps=(step,))
        acts.forget()
        return acts.end(IisModuleStatus.REMOVED, reason, acts.read(), ended)
