# SPDX-License-Identifier: GPL-3.0-or-later
"""WinRS: the cmd shell and its commands."""

from __future__ import annotations

import asyncio
import base64
import binascii
import codecs
import re
import uuid
from typing import TYPE_CHECKING

from ..engine import CommandResult
from . import envelopes
from .limits import PROCESS_LINE_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..engine import Engine, SimulatedHost
    from .limits import ServiceLimits
    from .soap import Message

RESOURCE_URI = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
UTF_8 = "65001"
_OEM = "437"  # what a client gets that does not ask for a code page
_CTRL_C_EXIT = -1073741510  # STATUS_CONTROL_C_EXIT
_OPERATION = re.compile(rb'"operation"\s*:\s*"([A-Za-z0-9-]{1,64})"')


def operation_of(stdin: bytes) -> str:
    """Return the name of the operation that a request line on stdin carries, or nothing."""
    match = _OPERATION.search(stdin[:4096])
    return match[1].decode() if match else ""


def decode_stream(text: str) -> bytes:
    """Decode a Stream element; raises the fault for what is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    try:  # clients may fold lines
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise envelopes.missing("a Stream element is not base64") from None


def truth(text: str | None) -> bool | None:
    """Read an option or attribute such as TRUE, true, 1; None if absent."""
    return None if text is None else text.strip().lower() in ("true", "1")


class WinrsCommand:
    """One command of a shell: input so far, the running engine, output not yet fetched."""

    def __init__(self, shell: WinrsShell, line: str, *, longest: int, piped: bool) -> None:
        """Take the command line; ``piped`` means that the client announced standard input."""
        self.id = str(uuid.uuid4()).upper()
        self.line = line
        self._longest = longest
        self._shell = shell
        self._stdin = bytearray()
        self._waits_for_input = piped
        self._task: asyncio.Task[CommandResult] | None = None
        self._output: list[tuple[str, memoryview]] | None = None
        self._exit_code: int | None = None
        self._begun = asyncio.Event()
        self._grace: asyncio.TimerHandle | None = None
        self.operations: tuple[str, ...] = (line,)
        if not piped:
            # Nobody says whether input will come: it starts with the first Receive, or alone.
            self._grace = asyncio.get_running_loop().call_later(
                shell.limits.stdin_grace_seconds, self.start
            )

    @property
    def started(self) -> bool:
        """True once the host acts."""
        return self._task is not None

    def feed(self, data: bytes, *, end: bool) -> None:
        """Take standard input; the command runs when it is complete."""
        if self._task is not None:
            raise envelopes.Fault(
                232, "w:InternalError", "The pipe is being closed. ", sender=False
            )
        self._waits_for_input = True
        self._stdin += data
        if len(self._stdin) > self._shell.limits.stdin_bytes:
            raise envelopes.envelope_too_large(self._shell.limits.stdin_bytes)
        if self._grace is not None:
            self._grace.cancel()
        name = operation_of(bytes(self._stdin[:4096]))
        if name:
            self.operations = (self.line, name)
        if end:
            self.start()

    def start(self) -> None:
        """Let the host run it, once."""
        if self._task is not None:
            return
        if self._grace is not None:
            self._grace.cancel()
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._begun.set()

    def start_unless_piped(self) -> None:
        """Let the host run it, unless it waits for input."""
        if not self._waits_for_input:
            self.start()

    async def _run(self) -> CommandResult:
        shell = self._shell
        if len(self.line) > self._longest:
            return CommandResult(b"", b"The command line is too long.\r\n", 1)
        result = await shell.engine.run(shell.host, self.line, bytes(self._stdin))
        self._stdin = bytearray()
        return result

    def receive(self, seconds: float, size: int) -> str | Awaitable[str]:
        """Return the next output, at once if there is any; raises the time-out fault."""
        if self._task is None and not self._waits_for_input:
            self.start()
        if self._output is not None or (self._task is not None and self._task.done()):
            return self._next(size)
        return self._wait(seconds, size)

    async def _wait(self, seconds: float, size: int) -> str:
        try:
            async with asyncio.timeout(seconds):
                await self._begun.wait()  # without all of its input a real process waits, too
                if self._task is not None:
                    await asyncio.wait({self._task})
        except TimeoutError:
            raise envelopes.operation_timed_out() from None
        return self._next(size)

    def _next(self, size: int) -> str:
        if self._output is None:
            self._collect()
        output = self._output or []
        streams: list[tuple[str, str]] = []
        room = size
        while output and room > 0:
            name, data = output[0]
            piece = data[:room]
            room -= len(piece)
            streams.append((name, base64.b64encode(piece).decode("ascii")))
            if len(piece) == len(data):
                output.pop(0)
            else:
                output[0] = (name, data[len(piece) :])
        done = not output and not (streams and self._shell.limits.done_separately)
        return envelopes.output(self.id, streams, exit_code=self._exit_code, done=done)

    def _collect(self) -> None:
        task = self._task
        if task is None or task.cancelled():
            self._output, self._exit_code = [], _CTRL_C_EXIT
            return
        failure = task.exception()
        if failure is not None:
            raise envelopes.Fault(
                1359, "w:InternalError", f"The simulated host failed: {failure!r}", sender=False
            )
        result = task.result()
        self._exit_code = result.exit_code
        pairs = (("stdout", result.stdout), ("stderr", result.stderr))
        self._output = [
            (name, memoryview(self._shell.encode(data))) for name, data in pairs if data
        ]

    def interrupt(self) -> None:
        """End it, as a signal does."""
        if self._grace is not None:
            self._grace.cancel()
        if self._task is None:
            self._output, self._exit_code = [], _CTRL_C_EXIT
            self._begun.set()
        elif not self._task.done():
            self._task.cancel()


class WinrsShell:
    """One cmd shell of one client."""

    resource_uri = RESOURCE_URI

    def __init__(
        self, host: SimulatedHost, engine: Engine, limits: ServiceLimits, request: Message
    ) -> None:
        """Open it as the Create request asks."""
        self.host = host
        self.engine = engine
        self.limits = limits
        self.id = str(uuid.uuid4()).upper()
        self.idle_seconds = limits.idle_seconds
        self._commands: dict[str, WinrsCommand] = {}
        self._commands_ever = 0
        self._codec = _codec(request.options.get("WINRS_CODEPAGE", _OEM))

    def encode(self, data: bytes) -> bytes:
        """Turn an engine's UTF-8 into the code page of the shell."""
        if self._codec is None or data.isascii():
            return data
        try:
            return data.decode("utf-8").encode(self._codec, "replace")
        except UnicodeDecodeError:
            return data  # the command chose another encoding itself

    def operations(self, command_id: str) -> tuple[str, ...]:
        """Return what fault rules match as ``operation``."""
        command = self._commands.get(command_id.upper())
        return command.operations if command is not None else ()

    def command(self, request: Message) -> str:
        """Start a command; return the body of the response."""
        limits = self.limits
        if len(self._commands) >= limits.processes_per_shell:
            raise envelopes.too_many_commands()
        if self._commands_ever >= limits.operations_per_shell:
            raise envelopes.too_many_operations(limits.operations_per_shell)
        if request.first("Command") is None:
            raise envelopes.missing("CommandLine has no Command")
        words = [item.text for item in request.body if item.name in ("Command", "Arguments")]
        longest = (
            PROCESS_LINE_CHARACTERS
            if truth(request.options.get("WINRS_SKIP_CMD_SHELL"))
            else limits.command_line_characters
        )
        piped = truth(request.options.get("WINRS_CONSOLEMODE_STDIN")) is False
        line = " ".join(word for word in words if word)
        command = WinrsCommand(self, line, longest=longest, piped=piped)
        self._commands[command.id] = command
        self._commands_ever += 1
        return envelopes.command_started(command.id)

    def send(self, request: Message) -> str:
        """Take a piece of standard input."""
        stream = request.first("Stream")
        if stream is None:
            raise envelopes.missing("Send has no Stream")
        end = bool(truth(stream.attributes.get("End")))
        command = self._find(stream.attributes.get("CommandId", ""))
        command.feed(decode_stream(stream.text), end=end)
        return "<rsp:SendResponse/>"

    def receive(self, request: Message, seconds: float, size: int) -> str | Awaitable[str]:
        """Return the next output of a command."""
        wanted = request.first("DesiredStream")
        if wanted is None:
            raise envelopes.missing("Receive has no DesiredStream")
        return self._find(wanted.attributes.get("CommandId", "")).receive(seconds, size)

    def signal(self, request: Message) -> str:
        """Interrupt a command, or let go of it (terminate)."""
        element = request.first("Signal")
        command_id = element.attributes.get("CommandId", "") if element is not None else ""
        command = self._find(command_id)
        command.interrupt()
        if request.text("Code").strip().lower().endswith("/terminate"):
            del self._commands[command.id]
        return "<rsp:SignalResponse/>"

    def close(self) -> None:
        """End all that still runs."""
        for command in self._commands.values():
            command.interrupt()
        self._commands.clear()

    def act(self) -> None:
        """Start what would only start with the next request (an ``after`` rule needs it)."""
        for command in self._commands.values():
            command.start_unless_piped()

    def _find(self, command_id: str) -> WinrsCommand:
        command = self._commands.get(command_id.upper())
        if command is None:
            raise envelopes.command_not_found(command_id)
        return command


def _codec(codepage: str) -> str | None:
    """Return Python's name of a Windows code page, None for UTF-8 and for unknown ones."""
    if codepage == UTF_8:
        return None
    try:
        return codecs.lookup(f"cp{codepage}").name
    except LookupError:
        return None
