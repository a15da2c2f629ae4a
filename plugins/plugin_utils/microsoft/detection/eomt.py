# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scan of EOMT left: threats count, their absence never does.

The program fetches the Safety Scanner itself, counts threats as success, and its values in the
registry stay from run to run; so it can show an indicator, and cannot show that there is none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...base.model import CompromiseState
from ...judge.compromise.records import DetectionCheck, Evidence, Finding, ToolReading
from .msert import LOG, threats
from .text import decoded, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import CollectedFile, ToolRun

_STATE = "patchstate.json"  # the values of its registry key, by name
_STAGE = "MSERTProcess"
_WORDS = "THREATS DETECTED"
_TEXTS = ("eomt.log", "patchstate.json")
_LINES = 20_000
_MOST = 200
_TITLE = "a threat by the Safety Scanner that EOMT ran"


def read_eomt(run: ToolRun) -> ToolReading:
    """Read what it left."""
    findings = tuple(_findings(run))[:_MOST]
    said = _stage(run)
    reasons = [
        f"{run.tool.file} proves nothing by finding nothing: {run.tool.reason or 'see docs'}"
    ]
    reasons.append(f"{_STAGE} says '{shown(said)}'" if said else f"{_STAGE} says nothing")
    if why := run.broken_off():
        reasons.append(why)
    reasons += [f"{file.base}: {file.doubt}" for file in run.files if file.doubt]
    state = CompromiseState.INDICATOR_FOUND if findings else CompromiseState.INCONCLUSIVE
    check = DetectionCheck(
        run.mode.check, run.tool.id, run.tool.title, state, tuple(reasons), findings
    )
    version = str(run.version) if run.version else None
    return ToolReading(run.tool.id, version, finished=False, checks=(check,), said=said)


def _findings(run: ToolRun) -> Iterator[Finding]:
    for file in (run.console, *run.files):
        if file.base == LOG:
            yield from threats(file)
        elif file is run.console or file.base in _TEXTS:
            for number, line in enumerate(decoded(file.data).splitlines()[:_LINES], start=1):
                if _WORDS in line:  # "No known threats detected" is in small letters
                    yield _finding(line, file, f"line {number}")


def _finding(detail: str, file: CollectedFile, place: str) -> Finding:
    where = Evidence(file.name, file.origin, file.sha256, place)
    return Finding("threat", _TITLE, shown(detail), where)


def _stage(run: ToolRun) -> str | None:
    for file in run.files:
        if file.base == _STATE:
            try:
                values = json.loads(decoded(file.data))
                return str(values[_STAGE])
            except (ValueError, KeyError, TypeError, RecursionError):
                return None
    return None
