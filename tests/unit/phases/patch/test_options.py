# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action's options become, and the stop budget that slices share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.action.security_update import ARGUMENTS
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.exclusive import alone
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.budget import Budget
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import read
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.runtime import (
    open_runtime,
)

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENTS.items()}


def test_nothing_is_installed_without_confirmation() -> None:
    assert read("ex01", DEFAULTS, check=False).check is True
    confirmed = DEFAULTS | {"confirm": True}
    assert read("ex01", confirmed, check=False).check is False
    assert read("ex01", confirmed, check=True).check is True


def test_run_is_the_same_all_day_unless_it_is_named() -> None:
    first, second = (read("ex01", DEFAULTS, check=True) for _ in range(2))
    assert first.run == second.run
    assert first.run.startswith("proxylogon-20")
    assert read("ex01", DEFAULTS | {"run": "again"}, check=True).run == "again"


@pytest.mark.parametrize("value", [None, "", " "])
def test_an_empty_approval_approves_nothing(value: str | None) -> None:
    asked = {"required_approvals": ["ticket"], "approvals": {"ticket": value}}
    policy = read("ex01", DEFAULTS | asked, check=True).policy
    assert not dict(policy.given)["ticket"].strip()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"seconds": 0}, "seconds: 0"), ({"window_end": "tomorrow"}, "window_end: 'tomorrow'")],
)
def test_a_wrong_option_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read("ex01", DEFAULTS | changes, check=True)


@pytest.mark.parametrize(
    "guard", [{"allowed": "false", "reason": "x", "by": "y"}, {"allowed": True}, {"reason": "x"}]
)
def test_unclear_answer_of_the_dag_guard_is_refused_i17(guard: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="dag_guard needs allowed"):
        read("ex01", DEFAULTS | {"dag_guard": guard}, check=True)


def test_window_and_approvals_reach_the_policy() -> None:
    given = {"window_end": "2021-03-06T04:00:00+01:00", "approvals": {"ticket": 42}}
    policy = read("ex01", DEFAULTS | given, check=True).policy
    assert policy.window_end is not None
    assert policy.window_end.isoformat() == "2021-03-06T03:00:00+00:00"
    assert policy.given == (("ticket", "42"),)


@pytest.mark.parametrize("reason", ["", "yes", "x" * 401])
def test_lock_is_not_taken_over_without_a_reason_i16(reason: str) -> None:
    with pytest.raises(ConfigError, match="lock_takeover"):
        read("ex01", DEFAULTS | {"lock_takeover": reason}, check=True)
    good = read("ex01", DEFAULTS | {"lock_takeover": " ctl01 is gone "}, check=True)
    assert good.takeover == "ctl01 is gone"


def test_two_runs_of_one_owner_hold_two_locks_i16() -> None:
    one, two, again = (
        read("ex01", DEFAULTS | {"owner": "ops", "run": run}, check=True).holder
        for run in ("a", "b", "a")
    )
    assert one == again
    assert one != two
    assert one.startswith("ops/")


def test_the_same_run_on_two_controllers_holds_two_locks_i16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = DEFAULTS | {"owner": "ops", "run": "march"}
    holders = set()
    for name in ("ctl01", "ctl02"):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        holders.add(read("ex01", wanted, check=True).holder)
    assert len(holders) == 2


def test_of_two_processes_one_works_on_a_host_i16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with alone("ex01"), alone("../ex02"):
        with pytest.raises(RefusedError, match="another run of this user"), alone("ex01"):
            pytest.fail("two at once")
        names = sorted(path.name for path in (tmp_path / "exchange-remediation/running").iterdir())
        assert names == [".._ex02.lock", "ex01.lock"]
    with alone("ex01"):
        pass


def test_without_a_store_nothing_can_be_delivered() -> None:
    made = open_runtime(DEFAULTS)
    assert made.store is None
    with pytest.raises(ConfigError, match="store"):
        made.deliver(None)  # type: ignore[arg-type]


def test_budget_counts_servers_over_slices(tmp_path: Path) -> None:
    one, two = (Budget(tmp_path / "a" / "budget.jsonl", 1) for _ in range(2))
    assert one.exhausted() is None
    one.note("ex01", "degraded", "wrong")
    one.note("ex01", "unknown", "unknown")
    one.note("ex02", "patched", "done")
    one.note("ex03", "planned", "planned")
    assert two.exhausted() is None
    two.note("ex03", "stopped", "wrong")
    assert "ex01, ex03" in (one.exhausted() or "")
    two.note("ex03", "patched", "done")  # repaired
    assert one.exhausted() is None


def test_lines_of_the_former_release_count_as_they_did(tmp_path: Path) -> None:
    file = tmp_path / "budget.jsonl"
    states = {"ex01": "patched", "ex02": "degraded", "ex03": "stopped"}
    rows = [{"host": host, "state": state} for host, state in states.items()]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    budget = Budget(file, 1)
    assert "ex02, ex03" in (budget.exhausted() or "")
    budget.note("ex03", "patched", "done")
    assert budget.exhausted() is None


def test_damaged_budget_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "budget.jsonl"
    file.write_text('{"host": "ex01", "state": "patched", "standing": "done"}\n{"host": "ex0')
    with pytest.raises(ConfigError, match=r"budget\.jsonl:2"):
        Budget(file, 1).exhausted()
