# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the work of every action: secrets stay out, a change has a journal."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.progress import Progress
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks import task as host_action

SECRET = "Winter2021!"


class Connection:
    """The connection of a host that sends back what it was told."""

    def __init__(self, *_around: Any) -> None: ...

    def secrets(self) -> set[str]:
        return {SECRET}

    def peer(self) -> dict[str, str]:
        return {"inventory_name": "ex01"}

    def place(self) -> str:
        return "ex01-5986"

    def close(self) -> None: ...


def action(said: list[str]) -> Any:
    """What Ansible hands over: an action with its task, connection, templar and display."""
    return SimpleNamespace(
        validate_argument_spec=lambda given: (SimpleNamespace(_no_log_values=set()), given),
        _connection=SimpleNamespace(become=None),
        _task=SimpleNamespace(become=False, check_mode=False, diff=False),
        _templar=SimpleNamespace(template=lambda value: value),
        _display=SimpleNamespace(display=said.append),
    )


def censored(_result: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    assert secrets == {SECRET}
    return {"censored": True}


@pytest.mark.parametrize(("name", "result"), [("EX01", None), (SECRET, {"censored": True})])
def test_secret_that_a_host_sends_back_is_neither_kept_nor_shown_i8(
    name: str, result: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_action, "HostConnection", Connection)
    said: list[str] = []

    def act(call: host_action.Call) -> dict[str, Any]:
        call.notice(Progress(line=f"it calls itself {name}"))
        return {"server": {"name": name}}

    found = host_action.on_host(
        action(said), {}, {"inventory_hostname": "ex01"}, act,
        key="server", fail=RuntimeError, censor=censored,
    )  # fmt: skip
    peer = {"inventory_name": "ex01"}
    assert found == (result or {"server": {"name": name, "peer": peer}})
    assert SECRET not in str(said)


@pytest.mark.parametrize("check", [False, True])
def test_change_has_a_journal_without_being_asked_and_a_look_has_none_i13_i9(
    check: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    connection: Any = Connection()
    options = {"campaign": "proxylogon", "run": None, "approvals": {}, "note": None}
    wanted = SimpleNamespace(run="run-1", campaign="proxylogon", check=check)
    call = host_action.Call("ex01", connection, options, set(), check, diff=False, notice=print)
    journal = Path("cases/run-1/journal.jsonl")

    def act() -> None:
        with host_action.changing(call, "patch", lambda: wanted):
            assert journal.exists() is not check
            raise RefusedError("something is in the way")

    with pytest.raises(RefusedError, match="in the way"):
        act()
    if not check:
        assert '"state":"failed"' in journal.read_text().splitlines()[-1]
