# SPDX-License-Identifier: GPL-3.0-or-later
"""PSRP: a PowerShell runspace pool over a WSMan shell; psrpcore keeps the protocol's state.

A pipeline runs when its input is complete. Its lines of standard output become string
objects, standard error becomes error records, an exit code other than 0 the host call
SetShouldExit - which is where Ansible's psrp connection looks for them.
"""

from __future__ import annotations

import asyncio
import base64
import struct
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from psrpcore import (
    CreatePipelineEvent,
    EndOfPipelineInputEvent,
    GetAvailableRunspacesEvent,
    PipelineInputEvent,
    PSRPCoreError,
    PSRPPayload,
    ResetRunspaceStateEvent,
    ServerPipeline,
    ServerRunspacePool,
    SetMaxRunspacesEvent,
    SetMinRunspacesEvent,
    StreamType,
)
from psrpcore.types import ErrorCategoryInfo, HostMethodIdentifier, NETException

from ..engine import CommandResult
from . import envelopes
from .pipeline_text import script_text
from .shell_winrs import decode_stream, operation_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..engine import Engine, SimulatedHost
    from .limits import ServiceLimits
    from .soap import Message

RESOURCE_PREFIX = "http://schemas.microsoft.com/powershell/"
# What psrpcore raises for bytes that are no fragment, and what it lets pass from the parsers
# below it; SyntaxError is ElementTree's ParseError.
_UNREADABLE = (
    PSRPCoreError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    SyntaxError,
    struct.error,
)
_ANSWERED_TRUE = (SetMaxRunspacesEvent, SetMinRunspacesEvent, ResetRunspaceStateEvent)


class _GuardedPool(ServerRunspacePool):
    """A pool that refuses document types, because psrpcore parses with ElementTree."""

    def _process_message(self, message: Any) -> Any:
        if b"<!" in message.data:
            raise PSRPCoreError("document type declarations are refused")
        return super()._process_message(message)


class _Pipeline:
    """One pipeline: its script, the input so far, the run, and what to deliver."""

    def __init__(self, pool: _GuardedPool, identifier: uuid.UUID) -> None:
        self.state = ServerPipeline(pool, identifier)
        self.script = ""
        self.lines: list[str] = []
        self.task: asyncio.Task[None] | None = None
        self.finished = False

    @property
    def operations(self) -> tuple[str, ...]:
        first = self.lines[0] if self.lines else ""
        name = operation_of(first[:4096].encode("utf-8", "replace"))
        return tuple(item for item in (self.script, name) if item)


class PsrpShell:
    """One runspace pool of one client."""

    def __init__(
        self, host: SimulatedHost, engine: Engine, limits: ServiceLimits, request: Message
    ) -> None:
        """Open it with the fragments of creationXml."""
        shell = request.first("Shell")
        self.host = host
        self.engine = engine
        self.limits = limits
        self.resource_uri = request.resource_uri
        given = shell.attributes.get("ShellId", "") if shell is not None else ""
        self.id = (given or str(uuid.uuid4())).upper()
        self.idle_seconds = limits.idle_seconds
        self._pool = _GuardedPool()
        self._pipelines: dict[str, _Pipeline] = {}
        self._ready: dict[str, deque[bytes]] = {"": deque()}
        self._news = asyncio.Event()
        self._feed(decode_stream(request.text("creationXml")), None)

    def operations(self, command_id: str) -> tuple[str, ...]:
        """Return what fault rules match as ``operation``."""
        pipeline = self._pipelines.get(command_id.upper())
        return pipeline.operations if pipeline is not None else ()

    def command(self, request: Message) -> str:
        """Create a pipeline from the fragments in Arguments."""
        line = request.first("CommandLine")
        given = line.attributes.get("CommandId", "") if line is not None else ""
        try:
            identifier = uuid.UUID(given) if given else uuid.uuid4()
        except ValueError:
            raise envelopes.missing("CommandId is not a UUID") from None
        command_id = str(identifier).upper()
        # psrpcore wants the pipeline to exist before the fragment that describes it.
        self._pipelines[command_id] = _Pipeline(self._pool, identifier)
        self._ready[command_id] = deque()
        self._feed(decode_stream(request.text("Arguments")), identifier)
        return envelopes.command_started(command_id)

    def send(self, request: Message) -> str:
        """Take fragments for the pool or for a pipeline."""
        stream = request.first("Stream")
        if stream is None:
            raise envelopes.missing("Send has no Stream")
        command_id = stream.attributes.get("CommandId", "").upper()
        if command_id and command_id not in self._pipelines:
            raise envelopes.command_not_found(command_id)
        self._feed(decode_stream(stream.text), uuid.UUID(command_id) if command_id else None)
        return "<rsp:SendResponse/>"

    def receive(self, request: Message, seconds: float, size: int) -> str | Awaitable[str]:
        """Return the next fragments of the pool or of a pipeline."""
        wanted = request.first("DesiredStream")
        command_id = wanted.attributes.get("CommandId", "").upper() if wanted is not None else ""
        if command_id not in self._ready:
            raise envelopes.command_not_found(command_id)
        self._collect(size)
        if self._ready[command_id]:
            return self._deliver(command_id)
        return self._wait(command_id, seconds, size)

    def signal(self, request: Message) -> str:
        """Stop a pipeline (ctrl_c), or let go of it (terminate)."""
        element = request.first("Signal")
        command_id = element.attributes.get("CommandId", "").upper() if element else ""
        pipeline = self._pipelines.get(command_id)
        if pipeline is None:
            raise envelopes.command_not_found(command_id)
        running = pipeline.task is not None and not pipeline.finished
        if pipeline.task is not None:
            pipeline.task.cancel()
        if request.text("Code").strip().lower().endswith("/terminate"):
            del self._pipelines[command_id], self._ready[command_id]
            self._pool.pipeline_table.pop(uuid.UUID(command_id), None)
        elif running:
            pipeline.state.stop()
            pipeline.finished = True
            self._news.set()
        return "<rsp:SignalResponse/>"

    def close(self) -> None:
        """End all that still runs."""
        for pipeline in self._pipelines.values():
            if pipeline.task is not None:
                pipeline.task.cancel()

    def act(self) -> None:
        """Nothing waits: a pipeline says whether it has input."""

    def _feed(self, data: bytes, identifier: uuid.UUID | None) -> None:
        try:
            self._pool.receive_data(PSRPPayload(data, StreamType.default, identifier))
            while (event := self._pool.next_event()) is not None:
                self._handle(event)
        except _UNREADABLE as error:
            raise envelopes.missing(f"the PSRP fragment is invalid ({error})") from None
        self._news.set()

    def _handle(self, event: Any) -> None:
        if isinstance(event, _ANSWERED_TRUE):
            self._pool.runspace_availability_response(event.ci, response=True)
        elif isinstance(event, GetAvailableRunspacesEvent):
            self._pool.runspace_availability_response(event.ci, response=1)
        pipeline = self._pipelines.get(str(event.pipeline_id).upper())
        if pipeline is None:
            return
        if isinstance(event, CreatePipelineEvent):
            pipeline.script = script_text(event.pipeline)
            pipeline.state.start()
            if event.pipeline.no_input:
                self._start(pipeline)
        elif isinstance(event, PipelineInputEvent):
            data = event.data
            pipeline.lines += [str(item) for item in (data if isinstance(data, list) else [data])]
        elif isinstance(event, EndOfPipelineInputEvent):
            self._start(pipeline)

    def _start(self, pipeline: _Pipeline) -> None:
        if pipeline.task is None:
            pipeline.task = asyncio.get_running_loop().create_task(self._run(pipeline))

    async def _run(self, pipeline: _Pipeline) -> None:
        try:
            result = await self.engine.run_script(self.host, pipeline.script, pipeline.lines)
            self._write(pipeline, result)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises, the client must hear
            text = f"the simulated host failed: {error!r}"
            self._write(pipeline, CommandResult(b"", text.encode(), 1))
        finally:
            pipeline.finished = True
            self._news.set()

    def _write(self, pipeline: _Pipeline, result: CommandResult) -> None:
        state = pipeline.state
        for line in result.stdout.decode("utf-8", "replace").splitlines():
            state.write_output(line)
        error = result.stderr.decode("utf-8", "replace").strip()
        if error:
            state.write_error(
                NETException(Message=error),
                category_info=ErrorCategoryInfo(Reason="RemoteException"),
                fully_qualified_error_id="NativeCommandErrorMessage",
            )
        if result.exit_code:
            state.host_call(HostMethodIdentifier.SetShouldExit, [result.exit_code])
        state.complete()

    def _collect(self, size: int) -> None:
        while (payload := self._pool.data_to_send(max(size, 4096))) is not None:
            key = str(payload.pipeline_id).upper() if payload.pipeline_id else ""
            queue = self._ready.get(key)
            if queue is not None:
                queue.append(payload.data)

    async def _wait(self, command_id: str, seconds: float, size: int) -> str:
        try:
            async with asyncio.timeout(seconds):
                while not self._ready.get(command_id):
                    self._news.clear()
                    await self._news.wait()
                    self._collect(size)
                    if command_id and command_id not in self._ready:
                        raise envelopes.command_not_found(command_id)
        except TimeoutError:
            raise envelopes.operation_timed_out() from None
        return self._deliver(command_id)

    def _deliver(self, command_id: str) -> str:
        queue = self._ready[command_id]
        data = base64.b64encode(queue.popleft()).decode("ascii")
        pipeline = self._pipelines.get(command_id)
        done = pipeline is not None and pipeline.finished and not queue
        return envelopes.output(command_id, [("stdout", data)], done=done)
