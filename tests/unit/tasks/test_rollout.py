# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ends of one server stop a rollout, and which count in its stop budget."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
    InstallVerdict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    InstallRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
    InstallResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.runtime import (
    InstallRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks import (
    rollout as rollout_action,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.task import Call

if TYPE_CHECKING:
    from pathlib import Path


class Connection:
    def peer(self) -> dict[str, str]:
        return {}

    def place(self) -> str:
        return "ex01-5986"

    def open(self) -> None: ...


def roll_out(folder: Path, state: InstallState, **how: bool) -> dict[str, Any]:
    """One task whose server ends in a state; ``how``: confirm, look (fail_when_stopped), check."""
    connection: Any = Connection()
    options = {
        "campaign": "proxylogon", "run": None, "approvals": {}, "note": None, "case": str(folder / "case"),
        "fail_when_stopped": how.get("look", False), "stop_after": 5,
        "stop_file": str(folder / "stop.jsonl"),
    }  # fmt: skip
    check = how.get("check", False)
    kind = rollout_action.Rollout(
        "patch", "nothing was done",
        lambda host, _options, *, check: InstallRequest(
            host, "run-1", "a", check=check or not how.get("confirm", False)
        ),
        lambda *_: InstallResult(InstallVerdict(state, "so it is")),
        lambda _wanted, done: {"state": done.outcome.state.value, "reason": done.outcome.reason},
    )  # fmt: skip
    call = Call("ex01", connection, options, set(), check, diff=False, notice=print)
    return rollout_action.roll_out(call, kind)


@pytest.fixture(autouse=True)
def _around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(rollout_action, "open_runtime", lambda _options: InstallRuntime(load()))


@pytest.mark.parametrize(
    ("state", "how", "failed"),
    [
        (InstallState.PATCHED, {"confirm": True}, False),
        (InstallState.STOPPED, {"confirm": True}, True),
        (InstallState.UNKNOWN, {"confirm": True}, True),
        (InstallState.STOPPED, {}, False),  # a plan says so, and goes on
        (InstallState.STOPPED, {"look": True}, True),  # it would be put into maintenance mode next
        (InstallState.STOPPED, {"look": True, "check": True}, False),
        (InstallState.PLANNED, {"look": True}, False),
        (InstallState.STALE_PLAN, {}, True),
        (InstallState.STALE_PLAN, {"check": True}, True),
    ],
)
def test_server_that_is_not_as_wanted_fails_where_it_would_be_changed(
    state: InstallState, how: dict[str, bool], *, failed: bool, tmp_path: Path
) -> None:
    result = roll_out(tmp_path, state, **how)
    assert result.get("failed", False) is failed
    assert ("msg" in result) is failed


@pytest.mark.parametrize(
    ("how", "counted"), [({"confirm": True}, 1), ({"look": True}, 1), ({}, 0), ({"check": True}, 0)]
)
def test_only_what_would_be_changed_counts_in_the_stop_budget(
    how: dict[str, bool], counted: int, tmp_path: Path
) -> None:
    roll_out(tmp_path, InstallState.STOPPED, **how)
    file = tmp_path / "stop.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    assert [json.loads(line)["host"] for line in lines] == ["ex01"] * counted


class CutOff(BaseException):
    """As Ansible's own time limit ends a task."""


def test_server_whose_task_is_cut_off_counts_for_every_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_meaning: object, _reason: object) -> None:
        raise CutOff

    monkeypatch.setitem(globals(), "InstallVerdict", cut)
    with pytest.raises(CutOff):
        roll_out(tmp_path, InstallState.PATCHED, confirm=True)
    line = json.loads((tmp_path / "stop.jsonl").read_text())
    assert line == {"host": "ex01", "state": "unknown", "standing": "unknown"}
