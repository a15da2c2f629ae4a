# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns 1 and 2 of CISA's template v3.0, with its own words, and the notes that it wants. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.model import SUSPICIOUS, CompromiseState
from .schedule import FULL_MODES, SCANNER, not_counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .schedule import ScanRecord

# The pick list of 3.0/Inventory!F7:G356, letter by letter (ed21-02status_v3.xlsx).
YES_NOTHING = "Yes (no indications of compromise found)"
YES_FOUND = "Yes (indications of compromise found)"
NO = "No (must provide narrative explanation in comments section)"
TICKET = "CISA ticket number: [enter it here]"
SCRIPT = "test-proxylogon"


@dataclass(frozen=True, slots=True)
class TemplateCells:
    """One server: ``msert`` is column F, ``script`` column G, ``notes`` column H."""

    host: str
    msert: str
    script: str
    notes: str


def cells_of(host: str, records: Iterable[ScanRecord], now: datetime) -> TemplateCells:
    """Return the cells of one server; what was not run whole, or is not clear, is a No with its reason."""
    runs = [one for one in records if one.host == host and _over(one, now)]
    scans = [one for one in runs if one.tool == SCANNER]
    full = [one for one in scans if one.mode in FULL_MODES]
    msert, msert_notes = _column("1) MSERT", full, "full scan" if full or not scans else "quick")
    script, script_notes = _column(
        "2) Test-ProxyLogon.ps1", [one for one in runs if one.tool == SCRIPT], "run"
    )
    notes = [*msert_notes, *script_notes]
    if any(one.state is CompromiseState.INDICATOR_FOUND for one in runs):
        notes.append(f"Indications of compromise were found. {TICKET}")
    return TemplateCells(host, msert, script, " ".join(notes))


def _over(run: ScanRecord, now: datetime) -> bool:
    """Whether it has ended; of one that says it ends later, only what was found counts."""
    return run.state is CompromiseState.INDICATOR_FOUND or not run.finished or run.finished <= now


def _column(name: str, runs: list[ScanRecord], kind: str) -> tuple[str, list[str]]:
    whole = [one for one in runs if one.complete and one.finished is not None]
    states = {one.state for one in runs}
    if any(one.state is CompromiseState.INDICATOR_FOUND for one in whole):
        return YES_FOUND, []
    # A finding of a run that did not end, or a contradiction: never "nothing was found" (I2).
    good = [one for one in whole if _answers(one)]
    if good and not states & SUSPICIOUS:
        return YES_NOTHING, []
    return NO, [f"{name}: {_why(runs, kind)}."]


def _answers(run: ScanRecord) -> bool:
    if run.tool == SCANNER:
        return not_counted(run) is None
    return run.state is CompromiseState.NO_INDICATOR


def _why(runs: list[ScanRecord], kind: str) -> str:
    if not runs:
        return "only a quick scan was run" if kind == "quick" else f"no {kind} is on record"
    unclear = [one for one in runs if not _answers(one)] or runs
    latest = max(unclear, key=lambda one: (one.finished is not None, str(one.finished)))
    day = f"{latest.finished:%Y-%m-%d}" if latest.finished else "an unknown day"
    if not latest.complete:
        found = latest.state is CompromiseState.INDICATOR_FOUND
        more = ", and found indications before that" if found else ""
        return f"the {kind} of {day} did not run to its end{more}"
    if latest.tool == SCANNER and (reason := not_counted(latest)) is not None:
        return f"the {kind} of {day} does not count: {reason}"
    return f"the result of the {kind} of {day} is {latest.state.value}"
