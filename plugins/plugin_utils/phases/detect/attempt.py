# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of one tool on one server: begun, or taken up where it was left, watched, collected.

What the host had before is on the controller's disk ahead of the order: which part of a log is of this
run follows from it. The verdict is on the disk before the job is removed, so a controller that is
killed in between neither starts the tool again nor loses what it left (I15).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...base.dates import utc_text
from ...base.errors import ReplyError, ScriptError, TransportError
from ...facts.read import moment
from ...host.calls import detection
from ...host.calls import facts as facts_call
from ...host.jobs.attempts import Attempts, JobEnd
from ...host.jobs.decide import JobOutcome, Patience
from ...host.jobs.driver import JobDriver, JobOrder
from ...host.jobs.orders import may_go_on
from ...host.jobs.state import ABSENT
from ...host.transfer.bring import bring
from ...host.transfer.order import Delivery
from ...host.transport.keys import operation_key
from ...microsoft.record import AttemptRecord, AttemptRecords

if TYPE_CHECKING:
    from datetime import datetime

    from ...change.session import HostSession
    from ...host.jobs.state import JobState
    from ...host.transfer.order import Delivered
    from ...host.transport.reply import Reply
    from ...trust.packages.tool_records import ToolRecord
    from .choose import ChosenTool
    from .request import DetectRequest, WantedTool
    from .runtime import DetectRuntime

_OUTPUT_BYTES = 4 << 20  # of what a tool prints


@dataclass(slots=True)
class ToolAttempt:
    """What is asked of the host for one run of one tool; ``number`` is that of the record."""

    session: HostSession
    request: DetectRequest
    runtime: DetectRuntime
    chosen: ChosenTool
    facts: Reply
    records: AttemptRecords
    number: int
    delivered: Delivered | None = None

    @classmethod
    def of(
        cls,
        session: HostSession,
        request: DetectRequest,
        runtime: DetectRuntime,
        chosen: ChosenTool,
        facts: Reply,
    ) -> tuple[ToolAttempt, AttemptRecord | None]:
        """The attempt of this run at a tool, with its record if there was one before."""
        records = records_of(request, session.run, chosen.wanted, chosen.record)
        number, record = records.last()
        if record is not None and (record.verdict or {}).get("ended") == JobOutcome.FAILED.value:
            number, record = number + 1, None  # the server did not start it: that was no search
        return cls(session, request, runtime, chosen, facts, records, number or 1), record

    @property
    def job(self) -> str:
        """The name of its job."""
        return self.records.job(self.number)

    @property
    def step(self) -> str:
        """What its steps begin with."""
        return self.chosen.wanted.id

    @property
    def driver(self) -> JobDriver:
        """Who asks about its job."""
        session, runtime = self.session, self.runtime
        return JobDriver(session.transport, session.sleep, runtime.clock, notice=runtime.notice)

    @property
    def delivery(self) -> Delivery:
        """The bringing of its file."""
        session = self.session
        return Delivery(
            session.transport,
            self.request.host,
            session.run,
            session.owner,
            self.chosen.record,
            self.runtime.notice,
        )

    @property
    def host_now(self) -> datetime:
        """The time on the host's clock, as the facts have it."""
        return moment(self.facts.host.clock) or self.runtime.now()

    def known(self) -> JobState:
        """What the host knows of its job."""
        jobs = Attempts(self.session, self.driver, self.records.name, self.chosen.wanted.seconds)
        return jobs.state(self.number)

    def order(self, record: AttemptRecord) -> JobOrder:
        """What is sent; the same record is the same order."""
        return JobOrder(
            job=self.job,
            file=record.path,
            sha256=self.chosen.record.sha256,
            deadline_utc=record.deadline_utc,
            owner=self.session.owner,
            run=self.session.run,
            arguments=tuple(record.arguments),
            progress_timeout_seconds=min(86_400, max(3600, self.chosen.wanted.seconds)),
            output_cap_bytes=_OUTPUT_BYTES,
            kind=self.chosen.job_kind,
            low_priority=True,
        )

    # The way -----------------------------------------------------------------------------

    def look(self) -> dict[str, Any]:
        """What of this tool's work the host has now; JSON, for the case."""
        return detection.ask_state(self.session)

    def deliver(self) -> None:
        """Bring the file; the host hashes it, and once more right before the launch (I10)."""
        self.delivered = bring(
            self.session, f"{self.step}/deliver", self.delivery, self.runtime.deliver
        )

    def begin(self, before: dict[str, Any]) -> AttemptRecord:
        """Bring the file and keep what was seen: all that has to be ahead of the order."""
        self.deliver()
        assert self.delivered is not None  # noqa: S101 - deliver() sets it or raises
        # Of now: the facts may be as old as the scan before this one.
        now = detection.read_state(before).clock or self.host_now
        deadline = now + timedelta(seconds=self.chosen.wanted.seconds)
        record = AttemptRecord(
            job=self.job,
            host=self.request.host,
            run=self.session.run,
            path=self.delivered.path,
            deadline_utc=utc_text(deadline),
            arguments=list(self.chosen.arguments),
            facts=_kept_facts(facts_call.document(self.facts)),
            before=before,
        )
        self.records.write(self.number, record)
        return record

    def taken_up(self, record: AttemptRecord) -> AttemptRecord | None:
        """Return the record of an attempt that was cut off, or None: nothing came of it."""
        if self.known().state != ABSENT:
            return record
        return record if may_go_on(self.session, self.order(record), self.host_now) else None

    def run(self, record: AttemptRecord) -> JobEnd:
        """Order it, unless the host has it, and watch it to its end."""
        about = {"step": f"{self.step}/run", "operation": "Start-HostJob", "job": self.job}
        ordered = {"arguments": record.arguments, "sha256": self.chosen.record.sha256}
        self.session.record("intent", {**about, "parameters": ordered})
        patience = Patience(float(self.chosen.wanted.seconds))
        order = self.order(record)
        end = JobEnd.of(self.job, self.session.again(lambda: self.driver.run(order, patience)))
        state = end.state
        result = {
            "job": end.outcome.value,
            "exit_code": end.exit_code,
            "sha256_at_launch": state.sha256_at_launch if state else None,
        }
        self.session.record("done", {**about, "result": result})
        return end

    def console(self) -> bytes:
        """What the tool printed, as far as the host kept it."""
        return self.session.again(lambda: self.driver.output(self.job, _OUTPUT_BYTES))

    def close(self, record: AttemptRecord, verdict: dict[str, Any]) -> None:
        """Keep the verdict; from now on nothing of the job is needed on the server."""
        self.records.write(self.number, replace(record, verdict=verdict))

    def remove(self, record: AttemptRecord) -> str | None:
        """Remove the job from the server; returns why that was not possible, if so."""
        try:
            self.session.again(lambda: self.driver.remove(self.order(record)))
        except (TransportError, ReplyError, ScriptError) as error:
            return f"job {self.job} could not be removed from the server: {error}"
        return None


def records_of(
    request: DetectRequest, run: str, wanted: WantedTool, file: ToolRecord
) -> AttemptRecords:
    """The records of a run's attempts at a tool with one file."""
    mark = operation_key(run=run, sha256=file.sha256, tool=wanted.tool.id, mode=wanted.mode.name)
    name = f"{wanted.tool.id}-{mark[:12]}"
    return AttemptRecords(request.folder, name, request.host, run, request.secrets)


def _kept_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """The few facts that the reading of the tool rests on."""
    return {name: facts.get(name) for name in ("computer", "exchange", "event_logs")}
