# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to run a script of Microsoft on one host: begun, or taken up where it was left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..base.dates import utc_text
from ..base.errors import AuthenticationFailed, ReplyError, ScriptError, TransportError
from ..facts.read import moment
from ..host.jobs.attempts import Attempts
from ..host.jobs.decide import Patience
from ..host.jobs.driver import JobDriver
from ..host.jobs.orders import may_go_on
from ..host.jobs.state import ABSENT
from ..host.transfer.bring import bring
from ..host.transfer.delivery import push
from ..host.transfer.order import Delivery
from . import run as tool_run
from .record import AttemptRecord

if TYPE_CHECKING:
    from ..change.runtime import Runtime
    from ..change.session import HostSession
    from ..host.jobs.state import JobState
    from ..host.transfer.order import Delivered
    from ..host.transport.reply import Reply
    from .file import RemoteScript
    from .record import AttemptRecords
    from .request import ScriptRequest
    from .run import ScriptOrder, ScriptReport


@dataclass(frozen=True, slots=True)
class Closed:
    """What was collected of an attempt. ``output``: the file on the controller."""

    output: str | None = None
    note: str | None = None
    welcome: bool = True  # whether the host may be asked further: not after it refused credentials


@dataclass(slots=True)
class Attempt:
    """What is asked of the host for one attempt; ``number`` is that of the record."""

    session: HostSession
    request: ScriptRequest
    runtime: Runtime
    script: RemoteScript
    facts: Reply
    records: AttemptRecords
    number: int
    delivered: Delivered | None = None

    @property
    def job(self) -> str:
        """The name of its job."""
        return self.records.job(self.number)

    @property
    def driver(self) -> JobDriver:
        """Who asks about its job."""
        session, runtime = self.session, self.runtime
        return JobDriver(session.transport, session.sleep, runtime.clock, notice=runtime.notice)

    @property
    def attempts(self) -> Attempts:
        """The jobs of this request in this run."""
        return Attempts(self.session, self.driver, self.records.name, self.request.seconds)

    @property
    def delivery(self) -> Delivery:
        """The bringing of its file."""
        session, told = self.session, self.runtime.notice
        return Delivery(
            session.transport, self.request.host, session.run, session.owner, self.script, told
        )

    def known(self) -> JobState:
        """What the host knows of its job."""
        return self.attempts.state(self.number)

    def order(self, path: str, deadline_utc: str) -> ScriptOrder:
        """What is ordered."""
        return tool_run.ScriptOrder(
            file=self.script.identity,
            path=path,
            options=self.request.options,
            job=self.job,
            deadline_utc=deadline_utc,
            owner=self.session.owner,
            run=self.session.run,
            campaign=self.request.campaign,
            progress_seconds=self.request.progress_seconds,
        )

    def arguments(self, facts: dict[str, Any]) -> tuple[str, ...]:
        """The arguments, or :class:`RefusedError`; pure, nothing is sent."""
        return tool_run.plan(self.order(self.script.file, ""), facts, check=False)

    # The way -----------------------------------------------------------------------------

    def begin(self) -> AttemptRecord:
        """Bring the file, look, and keep what was seen: all that has to be ahead of the order."""
        path = self.deliver()
        seconds = timedelta(seconds=self.request.seconds)
        deadline = utc_text((moment(self.facts.host.clock) or self.runtime.now()) + seconds)
        order = self.order(path, deadline)
        before = self.session.again(lambda: tool_run.first_look(self.driver, order))
        record = AttemptRecord(
            job=self.job,
            host=self.request.host,
            run=self.session.run,
            path=path,
            deadline_utc=deadline,
            arguments=list(self.arguments(self.facts.result)),
            facts=self.facts.result,
            before=before,
        )
        self.records.write(self.number, record)
        return record

    def taken_up(self, record: AttemptRecord) -> AttemptRecord | None:
        """Return the record of an attempt that was cut off, or None: nothing came of it.

        :raises RefusedError: it was ordered, and its job is gone from the host.
        """
        if self.known().state != ABSENT:
            return record
        order = self.order(record.path, record.deadline_utc)
        sent = tool_run.job_order(order, tuple(record.arguments))
        host_now = moment(self.facts.host.clock) or self.runtime.now()
        return record if may_go_on(self.session, sent, host_now) else None

    def run(self, record: AttemptRecord) -> ScriptReport:
        """Order it, unless the host has it, watch it, and judge it."""
        order = self.order(record.path, record.deadline_utc)
        step = f"tool/{self.script.identity.tool.id}/run"
        about = {"step": step, "operation": "Start-HostJob", "job": self.job}
        ordered = {"arguments": record.arguments, "sha256": self.script.sha256}
        self.session.record("intent", {**about, "parameters": ordered})
        report = self.session.again(
            lambda: tool_run.run_tool(
                self.driver,
                order,
                record.facts,
                record.before,
                patience=Patience(float(self.request.seconds)),
                catalog=self.runtime.catalog,
                at=self.runtime.now(),
            )
        )
        end, state = report.job, report.job.state
        result = {
            "job": end.outcome.value,
            "exit_code": end.exit_code,
            "sha256_at_launch": state.sha256_at_launch if state else None,
            "outcome": report.result.outcome.value,
        }
        self.session.record("done", {**about, "result": result})
        return report

    def deliver(self) -> str:
        """Bring the file; the host hashes it, and once more right before the launch (I10)."""
        step = f"tool/{self.script.identity.tool.id}/deliver"
        self.delivered = bring(self.session, step, self.delivery, self._push)
        return self.delivered.path

    def _push(self, delivery: Delivery) -> Delivered:
        return push(delivery, self.request.source, clock=self.runtime.clock)

    def close(self, record: AttemptRecord, verdict: dict[str, Any]) -> Closed:
        """Collect what it printed and keep the verdict: the attempt is over."""
        closed = Closed()
        try:
            output = self.session.again(lambda: self.driver.output(self.job))
        except (TransportError, ReplyError, ScriptError) as error:
            note = f"what it printed could not be collected: {error}"
            closed = Closed(welcome=not isinstance(error, AuthenticationFailed), note=note)
        else:
            closed = Closed(output=str(self.records.keep_output(self.number, output)))
        self.records.write(self.number, replace(record, verdict=verdict))
        return closed
