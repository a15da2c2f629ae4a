# SPDX-License-Identifier: GPL-3.0-or-later
"""The action itself: what it accepts, refuses, returns and takes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from action_host import PASSWORD, Connection, action
from ansible.errors import AnsibleActionFail
from ansible_collections.exchange.remediation.plugins.action import exchange_server_info, report


def run(connection: Connection, **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = action(connection, exchange_server_info, **arguments).run(
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
