# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of one run: our connection plugin around the fault, the engine itself elsewhere.

Commands far from a fault cost 10 ms over WinRM and carry the bytes that the engine gets anyway (the
test of the whole run over WinRM shows that). So a run goes over the wire from the command before
the fault until it has been overcome, and the product of faults and commands becomes affordable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible.playbook.play_context import PlayContext
from ansible_collections.exchange.remediation.plugins.connection.winrm import Connection
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.connection import (
    HostConnection,
)
from endpoint import NAME, PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
        FaultRule,
    )
    from endpoint import Endpoint

_CALM = 3  # commands over the wire without trouble, after which the fault is overcome


class Plugin(Connection):
    """Our plugin with its options at hand: only a fresh process finds the plugins of collections."""

    def __init__(self, options: dict[str, Any], patience: float) -> None:
        self._given = options
        self._waits = patience
        super().__init__(PlayContext())

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        return self._given[option]

    def set_option(self, option: str, value: Any) -> None:
        self._given[option] = value

    def _open(self, way: str) -> Any:
        protocol = super()._open(way)
        # pywinrm insists on more than a second; a run that waits for nothing need not.
        protocol.transport.read_timeout_sec = self._waits
        return protocol


def plugin(
    endpoint: Endpoint, patience: float, extras: Mapping[str, Any] | None = None, **more: Any
) -> Plugin:
    """A connection to the endpoint that is not open yet; ``patience`` in seconds for one answer.

    ``more`` are other options, ``extras`` other variables that go to pywinrm.
    """
    usual = {
        "ansible_winrm_ca_trust_path": str(endpoint.authority),
        "ansible_winrm_operation_timeout_sec": 1,
        "ansible_winrm_read_timeout_sec": 2,
    }
    options = {
        "remote_addr": endpoint.host.address,
        "remote_user": USER,
        "remote_password": PASSWORD,
        "port": endpoint.port,
        "scheme": "https",
        "path": "/wsman",
        "transport": ["ntlm"],
        "connection_timeout": None,
        "kerberos_command": "kinit",
        "kerberos_mode": None,
        "kinit_args": None,
        "kinit_env_vars": [],
        "inventory_name": NAME,
        "allow_insecure": [],
        "response_max_bytes": 1 << 20,
        "command_max_bytes": 1 << 20,
        "_extras": {**usual, **(extras or {})},
    }
    return Plugin(options | more, patience)


@dataclass
class Line:
    """Executes commands; ``fault`` strikes at command ``at`` (counted from 0), if there is one.

    Without a fault the host is restarted at that moment.
    """

    endpoint: Endpoint
    at: int | None = None
    fault: FaultRule | None = None
    wire: bool = False  # everything goes over WinRM
    patience: float = 5.0
    asked: list[str] = field(default_factory=list)
    _calm: int = 0
    _connection: HostConnection | None = None
    _transport: Any = None

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        """Run one command where it belongs."""
        number = len(self.asked)
        self.asked.append(json.loads(stdin)["operation"])
        if not self._over_wire(number):
            self.close()
            done = self.endpoint.answer(stdin)
            return ExecResult(done.stdout, done.stderr, done.exit_code)
        if number == self.at:
            self._disturb()
        return self._send(command, stdin)

    def _disturb(self) -> None:
        if self.fault is None:
            self.endpoint.restart()
            return
        if self.fault.action == "Create":
            self.close()
        self.endpoint.arm(self.fault)

    def _over_wire(self, number: int) -> bool:
        if self.wire or self.at is None:
            return self.wire
        return number >= self.at - 1 and self._calm < _CALM

    def _send(self, command: str, stdin: bytes) -> ExecResult:
        if self._connection is None:
            self._connection = HostConnection(NAME, plugin(self.endpoint, self.patience), [])
            self._transport = self._connection.open()
        done = self._transport._exec(command, stdin)
        if self.endpoint.fired:
            self._calm += 1
        return done

    def traffic(self) -> dict[str, int]:
        """Requests and bytes of the connection that is open."""
        return (self._connection.traffic() if self._connection else None) or {}

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
