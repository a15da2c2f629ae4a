# SPDX-License-Identifier: GPL-3.0-or-later
"""The action itself: what it accepts, refuses, returns and takes out."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.exchange.remediation.plugins.action import exchange_server_info, report
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)

PASSWORD = "hunter2-hunter2"
SPEC = {"exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}}


class Connection:
    """Ansible's winrm connection, as far as the action needs one; answers from a model."""

    transport = "winrm"
    ansible_name = "ansible.builtin.winrm"
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


def action(connection: Connection, module: Any = exchange_server_info, **arguments: Any) -> Any:
    task = SimpleNamespace(
        args=arguments, become=False, check_mode=False, async_val=0, diff=False, action="x",
        delegate_to=None, timeout=0, collections=[], environment=None, no_log=False,
    )  # fmt: skip
    templar = SimpleNamespace(template=lambda value: value)
    return module.ActionModule(task, connection, SimpleNamespace(), None, templar, None)


def run(connection: Connection, **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = action(connection, **arguments).run(
        task_vars={"inventory_hostname": "ex01"}
    )
    return result


def test_one_command_and_one_entry_and_nothing_else_come_back() -> None:
    connection = Connection()
    result = run(connection)
    assert set(result) == {"changed", "exchange_server"}
    assert result["changed"] is False
    assert result["exchange_server"]["state"] == "assessed"
    assert result["exchange_server"]["peer"]["authentication"] == ["ntlm"]
    assert len(connection.commands) == 1
    assert connection.closed
    json.dumps(result)


def test_a_host_that_sends_the_password_back_does_not_get_it_into_the_result() -> None:
    result = run(Connection(("Default Web Site", f"site {PASSWORD}")))
    text = json.dumps(result)
    assert PASSWORD not in text
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in text or "********" in text


def test_become_is_refused() -> None:
    connection = Connection()
    connection.become = "runas"
    with pytest.raises(AnsibleActionFail, match="would ignore it silently"):
        run(connection)
    assert connection.commands == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"campaign": "proxylogin"}, "ex01: .*proxylogin"),
        ({"at": "soon"}, "ex01: at: 'soon' is no ISO-8601 date"),
        ({"campain": "proxylogon"}, "Unsupported parameters"),
    ],
)
def test_wrong_use_fails_the_task(arguments: dict[str, Any], text: str) -> None:
    connection = Connection()
    with pytest.raises(AnsibleActionFail, match=text):
        run(connection, **arguments)
    assert connection.commands == []


@pytest.mark.parametrize("module", [exchange_server_info, report])
def test_background_execution_is_refused_by_ansible(module: Any) -> None:
    assert module.ActionModule._supports_async is False
