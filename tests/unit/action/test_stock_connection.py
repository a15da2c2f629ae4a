# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own connections follow redirects and have no caps: refused by every action, or named (I7, I5)."""

from __future__ import annotations

import importlib
import json
import pkgutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from action_host import Connection, action
from ansible.errors import AnsibleActionFail
from ansible_collections.exchange.remediation.plugins import action as actions
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events

if TYPE_CHECKING:
    from pathlib import Path

FOUND = {
    name: importlib.import_module(f"{actions.__name__}.{name}")
    for _, name, _ in pkgutil.iter_modules(actions.__path__)
}
# Whatever speaks to a host, actions that are written later too.
ACTIONS = {name: one for name, one in FOUND.items() if one.ActionModule._requires_connection}
PSRP = {
    "protocol": "https",
    "auth": "ntlm",
    "cert_validation": "validate",
    "negotiate_delegate": None,
    "message_encryption": "auto",
}


class Stock(Connection):
    """One of Ansible's own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.ansible_name = f"ansible.builtin.{name}"

    def get_option(self, name: str) -> Any:
        return PSRP[name] if name in PSRP else super().get_option(name)


def run(
    name: str, connection: Connection, case: Path, *, check: bool, **variables: Any
) -> tuple[dict[str, Any], str]:
    """The entry of the host, and what was said where the task failed."""
    options = {} if name == "exchange_server_info" else {"case": str(case)}
    task = action(connection, ACTIONS[name], **options)
    task._task.check_mode = check
    task._display = SimpleNamespace(display=lambda _text: None)
    try:
        result = task.run(task_vars={"inventory_hostname": "ex01", **variables})
    except AnsibleActionFail as error:
        return {}, str(error)
    entry: dict[str, Any] = next(value for value in result.values() if isinstance(value, dict))
    return entry, json.dumps(entry)


def test_every_action_that_speaks_to_a_host_is_known() -> None:
    assert set(ACTIONS) >= {
        "cumulative_update", "exchange_server_info", "mitigation", "security_update",
    }  # fmt: skip


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
@pytest.mark.parametrize("plugin", ["winrm", "psrp"])
@pytest.mark.parametrize("name", ACTIONS)
def test_it_is_refused_before_anything_is_sent(
    name: str, plugin: str, tmp_path: Path, *, check: bool
) -> None:
    connection = Stock(plugin)
    entry, said = run(name, connection, tmp_path, check=check)
    assert connection.commands == []
    assert f"ex01: ansible_connection is ansible.builtin.{plugin}, which follows a redirect" in said
    assert "set ansible_connection: exchange.remediation.winrm, or allow it" in said
    assert "exchange_allow_insecure: [stock_connection]" in said
    assert entry.get("state", "refused") == "refused"


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
@pytest.mark.parametrize("plugin", ["winrm", "psrp"])
@pytest.mark.parametrize("name", ACTIONS)
def test_by_name_it_works_and_stands_in_result_and_journal(
    name: str, plugin: str, tmp_path: Path, *, check: bool
) -> None:
    connection = Stock(plugin)
    allowed = ["stock_connection"]
    entry, said = run(name, connection, tmp_path, check=check, exchange_allow_insecure=allowed)
    assert connection.commands, said
    assert entry["peer"]["allowed_insecure"] == allowed
    assert entry["peer"]["plugin"] == f"ansible.builtin.{plugin}"
    if name == "exchange_server_info":
        return  # it changes nothing and has no journal; its entry is the report's
    lines = {
        line.content["event"]: line.content["data"] for line in events(tmp_path / "journal.jsonl")
    }
    assert lines["begin"]["exchange_allow_insecure"] == allowed
    assert lines["end"]["peer"]["allowed_insecure"] == allowed


def test_refusal_is_in_the_journal(tmp_path: Path) -> None:
    run("mitigation", Stock("winrm"), tmp_path, check=False)
    begin, end = (line.content["data"] for line in events(tmp_path / "journal.jsonl"))
    assert begin["exchange_allow_insecure"] == []
    assert (end["state"], end["code"]) == ("failed", "refused")
