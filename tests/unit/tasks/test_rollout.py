# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ends of one server stop a rollout, and which count in its stop budget."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    Outcome,
    PatchState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    Request,
    Result,
    Tools,
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


def roll_out(folder: Path, state: PatchState, **how: bool) -> dict[str, Any]:
    """One task whose server ends in a state; ``how``: confirm, look (fail_when_stopped), check."""
    connection: Any = Connection()
    options = {
        "campaign": "proxylogon", "run": None, "approvals": {}, "note": None, "case": str(folder / "case"),
        "fail_when_stopped": how.get("look", False), "stop_after": 5,
        "stop_file": str(folder / "stop.jsonl"),
    }  # fmt: skip
    check = how.get("check", False)
    kind = rollout_action.Rollout(
        "security_update", "patch", "nothing was done",
        lambda host, _options, *, check: Request(
            host, "run-1", "a", check=check or not how.get("confirm", False)
        ),
        lambda *_: Result(Outcome(state, "so it is")),
        lambda _wanted, done: {"state": done.outcome.state.value, "reason": done.outcome.reason},
    )  # fmt: skip
    call = Call("ex01", connection, options, set(), check, diff=False, notice=print)
    return rollout_action.roll_out(call, kind)


@pytest.fixture(autouse=True)
def _around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    nothing: Any = None
    monkeypatch.setattr(rollout_action, "tools", lambda _options: Tools(load(), nothing, nothing))


@pytest.mark.parametrize(
    ("state", "how", "failed"),
    [
        (PatchState.PATCHED, {"confirm": True}, False),
        (PatchState.STOPPED, {"confirm": True}, True),
        (PatchState.UNKNOWN, {"confirm": True}, True),
        (PatchState.STOPPED, {}, False),  # a plan says so, and goes on
        (PatchState.STOPPED, {"look": True}, True),  # it would be put into maintenance mode next
        (PatchState.STOPPED, {"look": True, "check": True}, False),
        (PatchState.PLANNED, {"look": True}, False),
        (PatchState.STALE_PLAN, {}, True),
        (PatchState.STALE_PLAN, {"check": True}, True),
    ],
)
def test_server_that_is_not_as_wanted_fails_where_it_would_be_changed(
    state: PatchState, how: dict[str, bool], *, failed: bool, tmp_path: Path
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
    roll_out(tmp_path, PatchState.STOPPED, **how)
    file = tmp_path / "stop.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    assert [json.loads(line)["host"] for line in lines] == ["ex01"] * counted
