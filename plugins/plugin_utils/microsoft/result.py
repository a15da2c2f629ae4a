# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on one run of a tool: what it says against what we read back ourselves.

==============  ==================  ====================================================
it says         we find             verdict
==============  ==================  ====================================================
succeeded       as wanted           ``succeeded``
succeeded       not as wanted       ``conflict``
succeeded       not readable        ``unknown``
anything else   as wanted           what it says, with a sentence about what is there
anything else   otherwise           what it says
nothing to say  as wanted           ``succeeded`` (a tool without a machine-readable word)
nothing to say  otherwise           ``failed``, or ``unknown`` where it is not readable
==============  ==================  ====================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from ..catalog.records.tools import ScriptIntent
from ..judge.mitigations.state import MitigationState
from .said import ScriptStatement, ScriptStatements, what_eomt_says

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..catalog.records.tools import MicrosoftScript
    from ..host.calls.microsoft import Trace
    from ..host.jobs.attempts import JobEnd
    from ..judge.mitigations.state import JudgedMitigation
    from .command import ScriptOptions


class ScriptOutcome(Enum):
    """What became of it. Only ``SUCCEEDED`` is good."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    UNKNOWN = "unknown"
    NOT_RUN = "not-run"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """The verdict with its grounds."""

    outcome: ScriptOutcome
    said: ScriptStatements | None  # None: this tool has no machine-readable word
    in_place: bool | None  # as wanted by our own read-back; None: not readable
    threats: bool | None
    updated_itself: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """One run, as it was observed."""

    end: JobEnd
    before: Trace
    after: Trace


def verdict(
    tool: MicrosoftScript,
    options: ScriptOptions,
    run: ScriptRun,
    read_back: Mapping[str, JudgedMitigation] | None,
) -> ScriptResult:
    """Judge one run. ``read_back``: states after it, read by us; None: they were not read."""
    found = compare(options, read_back)
    place, _ = found
    statement = _statement(tool, options, run)
    outcome, reasons = _settle(options.intent, statement, found)
    if statement is None:
        return ScriptResult(
            outcome, None, place, None, updated_itself=False, reasons=tuple(reasons)
        )
    if statement.updated_itself:
        reasons.append("it replaced itself by a download: another program ran than the pinned one")
        if outcome is ScriptOutcome.SUCCEEDED:
            outcome = ScriptOutcome.CONFLICT
    if statement.threats:
        reasons.append("the scanner found threats, which the tool counts as success")
    return ScriptResult(
        outcome, statement.said, place, statement.threats, statement.updated_itself, tuple(reasons)
    )


def _statement(
    tool: MicrosoftScript, options: ScriptOptions, run: ScriptRun
) -> ScriptStatement | None:
    """What it says, as far as the job lets it count."""
    if run.end.refused:
        return ScriptStatement(ScriptStatements.NOT_RUN, ("the job refused to launch it",))
    if tool.patch_state is not None:
        heard = what_eomt_says(tool.patch_state, options.intent, run.before, run.after)
        if run.end.finished:
            return _with_status(heard, run.end.exit_code)
        reason = "it still runs" if run.end.stalled else "its job was cut off"
        return ScriptStatement(
            ScriptStatements.UNFINISHED,
            (reason, *heard.reasons),
            heard.threats,
            heard.updated_itself,
        )
    return _status(run)


def _with_status(heard: ScriptStatement, exit_code: int | None) -> ScriptStatement:
    """A status that is not 0 is PowerShell's own; it changes no verdict and says where to look."""
    if heard.said is not ScriptStatements.NOT_RUN or exit_code in (0, None):
        return heard
    hint = f"PowerShell ended with status {exit_code}; see what it printed"
    return replace(heard, reasons=(*heard.reasons, hint))


def _status(run: ScriptRun) -> ScriptStatement | None:
    """A tool that throws when it fails; 0 says nothing, as it does for the wrong site too."""
    if not run.end.finished:
        how = "running" if run.end.stalled else "lost"
        return ScriptStatement(ScriptStatements.UNFINISHED, (f"its job is {how}",))
    if run.end.exit_code is None:
        return ScriptStatement(ScriptStatements.UNKNOWN, ("its exit status is not known",))
    if run.end.exit_code == 0:
        return None
    return ScriptStatement(
        ScriptStatements.FAILED, (f"it threw (exit status {run.end.exit_code})",)
    )


def _settle(
    intent: ScriptIntent, statement: ScriptStatement | None, found: tuple[bool | None, list[str]]
) -> tuple[ScriptOutcome, list[str]]:
    place, differences = found
    if statement is None:
        if place:
            return ScriptOutcome.SUCCEEDED, ["it reported no failure, and what was asked for is so"]
        outcome = ScriptOutcome.UNKNOWN if place is None else ScriptOutcome.FAILED
        return outcome, ["it reported no failure", *differences]
    reasons = [*statement.reasons, *differences]
    if statement.said is not ScriptStatements.SUCCEEDED:
        if place:
            what = "in place" if intent is ScriptIntent.MITIGATE else "gone"
            reasons.append(f"all the same, what was asked for is {what} on the host")
        return ScriptOutcome(statement.said.value), reasons
    if place is None:
        return ScriptOutcome.UNKNOWN, reasons
    return (ScriptOutcome.SUCCEEDED if place else ScriptOutcome.CONFLICT), reasons


def compare(
    options: ScriptOptions, read_back: Mapping[str, JudgedMitigation] | None
) -> tuple[bool | None, list[str]]:
    """Whether all of it is as wanted (None: not readable), and what is not."""
    if read_back is None or any(name not in read_back for name in options.mitigations):
        return None, ["the host was not read back"]
    states = [read_back[name] for name in options.mitigations]
    mitigate = options.intent is ScriptIntent.MITIGATE
    wrong, unread = [], []
    for state in states:
        words = f"{state.id} is {state.state.value}: {state.detail}"
        if state.state is MitigationState.UNKNOWN:
            unread.append(words)
        elif mitigate and state.state not in (
            MitigationState.HOLDS,
            MitigationState.NOT_APPLICABLE,
        ):
            wrong.append(words)
        elif not mitigate and state.present:
            wrong.append(f"{state.id} is still there: {state.state.value}")
    if mitigate and all(state.state is MitigationState.NOT_APPLICABLE for state in states):
        wrong.append("none of it can be applied to this server")
    if wrong:
        return False, wrong + unread
    return (None, unread) if unread else (True, [])
