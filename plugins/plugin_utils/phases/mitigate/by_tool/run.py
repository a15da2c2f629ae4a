# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigate one server by a script of Microsoft instead of natively, or take that off again.

==========  =======================================================================================
step        what it does
==========  =======================================================================================
open        reads and identifies the operator's file
choose      whether anything is to be done here: the same choice as for native mitigations
plan        the arguments, or why not; check mode ends here
deliver     brings the file; the host hashes it
look        what the script left earlier, kept on the controller ahead of the order
job         a durable job, watched; it is never ended from here
judge       what the script says, our own reading of the host, and our own request to the front end
==========  =======================================================================================

Whoever is killed runs the same again: the record of the attempt and the job on the host say how far
it came, and the script is launched once (I15).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....base.errors import (
    AuthenticationFailed,
    ConfigError,
    HostConflict,
    LockedByOther,
    RefusedError,
    RemediationError,
    ScriptError,
)
from ....catalog.records.tools import ScriptIntent
from ....catalog.scripts import tool as known_tool
from ....change.admission import StalePlan
from ....change.run import Broken, ChangeRun
from ....host.jobs.state import ABSENT
from ....microsoft.attempt import Attempt
from ....microsoft.file import open_tool
from ....microsoft.record import AttemptRecords
from ....microsoft.run import refuse_known
from ....plan.records import HostPlan
from ..choose import choose
from ..phase import MITIGATE, UNMITIGATE
from .answer import ByScriptResult, ByScriptState, at_work, host_state, is_over
from .plan import nothing_to_do, states, steps
from .proof import prove, refuse_download

if TYPE_CHECKING:
    from ....change.runtime import Runtime
    from ....change.session import HostSession
    from ....host.transport.reply import Reply
    from ....microsoft.file import RemoteScript
    from ....microsoft.record import AttemptRecord
    from ....microsoft.request import ScriptRequest
    from ..choose import MitigationSelection


def run_tool_on(
    session: HostSession, request: ScriptRequest, facts: Reply | None, runtime: Runtime
) -> ByScriptResult:
    """Run it on one host; ``facts``: the reply of ``session.facts()``, asked here without it.

    :raises ConfigError: what the operator wrote is wrong; everything else is a state.
    :raises CatalogError: there is no such campaign.
    """
    known_tool(request.tool)
    runtime.catalog.campaign(request.campaign)
    run = _Run(session, request, runtime)
    with run.change.of(run.broken, raises=(ConfigError,)):
        run.go(facts)
    return run.answer


class _Run:
    """One run on one host."""

    def __init__(self, session: HostSession, request: ScriptRequest, runtime: Runtime) -> None:
        self.session = session
        self.request = request
        self.runtime = runtime
        intent = MITIGATE if request.intent is ScriptIntent.MITIGATE else UNMITIGATE
        self.answer = ByScriptResult(HostPlan(intent, request.campaign))
        # acted: it may have been launched, and then it may be at work after an error
        self.change = ChangeRun(session, request.host, intent, runtime.notice, installs=True)

    # The way -----------------------------------------------------------------------------

    def go(self, given: Reply | None) -> None:
        request = self.request
        script = open_tool(request.tool, request.source, request.pin)
        facts = given or self.session.facts()
        attempt, record = self._attempt(script, facts)
        selection = self._selection(facts)
        answer = self.answer
        answer.plan = replace(selection.plan, steps=(), refusals=(), notes=())
        answer.read_back = states(selection)
        if record is None and selection.conflict:
            raise HostConflict(selection.conflict)
        if record is None and self._nothing(selection, attempt):
            return
        known = self._plan(attempt, record, facts)
        self.runtime.admit(answer.plan)
        if request.check:
            answer.state, answer.ok = ByScriptState.PLANNED, True
            answer.changed = bool(answer.plan.steps)
            return
        if request.objection and answer.plan.steps:
            raise RefusedError(request.objection)
        self._act(attempt, record, deliver=known == ABSENT)

    def _attempt(self, script: RemoteScript, facts: Reply) -> tuple[Attempt, AttemptRecord | None]:
        """The attempt, and its record if it is one that was cut off."""
        request, run = self.request, self.session.run
        identity = script.identity
        self.answer.tool = {
            "tool": identity.tool.id,
            "title": identity.tool.title,
            "version": str(identity.version),
            "sha256": identity.sha256,
            "pinned_by": identity.pinned_by,
            "intent": request.intent.value,
            "mitigations": list(request.names),
        }
        name = request.job_name(run, script.sha256)
        records = AttemptRecords(request.kept, name, request.host, run, request.secrets)
        number, record = records.last()
        attempt = Attempt(self.session, request, self.runtime, script, facts, records, number or 1)
        if record is not None and record.verdict is not None:
            ended = record.verdict.get("outcome")
            self.answer.notes.append(f"attempt {number} of this run ended as {ended}")
            attempt.number, record = number + 1, None
        elif record is not None:
            self.change.acted = True
            record = attempt.taken_up(record)
            self.change.acted = record is not None
        return attempt, record

    def _selection(self, facts: Reply) -> MitigationSelection:
        request = self.request
        try:
            return choose(
                self.runtime.catalog,
                request.campaign,
                facts.result,
                facts.errors,
                self.runtime.now(),
                intent=self.answer.plan.intent,
                only=request.names,
                although_open=request.although_open,
            )
        except ValueError as error:
            raise RefusedError(str(error)) from error

    def _nothing(self, selection: MitigationSelection, attempt: Attempt) -> bool:
        nothing = nothing_to_do(selection, self.request.options)
        if nothing is None:
            return False
        answer, found = self.answer, states(selection)
        answer.plan = replace(answer.plan, notes=nothing)
        self.runtime.admit(answer.plan)
        answer.state, answer.ok = host_state(found.values()), True
        answer.reasons += nothing
        if self.request.intent is ScriptIntent.MITIGATE:
            if answer.state is not ByScriptState.MITIGATED:
                answer.state = ByScriptState.NOT_NEEDED
            prove(attempt, found, answer)
        if not self.request.check:
            # A killed run of ours may have left its lock, and this one has nothing to lock for.
            self.change.take_back_lock()
        return True

    def _plan(self, attempt: Attempt, record: AttemptRecord | None, facts: Reply) -> str:
        """Plan it alike in check mode and otherwise; returns the state of its job."""
        answer, request = self.answer, self.request
        answer.arguments = attempt.arguments(record.facts if record else facts.result)
        answer.job = attempt.job
        known = attempt.known()
        if record is None:
            refuse_known(known)
            refuse_download(attempt)
        elif list(answer.arguments) != record.arguments:
            raise RefusedError(
                f"attempt {attempt.number} of this run was begun with {' '.join(record.arguments)} "
                "by another release of this collection; finish it with that one"
            )
        elif known.state != ABSENT:
            answer.notes.append(
                f"job {attempt.job} of this run is on the host ({known.state}): it is watched "
                "further, nothing is launched again"
            )
            return known.state
        package = self.session.again(attempt.delivery.state)
        job = {"job": attempt.job, "arguments": list(answer.arguments)}
        planned = steps(attempt.script, request.options, job, package, answer.read_back or {})
        answer.plan = replace(answer.plan, steps=planned)
        return known.state

    def _act(self, attempt: Attempt, record: AttemptRecord | None, *, deliver: bool) -> None:
        answer = self.answer
        self.change.lock(f"{self.request.tool} {self.request.intent.value}")
        if record is None:
            record = attempt.begin()
        elif deliver:
            attempt.deliver()
        self.change.acted = True
        answer.kept = str(attempt.records.path(attempt.number))
        answer.changed = attempt.delivered is not None and attempt.delivered.changed
        report = attempt.run(record)
        running = at_work(report)
        if running:
            self.change.at_work()
        answer.conclude(report)
        if self.request.intent is ScriptIntent.MITIGATE and report.states and not running:
            prove(attempt, report.states, answer)
        if is_over(report):
            closed = attempt.close(record, answer.verdict())
            answer.output = closed.output
            answer.notes += [closed.note] if closed.note else []
            if not closed.welcome:
                self.change.at_work()  # the host must not be asked any more

    # The end -----------------------------------------------------------------------------

    def broken(self, _how: Broken, error: RemediationError) -> None:
        """Something is in the way. What was refused ahead of the order launched nothing."""
        answer = self.answer
        answer.code = error.code
        refused = isinstance(error, (RefusedError, LockedByOther, ScriptError))
        if refused and not self.change.acted:
            stale = isinstance(error, StalePlan)
            answer.refuse(str(error), ByScriptState.STALE_PLAN if stale else ByScriptState.REFUSED)
            return
        if self.change.acted or isinstance(error, AuthenticationFailed):
            self.change.at_work()  # the script may be, or the host must not be asked any more
        answer.state, answer.ok, answer.read_back = ByScriptState.UNKNOWN, False, None
        answer.reasons.append(f"{error.code}: {error}")
