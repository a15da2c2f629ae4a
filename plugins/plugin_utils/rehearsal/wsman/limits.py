# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a Windows host's WinRM service, as numbers that a scenario may change."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ...base.errors import ConfigError

# cmd.exe, which WinRS starts unless WINRS_SKIP_CMD_SHELL is set:
# https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation
CMD_LINE_CHARACTERS = 8191
# CreateProcess, when cmd.exe is skipped.
PROCESS_LINE_CHARACTERS = 32767


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Defaults of Windows Server 2012 and later, where WinRM has one.

    Bytes and seconds. ``receive_bytes`` is how much output one Receive carries; a client's own
    MaxEnvelopeSize may make it less.
    """

    command_line_characters: int = CMD_LINE_CHARACTERS
    envelope_bytes: int = 500 * 1024  # MaxEnvelopeSizekb
    shells_per_user: int = 30  # MaxShellsPerUser
    processes_per_shell: int = 25  # MaxProcessesPerShell
    operations_per_shell: int = 1500  # MaxConcurrentOperationsPerUser; WinRS never counts down
    idle_seconds: float = 7200.0  # IdleTimeout 7200000 ms
    operation_seconds: float = 60.0  # MaxTimeoutms, for a client that names none
    receive_bytes: int = 96 * 1024
    done_separately: bool = False  # the exit code in a Receive of its own
    stdin_grace_seconds: float = 1.0  # how long a command without declared stdin waits for it
    stdin_bytes: int = 64 * 1024 * 1024
    http_header_bytes: int = 64 * 1024
    http_body_bytes: int = 16 * 1024 * 1024  # above: 413 and the connection closes
    xml_depth: int = 32
    xml_elements: int = 2048

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> ServiceLimits:
        """Read the ``limits`` of a scenario; raises ConfigError for an unknown or wrong one."""
        known = {field.name: type(getattr(cls(), field.name)) for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise ConfigError(
                    f"limits: {name} is not a limit; known are {', '.join(sorted(known))}."
                )
            if known[name] is not bool and (
                isinstance(value, bool) or not isinstance(value, int | float) or value < 0
            ):
                raise ConfigError(f"limits: {name} is {value!r}; give a number, zero or more.")
        return cls(**{name: known[name](value) for name, value in values.items()})
