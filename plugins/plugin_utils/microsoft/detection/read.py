# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of one detection tool to what it says: the one way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.model import CompromiseState
from ...judge.compromise.records import DetectionCheck, ToolReading
from .eomt import read_eomt
from .msert import read_msert
from .proxylogon import read_proxylogon

if TYPE_CHECKING:
    from datetime import datetime

    from .records import ToolRun


def read_run(run: ToolRun, since: datetime) -> ToolReading:
    """Read what a run left. Total: whatever the bytes are, there is an answer, never "clean"."""
    if run.tool.id == "test-proxylogon":
        return read_proxylogon(run, since)
    if run.tool.id == "msert":
        return read_msert(run)
    if run.tool.id in ("eomt-scan", "eomt-unified-scan"):
        return read_eomt(run)
    reason = f"what {run.tool.file} leaves makes no statement on a compromise"
    checks = tuple(
        DetectionCheck(check, run.tool.id, run.tool.title, CompromiseState.INCONCLUSIVE, (reason,))
        for check in run.checks
    )
    version = str(run.version) if run.version else None
    return ToolReading(run.tool.id, version, finished=False, checks=checks)
