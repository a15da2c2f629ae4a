# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigate one server, or take mitigations off again: observe, choose, ask, act, read back, try.

The host is the memory: it holds the undo records and compares by full content, so whoever is
killed at any moment runs the same again and ends in the same state (I15).

====================  =============================================================================
step                  what it does
====================  =============================================================================
choose                from facts to the steps that are needed; unknown stops (I19)
preview               the host says what each step would do, and what it refuses; changes nothing
probe                 our own requests to the front end, before
apply                 one keyed change after the other, under the host lock
prove                 facts and requests again; "mitigated" means that the request is refused
====================  =============================================================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...base.errors import (
    ConfigError,
    HostConflict,
    LanguageModeRefused,
    LockedByOther,
    RemediationError,
    ScriptError,
    ScriptIntegrityError,
)
from ...catalog.loader import load
from ...change.admission import StalePlan
from ...change.policy import objection
from ...change.run import AtWork, Broken, ChangeRun, StepFailure
from ...change.session import HostSession
from ...facts.read import Facts
from ...host.calls import mitigations
from ...host.calls.front_end import probe
from ...iis_module.models import IisModuleStatus
from ...iis_module.steps import BASE
from ...judge.mitigations.state import MitigationState
from ...plan.records import HostPlan
from .choose import MitigationSelection, choose
from .iis_module import INSTALLED, ModulePart, is_module
from .phase import UNMITIGATE
from .preview import mitigation_of, preview
from .probes import Answers, Questions, questions
from .result import MitigateResult, MitigateState
from .runtime import MitigateRuntime
from .verdict import judge_mitigated, judge_removed

if TYPE_CHECKING:
    from ...host.transport.base import Transport
    from ...host.transport.reply import Reply
    from ...iis_module.models import IisModuleOutcome
    from ...plan.records import Step
    from .request import MitigateRequest

_HOST_IN_THE_WAY = (LanguageModeRefused, LockedByOther, ScriptIntegrityError)


def mitigate_host(
    request: MitigateRequest, transport: Transport, runtime: MitigateRuntime | None = None
) -> MitigateResult:
    """Mitigate one server; never raises for what happens there, the state says what is known.

    :raises ConfigError: the request names what the campaign does not have.
    """
    machine = _Run(request, transport, runtime or MitigateRuntime(load()))
    with machine.change.of(machine.broken, raises=(ConfigError,)):
        machine.go()
    machine.result.commands = machine.host.asked
    return machine.result


_STATES = {
    Broken.STALE_PLAN: MitigateState.STALE_PLAN,
    Broken.STOPPED: MitigateState.STOPPED,
    Broken.UNKNOWN: MitigateState.UNKNOWN,
}


class _Run:
    """One run on one host."""

    def __init__(
        self, request: MitigateRequest, transport: Transport, runtime: MitigateRuntime
    ) -> None:
        self.request = request
        self.runtime = runtime
        self.host = HostSession.of(request, transport, runtime)
        empty = HostPlan(request.intent, request.campaign)
        self.result = MitigateResult(MitigateState.UNKNOWN, "not begun", empty)
        self.change = ChangeRun(
            self.host, request.host, request.intent, runtime.notice, self.result.done
        )
        self._module = ModulePart(self.host, runtime.module)
        self._module_done: IisModuleOutcome | None = None
        self._invocation = runtime.token()

    # The way -----------------------------------------------------------------------------

    def go(self) -> None:
        reply = self.host.facts()
        selection = self._choose(reply)
        self.result.plan = selection.plan
        self.result.left_open = selection.open_cves
        if selection.conflict:
            raise HostConflict(selection.conflict)
        if selection.stop:
            return self.end(MitigateState.STOPPED, selection.stop)
        plan = self.result.plan = self._plan(selection)
        self.runtime.admit(plan)
        asking = self._questions(reply, selection)
        before = self._ask("before", asking)
        if plan.steps and self.request.check:
            return self.end(MitigateState.PLANNED, _planned(plan))
        if not plan.steps:
            return self._settled(selection, before)
        if why := objection(self.request.policy, self.runtime.now()):
            return self.end(MitigateState.STOPPED, why)
        self.change.lock(f"{self.request.intent} {self.request.campaign}")
        for step in plan.steps:
            if is_module(step):
                self._apply_module(step)
            else:
                self._apply(step)
        after = self._ask("after", asking)
        return self._judge(self._choose(self.host.facts()), before, after)

    def _plan(self, selection: MitigationSelection) -> HostPlan:
        """The steps as the host would carry them out, with those of the URL Rewrite module."""
        part = self._module
        selection, module = part.ahead(selection)
        plan = preview(self.host, selection)
        if module is not None and any(INSTALLED in step.needs for step in plan.steps):
            plan = replace(plan, steps=(*module.steps, *plan.steps))
        return part.behind(plan, selection)

    def _choose(self, reply: Reply) -> MitigationSelection:
        wanted = self.request
        try:
            return choose(
                self.runtime.catalog,
                wanted.campaign,
                reply.result,
                reply.errors,
                self.runtime.now(),
                intent=wanted.intent,
                only=wanted.only,
                although_open=wanted.although_open,
            )
        except ValueError as error:
            raise ConfigError(f"mitigations: {error}") from error

    def _settled(self, selection: MitigationSelection, before: Answers) -> None:
        """Nothing to do, or nothing that the host lets us do."""
        if self.request.intent == UNMITIGATE and not self.result.plan.refused:
            self.end(MitigateState.NOT_NEEDED, "No mitigation of ours is on this server.")
        else:
            self._judge(selection, before, before)
        if not self.request.check:
            # A killed run of ours may have left its lock, and this one has nothing to lock for.
            self.change.take_back_lock()

    def _questions(self, reply: Reply, selection: MitigationSelection) -> Questions:
        wanted = [one.mitigation for one in selection.found]
        if self.request.intent == UNMITIGATE:
            wanted = []  # only the health pages: nothing is to be refused any more
        return questions(Facts.of(reply.result, reply.errors), wanted)

    def _ask(self, when: str, asking: Questions) -> Answers:
        """Ask the front end; the answers are kept for the report."""
        found = probe(self.host, asking.probes())
        self.result.probes[when] = list(found)
        return Answers(asking, found)

    # Steps -------------------------------------------------------------------------------

    def _waits(self, step: Step) -> bool:
        """Whether a step that it needs has failed; then it is not tried."""
        failed = {failure.step for failure in self.result.failed}
        missing = [name for name in step.needs if name in failed]
        if missing:
            self._fail(step, f"not tried, {', '.join(missing)} failed")
        return bool(missing)

    def _fail(self, step: Step, reason: str) -> None:
        about = None if is_module(step) else mitigation_of(step)
        self.result.failed.append(StepFailure(step.id, reason, about))

    def _apply(self, step: Step) -> None:
        """Carry out one step; a failed one does not keep other mitigations from being applied."""
        if self._waits(step):
            return
        self.change.acted = True
        name = f"{step.id}@{self._invocation}"
        try:
            answer = mitigations.apply(self.host, step.operation, step.parameters, name)
        except _HOST_IN_THE_WAY:
            raise
        except ScriptError as error:
            self._fail(step, str(error))
            return
        about = {"mitigation": mitigation_of(step), **answer.shown}
        self.change.did(step.id, changed=answer.changed, **about)
        self.result.changed = self.change.changed

    def _apply_module(self, step: Step) -> None:
        """Its steps are one piece of work, which begins with the first of them."""
        if self._waits(step):
            return
        if self._module_done is None:
            self.change.acted = True
            self._module_done = self._module.act(self.request.intent)
            outcome = self._module_done
            if outcome.status is IisModuleStatus.UNKNOWN:
                raise AtWork(f"URL Rewrite module: {outcome.reason}")
            if outcome.status in (IisModuleStatus.FAILED, IisModuleStatus.REFUSED):
                self.result.failed.append(StepFailure(INSTALLED, outcome.reason))
        outcome = self._module_done
        shown = {"before": outcome.before, "after": outcome.after, **outcome.details}
        self.change.did(step.id, mitigation=None, changed=outcome.changed, **shown)
        self.result.changed = self.change.changed

    # The end -----------------------------------------------------------------------------

    def _judge(self, now: MitigationSelection, before: Answers, after: Answers) -> None:
        judge = judge_removed if self.request.intent == UNMITIGATE else judge_mitigated
        result = self.result
        state, reason, result.standings = judge(
            now, before, after, result.failed, result.plan.refusals
        )
        held = [one.mitigation.id for one in now.found if one.judged.state is MitigationState.HOLDS]
        result.left_open = now.left_open(held)
        self.end(state, reason)

    def end(self, state: MitigateState, reason: str, code: str | None = None) -> None:
        """Set the verdict; ``code``: of the error that ended it."""
        self.result.state, self.result.reason, self.result.code = state, reason, code

    def broken(self, how: Broken, error: RemediationError) -> None:
        """Set the verdict after an error."""
        plain = isinstance(error, (AtWork, StalePlan))
        self.end(_STATES[how], str(error) if plain else f"{error.code}: {error}", error.code)


def _planned(plan: HostPlan) -> str:
    parts = [BASE if is_module(step) else mitigation_of(step) for step in plan.steps]
    return f"{', '.join(dict.fromkeys(parts))}: {len(plan.steps)} changes."
