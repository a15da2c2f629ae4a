# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clauses of a directive ask for runs of tools, and which of them the runs of a server satisfy. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.model import CompromiseState
from .schedule import ScanState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...catalog.records.detection_tools import DetectionMode, DetectionTool
    from ...catalog.records.directives import Directive
    from .schedule import ScanRecord, ScanRule, ScheduledScan

_ANSWERED = frozenset({CompromiseState.NO_INDICATOR, CompromiseState.INDICATOR_FOUND})


def required_checks(tools: Iterable[DetectionTool], directive: Directive | None) -> tuple[str, ...]:
    """Return the ids of the checks without which a directive has no answer."""
    if directive is None:
        return ()
    found = [mode.check for _, mode in _asked(tools, directive)]
    return tuple(dict.fromkeys(found))


def met_clauses(
    tools: Iterable[DetectionTool],
    directive: Directive,
    runs: Iterable[ScanRecord],
    rule: ScanRule | None,
    scans: Sequence[ScheduledScan],
) -> tuple[str, ...]:
    """Return the clauses that the runs satisfy: those of the series by it, others by any whole run."""
    runs = list(runs)
    met: list[str] = []
    for tool, mode in _asked(tools, directive):
        whole = any(
            run.tool == tool.id
            and run.mode == mode.name
            and run.complete
            and run.state in _ANSWERED
            for run in runs
        )
        for clause in mode.answers[directive.id]:
            if rule is not None and clause in (rule.first_clause, rule.again_clause):
                satisfied = _series_met(clause == rule.first_clause, scans)
            else:
                satisfied = whole
            if satisfied:
                met.append(clause)
    return tuple(dict.fromkeys(met))


def _series_met(first: bool, scans: Sequence[ScheduledScan]) -> bool:  # noqa: FBT001 - which of two
    wanted = [scan for scan in scans if (scan.number == 0) is first]
    return bool(wanted) and all(scan.state is ScanState.DONE for scan in wanted)


def _asked(
    tools: Iterable[DetectionTool], directive: Directive
) -> list[tuple[DetectionTool, DetectionMode]]:
    return [(tool, mode) for tool in tools for mode in tool.modes if directive.id in mode.answers]
