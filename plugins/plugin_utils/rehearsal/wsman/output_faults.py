# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of what a command prints: anti-malware, profiles, crashes, forgers.

An engine around the engine: the command runs, then a rule may change what it left behind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..engine import CommandResult
from .faults import OUTPUT_ACTION, Occasion
from .shell_winrs import operation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..engine import Engine, SimulatedHost
    from .faults import FaultPlan

_NOISE_BEFORE = b"Loading personal and system profiles took 1741ms.\r\nWARNING: {not json}\r\n"
_NOISE_AFTER = b"\r\n--More--\r\n"
# How Windows PowerShell writes an error to a standard error that is no console.
_CLIXML = (
    b"#< CLIXML\r\n"
    b'<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    b'<S S="Error">The script contains malicious content and has been blocked by your antivirus'
    b" software._x000D__x000A_</S></Objs>"
)
_NONCE = re.compile(rb'"(nonce|end)":"[0-9a-f]{32}"')


def _noise(result: CommandResult) -> CommandResult:
    stdout = _NOISE_BEFORE + result.stdout + _NOISE_AFTER
    return CommandResult(stdout, result.stderr, result.exit_code)


def _forge(result: CommandResult) -> CommandResult:
    stdout = _NONCE.sub(rb'"\1":"00000000000000000000000000000000"', result.stdout)
    return CommandResult(stdout, result.stderr, result.exit_code)


_CHANGES: dict[str, Callable[[CommandResult], CommandResult]] = {
    "empty": lambda _: CommandResult(b"", b"", 1),
    "cut": lambda r: CommandResult(r.stdout[: len(r.stdout) // 2], r.stderr, r.exit_code),
    "noise": _noise,
    "clixml": lambda _: CommandResult(b"", _CLIXML, 1),
    "nonce": _forge,
}


class MeddlingEngine:
    """Runs commands on another engine and lets fault rules meddle with what they print."""

    def __init__(self, engine: Engine, plan: FaultPlan) -> None:
        """Take the real engine and the fleet's rules."""
        self.name = engine.name
        self._engine = engine
        self._plan = plan

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        """Run any WinRS command line."""
        result = await self._engine.run(host, command_line, stdin)
        return self._meddle(host, command_line, stdin, result)

    async def run_script(
        self, host: SimulatedHost, script: str, stdin_lines: Sequence[str]
    ) -> CommandResult:
        """Run a PSRP pipeline."""
        result = await self._engine.run_script(host, script, stdin_lines)
        first = stdin_lines[0].encode("utf-8", "replace") if stdin_lines else b""
        return self._meddle(host, script, first, result)

    async def close(self) -> None:
        """End the real engine."""
        await self._engine.close()

    def _meddle(
        self, host: SimulatedHost, line: str, stdin: bytes, result: CommandResult
    ) -> CommandResult:
        if not self._plan:
            return result
        operations = (line, operation_of(stdin))
        rule = self._plan.strike(Occasion(host.name, OUTPUT_ACTION, operations, "after"))
        return result if rule is None else _CHANGES[rule.kind](result)
