# SPDX-License-Identifier: GPL-3.0-or-later
"""What all runs of a campaign say of one server together. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...base.model import COMPROMISE_ORDER, SUSPICIOUS, CompromiseState
from .verdict import compromise_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import CompromiseVerdict, DetectionCheck
    from .schedule import ScanRecord

_FINDINGS = 50  # of one check; the case has all of them
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def compromise_over_time(
    runs: Iterable[ScanRecord], required: Iterable[str], campaign: str, now: datetime
) -> CompromiseVerdict | None:
    """Return the verdict of all runs, None where no tool was run for the campaign or found anything.

    A finding and a conflict stay, of whatever campaign their run was. Otherwise the newest run of
    this campaign answers a question: one that failed since takes a good answer back, and one that
    is good stands for those that failed before it; from after ``now`` only what was found counts.
    ``required``: ids of checks that have to be answered; ``since`` of the verdict is the latest of all
    runs, the least that all have seen.
    """
    told = [
        (run, check)
        for run in runs
        for check in run.checks
        if check.state in SUSPICIOUS or (run.campaign == campaign and _ended(run) <= now)
    ]
    # Of two at one moment, the worse counts.
    told.sort(key=lambda one: (_moment(one[0]), -COMPROMISE_ORDER.index(one[1].state)))
    checks: dict[str, DetectionCheck] = {}
    for _, check in told:
        checks[check.id] = _after(checks.get(check.id), check)
    shown = [_bounded(check) for check in checks.values()]
    counted = [run for run, _ in told]
    if not counted:
        return None
    since = max((run.since for run in counted if run.since is not None), default=_LONG_AGO)
    return compromise_of(shown, required, since)


def _after(before: DetectionCheck | None, now: DetectionCheck) -> DetectionCheck:
    if before is None:
        return now
    findings = tuple(dict.fromkeys((*now.findings, *before.findings)))  # the newest first
    if before.state not in SUSPICIOUS:
        return replace(now, findings=findings)
    stays = now if now.state is CompromiseState.INDICATOR_FOUND else before
    return replace(stays, findings=findings)


def _ended(run: ScanRecord) -> datetime:
    return run.finished or _moment(run)


def _bounded(check: DetectionCheck) -> DetectionCheck:
    number = len(check.findings)
    if number <= _FINDINGS:
        return check
    more = f"{_FINDINGS} of {number} findings are shown here; the case has all"
    return replace(check, findings=check.findings[:_FINDINGS], reasons=(more, *check.reasons))


def _moment(run: ScanRecord) -> datetime:
    """When it was begun; one that was never launched has seen nothing and comes first."""
    return run.started or run.finished or _LONG_AGO
