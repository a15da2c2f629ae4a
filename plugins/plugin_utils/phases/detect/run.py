# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Microsoft's detection tools on one server, collect what they leave, and say what it proves.

=========  ========================================================================================
step       what it does
=========  ========================================================================================
look       the facts, and what is at work there: another scanner, no room
choose     which file of the operator's store is run with which command line; check mode ends here
deliver    brings the file; the host hashes it, and once more right before the launch (I10)
run        a durable job, launched once (I15); it is watched, and never ended from here
collect    what it left and printed, whole, hashed on the host and on arrival (I14)
read       what that says: never "clean", and "inconclusive" wherever something was not seen (I1)
=========  ========================================================================================

One tool after the other. Whoever is killed runs the same again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...base.errors import (
    AuthenticationFailed,
    ConfigError,
    HostConflict,
    RefusedError,
    RemediationError,
)
from ...change.policy import objection
from ...change.run import AtWork, Broken, ChangeRun
from ...change.session import HostSession
from ...facts.read import Facts
from ...host.calls import detection
from ...host.calls import facts as facts_call
from ...host.jobs.attempts import at_work
from ...host.jobs.decide import JobOutcome
from ...host.jobs.state import ABSENT
from ...judge.compromise.serialize import check_from_dict
from ...judge.compromise.verdict import compromise_of
from ...judge.role import scope_conflict
from ...microsoft.detection.read import read_run
from ...plan.freshness import facts_digest, section_digests
from ...plan.records import HostPlan, Refusal
from . import probe
from .attempt import ToolAttempt, records_of
from .begun import lost
from .choose import choose, free_bytes, in_the_way
from .gather import Gathered, gather
from .phase import DETECT
from .reading import entry, not_read, run_of
from .result import NAME, DetectResult, DetectState, keep, record_of
from .steps import steps_of

if TYPE_CHECKING:
    from ...catalog.catalog import Catalog
    from ...host.jobs.attempts import JobEnd
    from ...host.transport.base import Transport
    from ...microsoft.record import AttemptRecord
    from ...trust.packages.tool_records import ToolRecord
    from .choose import ChosenTool
    from .request import DetectRequest, WantedTool
    from .runtime import DetectRuntime

# What the choice rests on.
SECTIONS = ("computer", "exchange", "powershell")
_STATES = {
    Broken.STALE_PLAN: DetectState.STALE_PLAN,
    Broken.STOPPED: DetectState.STOPPED,
    Broken.UNKNOWN: DetectState.UNKNOWN,
}


def detect_host(
    request: DetectRequest, transport: Transport, runtime: DetectRuntime
) -> DetectResult:
    """Run the tools on one server; never raises for what happens there, the state says what is known.

    :raises ConfigError: what the operator wrote is wrong.
    """
    run = _Run(request, transport, runtime)
    try:
        with run.change.of(run.broken, raises=(ConfigError,)):
            run.go()
    except ConfigError:
        with suppress(ConfigError):
            run.finish()  # what the tools before it found stays
        raise
    run.finish()
    return run.result


class _Run:
    """One run on one host."""

    def __init__(
        self, request: DetectRequest, transport: Transport, runtime: DetectRuntime
    ) -> None:
        self.request = request
        self.runtime = runtime
        self.host = HostSession.of(request, transport, runtime)
        self.result = DetectResult(
            DetectState.UNKNOWN, "not begun", HostPlan(DETECT, request.campaign)
        )
        self.change = ChangeRun(
            self.host, request.host, DETECT, runtime.notice, self.result.steps, installs=True
        )
        self.required: list[str] = []

    # The way -----------------------------------------------------------------------------

    def go(self) -> None:
        reply = self.host.facts()
        facts = facts_call.document(reply)
        if conflict := scope_conflict(Facts.of(facts, reply.errors)):
            raise HostConflict(conflict)
        request = self.request
        selection = choose(
            request.tools, self.runtime.store, facts, self.runtime.now(), self._begun
        )
        probes = [chosen for chosen in selection.chosen if chosen.wanted.tool.where != "server"]
        attempts = [
            ToolAttempt.of(self.host, request, self.runtime, chosen, reply)
            for chosen in selection.chosen
            if chosen not in probes
        ]
        jobs = [attempt.job for attempt, _ in attempts]
        tools = [one.tool.id for one in request.on_server]
        if why := lost(request.folder, request.run, jobs, tools):
            raise RefusedError(why)
        self.result.plan = HostPlan(
            DETECT,
            self.request.campaign,
            refusals=selection.refusals,
            rests_on=facts_digest(facts, SECTIONS),
            sections=section_digests(facts, SECTIONS),
        )
        for chosen in probes:
            self._plan_probe(chosen)
        todo = [self._planned(attempt, record) for attempt, record in attempts]
        self.runtime.admit(self.result.plan)
        refused = self.result.plan.refused
        if self.request.check:
            state = (
                DetectState.STOPPED
                if refused and not self.result.plan.steps
                else DetectState.PLANNED
            )
            return self.end(state, "; ".join(refused) or self._summary())
        if refused:
            # All that was asked for, or nothing: half a search must not look like a whole one.
            raise RefusedError("; ".join(refused))
        if self.result.plan.steps and (why := objection(self.request.policy, self.runtime.now())):
            raise RefusedError(why)
        for chosen in probes:
            self._ask(chosen)
        for attempt, record in todo:
            self.required += attempt.chosen.checks
            self._one(attempt, record)
        return None

    def _begun(self, wanted: WantedTool, file: ToolRecord) -> bool:
        """Whether this run has begun the tool with this file, and has not read it yet."""
        _, record = records_of(self.request, self.host.run, wanted, file).last()
        return record is not None and record.verdict is None

    def _plan_probe(self, chosen: ChosenTool) -> None:
        """Add the question that is asked from here to the plan."""
        plan = self.result.plan
        if why := probe.objection(self.request):
            refusal = Refusal(chosen.wanted.id, why)
            self.result.plan = replace(plan, refusals=(*plan.refusals, refusal))
            return
        step = probe.step_of(chosen, self.request)
        self.result.plan = replace(plan, steps=(*plan.steps, step))

    def _ask(self, chosen: ChosenTool) -> None:
        """Ask the front end from here; nothing of the server is changed but its logs."""
        step = probe.step_of(chosen, self.request)
        self.change.begin(step.id, {"operation": step.operation, "parameters": step.parameters})
        found = probe.probe_front_end(chosen, self.request, self.runtime)
        self.result.exposure.append(found)
        self.change.did(step.id, changed=False, state=found["state"])

    def _planned(
        self, attempt: ToolAttempt, record: AttemptRecord | None
    ) -> tuple[ToolAttempt, AttemptRecord | None]:
        """Add the steps of one tool to the plan; a run that was cut off has none or fewer."""
        plan, chosen = self.result.plan, attempt.chosen
        if record is not None and record.verdict is not None:
            self.result.notes.append(f"{chosen.wanted.id} was run and read in this run already")
            return attempt, record
        if record is not None:
            acted, self.change.acted = self.change.acted, True
            record = attempt.taken_up(record)
            self.change.acted = acted or record is not None
        known = attempt.known()
        if known.state != ABSENT:
            if record is None:
                raise RefusedError(
                    f"job {attempt.job} is on the host already ({known.state}), and what stood there "
                    "before it is not known here; take the case of its run, or start another run"
                )
            self.result.notes.append(
                f"job {attempt.job} of this run is on the host ({known.state}): it is watched further, "
                "nothing is launched again"
            )
            return attempt, record
        before = attempt.look()
        facts = facts_call.document(attempt.facts)
        if why := in_the_way(chosen, detection.read_state(before), free_bytes(facts)):
            self.result.plan = replace(
                plan, refusals=(*plan.refusals, Refusal(chosen.wanted.id, why))
            )
            return attempt, record
        package = self.host.again(attempt.delivery.state)
        clause = _clause(self.runtime.catalog, self.request.campaign, chosen)
        steps = steps_of(chosen, attempt.job, package, clause)
        self.result.plan = replace(plan, steps=(*plan.steps, *steps))
        return attempt, record

    def _one(self, attempt: ToolAttempt, record: AttemptRecord | None) -> None:
        """Run one tool, or go on with it, and read what it left."""
        if record is not None and record.verdict is not None:
            self._done_before(attempt, record)
            return
        self.change.lock(f"detect: {attempt.chosen.wanted.id}")
        if record is None:
            record = attempt.begin(self._look_again(attempt))
        elif attempt.known().state == ABSENT:
            attempt.deliver()
        self.change.acted = True
        end = attempt.run(record)
        if end.outcome is JobOutcome.LOCKED:
            self.change.acted = False
            raise RefusedError(f"{attempt.chosen.wanted.id} was not started: {end.reason}")
        self.result.changed = self.result.changed or end.launched
        if end.open_end or (end.state is not None and at_work(end.state)):
            self._open_end(attempt, end)
        self._take(attempt, record, end)
        self.change.acted = False

    def _take(self, attempt: ToolAttempt, record: AttemptRecord, end: JobEnd) -> None:
        """Collect and read what a run left, and clean up when all of it is in the case."""
        gathered = gather(attempt, record, end)
        if gathered.failed:
            reading = not_read(attempt.chosen, gathered.failed)
            self.result.tools.append(
                entry(attempt.chosen, reading, end=end, job=attempt.job, gathered=gathered)
            )
            raise AtWork(f"{gathered.failed}; run the same again, it collects the rest")
        found = self._read(attempt, record, end, gathered)
        attempt.close(record, found)
        self.result.tools.append(found)
        self.result.notes += gathered.notes
        self._clean_up(attempt, record, gathered)
        self.change.did(f"{attempt.step}/run", changed=end.launched, ended=found["ended"])

    def _done_before(self, attempt: ToolAttempt, record: AttemptRecord) -> None:
        """It was read before; what a life that was killed then has left of the job goes now."""
        verdict = record.verdict or {}
        self.result.tools.append(verdict)
        if verdict.get("whole") and attempt.known().state != ABSENT:
            self.change.lock(f"detect: {attempt.chosen.wanted.id} is cleaned up")
            self.result.notes += [note for note in [attempt.remove(record)] if note]

    def _look_again(self, attempt: ToolAttempt) -> dict[str, Any]:
        """The state right before the start: the tool before it may have taken hours."""
        before = attempt.look()
        facts = facts_call.document(attempt.facts)
        if why := in_the_way(attempt.chosen, detection.read_state(before), free_bytes(facts)):
            raise RefusedError(f"{attempt.chosen.wanted.id} was not started: {why}")
        return before

    def _clean_up(self, attempt: ToolAttempt, record: AttemptRecord, gathered: Gathered) -> None:
        """Remove the job, unless something of what it left is on the server alone."""
        if not gathered.whole:
            self.result.notes.append(
                f"job {attempt.job} stays on the server: not all of what it left is in the case"
            )
        elif note := attempt.remove(record):
            self.result.notes.append(note)

    def _open_end(self, attempt: ToolAttempt, end: JobEnd) -> None:
        """It may still be at work: its results are not read, and no other tool is begun."""
        reason = end.reason or end.outcome.value
        reading = not_read(attempt.chosen, f"its job has not come to an end: {reason}")
        self.result.tools.append(
            entry(attempt.chosen, reading, end=end, job=attempt.job, gathered=None)
        )
        raise AtWork(
            f"job {attempt.job} may be at work on the server ({reason}); run the same again later, it "
            "goes on with this one"
        )

    def _read(
        self, attempt: ToolAttempt, record: AttemptRecord, end: JobEnd, gathered: Gathered
    ) -> dict[str, Any]:
        chosen = attempt.chosen
        if end.refused or not end.launched:
            said = end.state.message if end.state else None
            why = f"{end.reason}: {said}" if said else end.reason
            reading = not_read(chosen, f"the server did not start it ({why})")
        else:
            run = run_of(chosen, end, record.facts, attempt.host_now, gathered)
            reading = read_run(run, self.request.since)
        return entry(chosen, reading, end=end, job=attempt.job, gathered=gathered)

    # The end -----------------------------------------------------------------------------

    def _summary(self) -> str:
        steps = [step.id for step in self.result.plan.steps]
        return f"{len(steps)} steps: {', '.join(steps)}." if steps else "Nothing is left to do."

    def end(self, state: DetectState, reason: str, code: str | None = None) -> None:
        """Set the state; ``code``: of the error that ended it."""
        self.result.state, self.result.reason, self.result.code = state, reason, code

    def broken(self, how: Broken, error: RemediationError) -> None:
        """Something is in the way; what the tools before it found stays."""
        if self.change.acted or isinstance(error, AuthenticationFailed):
            self.change.at_work()
        plain = isinstance(error, (AtWork, RefusedError))
        self.end(_STATES[how], str(error) if plain else f"{error.code}: {error}", error.code)

    def finish(self) -> None:
        """Give the verdict of all checks, and keep it in the case."""
        result = self.result
        result.commands = self.host.asked
        if self.request.check or not (result.tools or result.exposure):
            return
        for wanted in self.request.on_server:
            if wanted.mode.check not in self.required and not self._answered(wanted.tool.id):
                self.required.append(wanted.mode.check)
        checks = [check_from_dict(row) for tool in result.tools for row in tool["checks"]]
        result.verdict = compromise_of(tuple(checks), tuple(self.required), self.request.since)
        found = DetectState(result.verdict.state.value)
        if result.code is None or found in (DetectState.INDICATOR_FOUND, DetectState.CONFLICT):
            reasons = "; ".join(result.verdict.reasons)
            more = f" {result.reason}" if result.code else ""
            self.end(found, f"{reasons}.{more}", result.code)
        record = record_of(self.request, result)
        keep(self.request.folder / NAME, record, self.request.since, self.request.secrets)

    def _answered(self, tool: str) -> bool:
        return any(found["tool"] == tool for found in self.result.tools)


def _clause(catalog: Catalog, campaign: str, chosen: ChosenTool) -> str | None:
    """The clauses of the campaign's directive that ask for this run of a tool."""
    name = catalog.campaign(campaign).directive
    directive = catalog.directive(name) if name else None
    clauses = chosen.wanted.mode.answers.get(name or "", ())
    return f"{directive.short} {', '.join(clauses)}" if directive and clauses else None
