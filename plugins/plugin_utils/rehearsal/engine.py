# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine is: something that runs a command line on a simulated host."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .world.world import World


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a process on the host leaves behind."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account that a simulated host accepts; of this rehearsal only."""

    username: str
    password: str = field(repr=False)


class ConnectionState(Enum):
    """How the endpoint behaves for a host before any command runs."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    WRONG_CREDENTIALS = "wrong-credentials"


@dataclass(slots=True)
class SimulatedHost:
    """One host of the rehearsal: where it listens, whom it accepts, what it is."""

    name: str  # the inventory's name
    address: str  # loopback address the endpoint binds
    world: World
    credentials: Credentials | None = None
    connection: ConnectionState = ConnectionState.OK
    faults: list[dict[str, Any]] = field(default_factory=list)  # rules as the scenario wrote them
    groups: tuple[str, ...] = ()


class Engine(Protocol):
    """Runs commands on simulated hosts."""

    name: str  # "model" | "powershell"

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        """Run any WinRS command line."""
        ...

    async def run_script(
        self, host: SimulatedHost, script: str, stdin_lines: Sequence[str]
    ) -> CommandResult:
        """Run a PSRP pipeline: script text, not a command line."""
        ...

    async def close(self) -> None:
        """End whatever the engine started."""
        ...
