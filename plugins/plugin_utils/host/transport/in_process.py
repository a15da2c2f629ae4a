# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations straight into a rehearsal engine: no network, the same codec, scripts and errors."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, Self

from ...base.errors import Timeout, TransportError
from .base import ExecResult, ExecTransport


class CommandOutput(Protocol):
    """What an engine returns for one command (``rehearsal.engine.CommandResult``)."""

    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...
    @property
    def exit_code(self) -> int: ...


class CommandEngine(Protocol):
    """What is used of ``rehearsal.engine.Engine``; ``host`` is one of its simulated hosts."""

    async def run(self, host: Any, command_line: str, stdin: bytes) -> CommandOutput:
        """Run one command line on the host."""


class InProcessTransport(ExecTransport):
    """One host of an engine. ``close()`` ends the private event loop, not the engine.

    ``runner`` lets callers run several hosts of one engine in the same event loop.
    """

    def __init__(
        self,
        engine: CommandEngine,
        host: Any,
        *,
        runner: asyncio.Runner | None = None,
        **options: Any,
    ) -> None:
        super().__init__(self._run_in_engine, peer=f"rehearsal:{host.name}", **options)
        self._engine = engine
        self._host = host
        self._owned = runner is None
        self._runner = runner or asyncio.Runner()

    def _run_in_engine(self, command: str, stdin: bytes) -> ExecResult:
        try:
            done = self._runner.run(self._engine.run(self._host, command, stdin))
        except TimeoutError as error:
            raise Timeout(f"{self.peer}: the engine did not answer in time: {error}") from error
        except OSError as error:
            raise TransportError(f"{self.peer}: the connection broke: {error}") from error
        return ExecResult(stdout=done.stdout, stderr=done.stderr, exit_code=done.exit_code)

    def close(self) -> None:
        """Close the event loop if it is our own."""
        if self._owned:
            self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
