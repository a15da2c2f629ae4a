# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a script of Microsoft came to: the state of the host, with all it rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from ....host.jobs.decide import JobOutcome
from ....host.jobs.state import FINISHED, INTERRUPTED, REFUSED
from ....judge.mitigations.state import MitigationState
from ....microsoft.result import ScriptOutcome
from ....plan.records import Refusal
from ..phase import UNMITIGATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ....judge.mitigations.state import JudgedMitigation
    from ....microsoft.run import ScriptReport
    from ....plan.records import HostPlan


# What a job cannot leave any more.
_ENDED = (FINISHED, REFUSED, INTERRUPTED)


class ByScriptState(Enum):
    """What the host is, as far as is known."""

    MITIGATED = "mitigated"  # all of it holds, and nothing says otherwise
    NOT_MITIGATED = "not-mitigated"
    PARTIAL = "partial"  # rolled back, and something of it is still there
    NOT_NEEDED = "not-needed"  # nothing is open that it is for, or nothing can be applied
    UNKNOWN = "unknown"  # not readable, two sources disagree, or the script may still be at work
    REFUSED = "refused"  # nothing was launched
    STALE_PLAN = "stale-plan"  # nothing was launched: the host is not what was approved
    PLANNED = "planned"  # check mode


@dataclass(slots=True)
class ByScriptResult:
    """The result of the action. ``ok``: what was asked for is so, or planned."""

    plan: HostPlan
    state: ByScriptState = ByScriptState.UNKNOWN
    ok: bool = False
    changed: bool = False
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tool: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    report: ScriptReport | None = None
    job: str | None = None
    read_back: Mapping[str, JudgedMitigation] | None = None
    proofs: dict[str, str] = field(default_factory=dict)  # what our own request met
    kept: str | None = None
    output: str | None = None
    code: str | None = None  # of the error that ended it

    def refuse(self, reason: str, state: ByScriptState = ByScriptState.REFUSED) -> None:
        """Nothing was launched, and why."""
        self.state, self.ok = state, False
        self.reasons.append(reason)
        self.plan = replace(self.plan, refusals=(*self.plan.refusals, Refusal(None, reason)))

    def conclude(self, report: ScriptReport) -> None:
        """Take over what a run came to."""
        job = report.job
        self.report = report
        self.reasons += report.result.reasons
        self.changed = self.changed or (job.state is not None and job.state.attempt > 0)
        if job.outcome in (JobOutcome.FAILED, JobOutcome.LOCKED):
            self.refuse(f"nothing was launched: {job.reason}")
            return
        self.read_back = report.states
        self.state = _judged(report)
        rolled_back = self.plan.intent == UNMITIGATE and self.state is ByScriptState.NOT_MITIGATED
        if rolled_back and report.result.in_place is False:
            self.state = ByScriptState.PARTIAL
        self.ok = report.result.outcome is ScriptOutcome.SUCCEEDED

    def prove(self, mitigation: str, proven: bool | None, words: str | None) -> None:  # noqa: FBT001 - as probes.Answers says it
        """Take over what our own request to the front end met; a rule that refuses nothing is none."""
        if words is None:
            return
        self.proofs[mitigation] = words
        if proven is not True:
            self.ok = False
            self.state = ByScriptState.UNKNOWN if proven is None else ByScriptState.NOT_MITIGATED
            self.reasons.append(f"{mitigation} is there and not proven: {words}")

    def to_dict(self) -> dict[str, Any]:
        """Return it for playbooks and reports."""
        result = self.report.result if self.report else None
        return {
            "state": self.state.value,
            "ok": self.ok,
            "changed": self.changed,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            **self.tool,
            "arguments": list(self.arguments),
            "outcome": result.outcome.value if result else None,
            "said": result.said.value if result and result.said else None,
            "threats": result.threats if result else None,
            "updated_itself": result.updated_itself if result else False,
            "job": self._job(),
            "read_back": standings(self.read_back),
            "proofs": dict(self.proofs),
            "kept": self.kept,
            "output": self.output,
            "plan": [{**asdict(step), "needs": list(step.needs)} for step in self.plan.steps],
        }

    def verdict(self) -> dict[str, Any]:
        """Return what is kept of it with the attempt."""
        result = self.report.result if self.report else None
        return {
            "state": self.state.value,
            "ok": self.ok,
            "outcome": result.outcome.value if result else None,
            "reasons": list(self.reasons),
            "read_back": standings(self.read_back),
        }

    def _job(self) -> dict[str, Any] | None:
        if self.report is None:
            return {"name": self.job} if self.job else None
        ended, state = self.report.job, self.report.job.state
        return {
            "name": self.job,
            "outcome": ended.outcome.value,
            "reason": ended.reason,
            "lock": ended.lock,
            "exit_code": state.exit_code if state else None,
            "started": state.started if state else None,
            "finished": state.finished if state else None,
        }


def standings(states: Mapping[str, JudgedMitigation] | None) -> dict[str, Any] | None:
    """Return the states of mitigations as JSON."""
    if states is None:
        return None
    return {name: {"state": one.state.value, "detail": one.detail} for name, one in states.items()}


def host_state(states: Iterable[JudgedMitigation]) -> ByScriptState:
    """What a host is by our own reading of these mitigations alone."""
    found = {one.state for one in states}
    if MitigationState.UNKNOWN in found or not found:
        return ByScriptState.UNKNOWN
    if MitigationState.HOLDS in found and found <= {
        MitigationState.HOLDS,
        MitigationState.NOT_APPLICABLE,
    }:
        return ByScriptState.MITIGATED
    return ByScriptState.NOT_MITIGATED


def at_work(report: ScriptReport) -> bool:
    """Whether the script may still run."""
    job = report.job
    running = job.state is not None and job.state.program_running
    return running or job.outcome in (JobOutcome.STALLED, JobOutcome.UNKNOWN)


def is_over(report: ScriptReport) -> bool:
    """Whether this attempt is over; what may still run is looked at again."""
    state = report.job.state
    return state is not None and state.state in _ENDED and not at_work(report)


def _judged(report: ScriptReport) -> ByScriptState:
    """What a host is after a run: our own reading, unless something speaks against it.

    A script that did not say that it succeeded, and a host that is as wanted all the same, are two
    sources that disagree; the nicer of the two is not taken.
    """
    result = report.result
    if at_work(report) or report.states is None:
        return ByScriptState.UNKNOWN
    if result.in_place is not False and result.outcome is not ScriptOutcome.SUCCEEDED:
        return ByScriptState.UNKNOWN
    return host_state(report.states.values())
