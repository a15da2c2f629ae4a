# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was collected of one run to what it says: the tool's reading, as data for the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.model import CompromiseState
from ...facts.read import Facts, moment, rows, text
from ...host.jobs.decide import JobOutcome
from ...judge.compromise.records import DetectionCheck, ToolReading
from ...judge.compromise.serialize import check_to_dict
from ...microsoft.detection.records import HostView, RunEnd, ToolRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ...host.jobs.attempts import JobEnd
    from .choose import ChosenTool
    from .gather import Gathered

_ENDS = {
    JobOutcome.FINISHED: RunEnd.FINISHED,
    JobOutcome.STALLED: RunEnd.TIMED_OUT,
    JobOutcome.INTERRUPTED: RunEnd.INTERRUPTED,
}


def run_of(
    chosen: ChosenTool, end: JobEnd, facts: dict[str, Any], start: datetime, gathered: Gathered
) -> ToolRun:
    """Return what the reader of the tool is given.

    ``facts``: from before the run; ``start``: on the host's clock, where the job does not say it.
    """
    state = end.state
    started = moment(state.started) if state and state.started else None
    return ToolRun(
        tool=chosen.wanted.tool,
        version=chosen.record.script_version,
        mode=chosen.wanted.mode,
        era=chosen.era,
        ended=_ENDS.get(end.outcome, RunEnd.UNKNOWN),
        exit_code=end.exit_code,
        console=gathered.console,
        files=gathered.files,
        host=HostView(
            started or start,
            _oldest_event(facts, "Application"),
            text(Facts.of(facts, ()).value("computer", "name")) or "",
            moment(state.finished) if state and state.finished else None,
        ),
    )


def _oldest_event(facts: dict[str, Any], name: str) -> datetime | None:
    """When the oldest record of an event log was written, by the facts from before the run."""
    for row in rows(facts.get("event_logs"), "name").rows:
        if row.get("name") == name:
            return moment(row.get("oldest"))
    return None


def not_read(chosen: ChosenTool, reason: str) -> ToolReading:
    """The reading of a tool that left nothing to read: each of its questions is open."""
    tool = chosen.wanted.tool
    version = chosen.record.version
    return ToolReading(
        tool.id, version, finished=False, checks=_open(chosen, chosen.checks, reason)
    )


def _open(chosen: ChosenTool, names: Iterable[str], reason: str) -> tuple[DetectionCheck, ...]:
    tool = chosen.wanted.tool
    return tuple(
        DetectionCheck(name, tool.id, tool.title, CompromiseState.INCONCLUSIVE, (reason,))
        for name in names
    )


def entry(
    chosen: ChosenTool,
    reading: ToolReading,
    *,
    end: JobEnd | None,
    job: str,
    gathered: Gathered | None,
) -> dict[str, Any]:
    """Return one tool of the result. ``end``: None where its job was never launched."""
    record, wanted = chosen.record, chosen.wanted
    state = end.state if end else None
    answered = {check.id for check in reading.checks}
    unanswered = [name for name in chosen.checks if name not in answered]
    checks = (*reading.checks, *_open(chosen, unanswered, "its output does not answer it"))
    return {
        "tool": wanted.tool.id,
        "title": wanted.tool.title,
        "version": record.version,
        "mode": wanted.mode.name,
        "file": record.file,
        "file_sha256": record.sha256,
        "file_dated": record.dated,
        "pinned_by": record.pinned_by,
        "arguments": list(chosen.arguments),
        "job": job,
        "ended": end.outcome.value if end else "not-started",
        "exit_code": end.exit_code if end else None,
        "started": state.started if state else None,
        "finished": state.finished if state else None,
        "complete": reading.finished,
        "said": reading.said,
        "checks": [check_to_dict(check) for check in checks],
        "notes": list(reading.notes),
        "files": [
            {"name": one.name, "origin": one.origin, "size": one.size, "sha256": one.sha256}
            for one in (gathered.kept if gathered else ())
        ],
        "whole": gathered is not None and gathered.whole,
    }
