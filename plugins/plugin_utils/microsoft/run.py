# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a script of Microsoft on one host: look, order the job, look again, read back, judge.

What stood on the host *before* decides which of the tool's texts are new. It is read once,
ahead of the order, and belongs into the case: a controller that was killed gives it back, and
the job of that name is watched further instead of being ordered again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.errors import RefusedError
from ..host.calls.asking import Direct
from ..host.calls.facts import collect
from ..host.calls.microsoft import read_trace, trace
from ..host.jobs.attempts import JobEnd
from ..host.jobs.decide import JobOutcome
from ..host.jobs.driver import JobOrder
from ..host.jobs.state import ABSENT, JobState
from .command import arguments
from .result import ScriptOutcome, ScriptResult, ScriptRun, verdict
from .situation import read_back, situation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ..catalog.catalog import Catalog
    from ..host.jobs.decide import Patience
    from ..host.jobs.driver import JobDriver
    from ..host.transport.base import Transport
    from ..judge.mitigations.state import JudgedMitigation
    from .command import ScriptOptions
    from .identify import ToolFile


@dataclass(frozen=True, slots=True)
class ScriptOrder:
    """What is to be run. ``path``: where the verified file stands on the host."""

    file: ToolFile
    path: str
    options: ScriptOptions
    job: str
    deadline_utc: str
    owner: str
    run: str
    campaign: str = "proxylogon"
    progress_seconds: int = 1800


@dataclass(frozen=True, slots=True)
class ScriptReport:
    """What became of it, with what it rests on."""

    result: ScriptResult
    arguments: tuple[str, ...]
    job: JobEnd
    before: dict[str, Any]
    after: dict[str, Any] | None  # None: it was not looked again
    states: Mapping[str, JudgedMitigation] | None = None  # read back by us


def look(transport: Transport, order: ScriptOrder, log_from: int = 0) -> dict[str, Any]:
    """Read what the tool left on the host so far; JSON, for the case."""
    return trace(Direct(transport), order.file.tool.id, order.path, log_from)


def plan(order: ScriptOrder, facts: Mapping[str, Any] | None, *, check: bool) -> tuple[str, ...]:
    """Return the arguments, or raise :class:`RefusedError`: before anything is sent."""
    found = situation(facts, order.file.tool.site)
    return arguments(order.file.tool, order.file.version, order.options, found, check=check)


def refuse_known(state: JobState) -> None:
    """Refuse to begin with a job that is on the host already: it is too late for a first look."""
    if state.state != ABSENT:
        raise RefusedError(
            f"job {state.job} is on the host already ({state.state}), and what stood there before "
            "it is not known here; continue its run with what that one kept, or start another run"
        )


def first_look(driver: JobDriver, order: ScriptOrder) -> dict[str, Any]:
    """Look ahead of the order; keep the answer until the run is judged.

    :raises RefusedError: the job is on the host already, so it is too late to look, or the
        file there is not the one that was chosen.
    """
    refuse_known(driver.observe(order.job))
    before = look(driver.transport, order)
    found = read_trace(before).sha256
    if found != order.file.sha256:
        raise RefusedError(
            f"{order.path} on the host has SHA-256 {found or 'unknown'}, "
            f"wanted is {order.file.sha256}; deliver the file again"
        )
    return before


def run_tool(
    driver: JobDriver,
    order: ScriptOrder,
    facts: Mapping[str, Any] | None,
    before: dict[str, Any],
    *,
    patience: Patience,
    catalog: Catalog,
    at: datetime,
) -> ScriptReport:
    """Run it once, whatever happens to the line, and judge it.

    ``facts`` and ``before`` are of the time ahead of the order, also when it is resumed.
    """
    given = plan(order, facts, check=False)
    job = JobEnd.of(order.job, driver.run(job_order(order, given), patience))
    if job.outcome is JobOutcome.UNKNOWN:
        # Nothing more is asked: it may be unknown because the host refused our credentials.
        return ScriptReport(_nobody_knows(job), given, job, before, None)
    earlier = read_trace(before)
    if job.refused:
        run = ScriptRun(job, earlier, earlier)
        return ScriptReport(
            verdict(order.file.tool, order.options, run, None), given, job, before, None
        )
    after = look(driver.transport, order, earlier.log_size or 0)
    reply = collect(Direct(driver.transport))
    names = order.options.mitigations
    state = read_back(reply.result, reply.errors, names, catalog, order.campaign, at)
    run = ScriptRun(job, earlier, read_trace(after))
    result = verdict(order.file.tool, order.options, run, state)
    return ScriptReport(result, given, job, before, after, state)


def _nobody_knows(job: JobEnd) -> ScriptResult:
    reason = f"how its job ended is not known: {job.reason}"
    return ScriptResult(
        ScriptOutcome.UNKNOWN, None, None, None, updated_itself=False, reasons=(reason,)
    )


def job_order(order: ScriptOrder, given: tuple[str, ...]) -> JobOrder:
    """Return the order of the job that runs it with these arguments."""
    return JobOrder(
        job=order.job,
        file=order.path,
        sha256=order.file.sha256,
        deadline_utc=order.deadline_utc,
        owner=order.owner,
        run=order.run,
        arguments=given,
        progress_timeout_seconds=order.progress_seconds,
    )
