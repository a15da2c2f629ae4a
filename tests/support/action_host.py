# SPDX-License-Identifier: GPL-3.0-or-later
"""An action of the collection as Ansible makes it, over a connection that a model answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)

PASSWORD = "hunter2-hunter2"
SPEC = {"exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}}


class Connection:
    """Our winrm connection, as far as the action needs one; answers from a model."""

    transport = "exchange.remediation.winrm"
    ansible_name = "exchange.remediation.winrm"
    become: Any = None

    def __init__(self, twist: tuple[str, str] | None = None) -> None:
        self.twist = twist
        self.commands: list[str] = []
        self.closed = False
        self._shell = SimpleNamespace(tmpdir=None)
        self.world = build_world(SPEC, "ex01")

    def get_option(self, name: str) -> Any:
        return {
            "remote_addr": "10.0.0.1",
            "remote_user": "responder",
            "remote_password": PASSWORD,
            "port": 5986,
            "scheme": "https",
            "transport": ["ntlm"],
            "_extras": {},
        }[name]

    def exec_command(self, cmd: str, in_data: bytes, *, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.commands.append(cmd)
        done = ModelEngine().answer(self.world, in_data.decode())
        stdout = done.stdout.decode()
        return 0, (stdout.replace(*self.twist) if self.twist else stdout).encode(), b""

    def close(self) -> None:
        self.closed = True


def action(connection: Connection, module: Any, **arguments: Any) -> Any:
    """The action of ``module``, as it is made for one task with these arguments."""
    task = SimpleNamespace(
        args=arguments, become=False, check_mode=False, async_val=0, diff=False, action="x",
        delegate_to=None, timeout=0, collections=[], environment=None, no_log=False,
    )  # fmt: skip
    templar = SimpleNamespace(template=lambda value: value)
    return module.ActionModule(task, connection, SimpleNamespace(), None, templar, None)
