# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action does around a change: which plan, which journal, what is said in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.clock import utc_now
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import StalePlan
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.journal import (
    HostChange,
    approved,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.fleet import (
    FleetPlan,
    HostEntry,
    knowledge,
    write,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import (
    HostPlan,
    Step,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

if TYPE_CHECKING:
    from pathlib import Path

PLAN = HostPlan("patch", "proxylogon", (Step("one", "Set-X", {}, "Why.", 1, 2),), rests_on="a" * 64)


def options(folder: Path, **changes: Any) -> dict[str, Any]:
    """Sign a plan of now, and name it as an action's options do."""
    now = utc_now().replace(microsecond=0)
    plan = FleetPlan(
        intent="patch",
        campaign="proxylogon",
        run="run-1",
        created=now,
        expires=now + timedelta(hours=1),
        catalogue=knowledge(),
        inventory=("ex01", "ex02"),
        hosts={"ex01": HostEntry("planned", "x", PLAN), "ex02": HostEntry("stopped", "unknown build")},
    )  # fmt: skip
    keys.create(folder / "keys", "ops", None)
    write(folder / "plan.json", plan, keys.signer(folder / "keys", None, None))
    named = {"case": folder / "case", "plan": folder / "plan.json", "plan_keys": folder / "keys"}
    return {name: str(path) for name, path in named.items()} | changes


def test_plan_is_taken_from_the_options(tmp_path: Path) -> None:
    given = options(tmp_path)
    plan = approved(given, "patch", "proxylogon")
    assert plan is not None
    assert (plan.run, plan.signed_by) == ("run-1", ("ops",))
    assert approved({**given, "run": "run-1"}, "patch", "proxylogon") == plan
    keys_of_packages = {**given, "plan_keys": None, "keys": given["plan_keys"]}
    assert approved(keys_of_packages, "patch", "proxylogon") == plan
    assert approved({"case": given["case"], "plan": None}, "patch", "proxylogon") is None


@pytest.mark.parametrize(
    ("changes", "intent", "error", "says"),
    [
        ({"case": None}, "patch", ConfigError, "plan: needs case"),
        ({"run": "other"}, "patch", RefusedError, "is of the run run-1, this is other"),
        ({}, "mitigate", RefusedError, "its intent is patch, this is mitigate"),
        ({"plan": "/nowhere/plan.json"}, "patch", ConfigError, "cannot be read"),
    ],
)
def test_plan_that_does_not_fit_is_refused(
    changes: dict[str, Any], intent: str, error: type[Exception], says: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=says):
        approved(options(tmp_path, **changes), intent, "proxylogon")


def opened(folder: Path, host: str = "ex01", **changes: Any) -> HostChange:
    given = options(folder, **changes)
    plan = approved(given, "patch", "proxylogon")
    return HostChange.of(host, "run-1", given, plan, {"hunter2!"}, check=False)


def test_journal_says_who_did_what_with_which_plan_i20(tmp_path: Path) -> None:
    one = opened(tmp_path)
    one.begin("patch", "proxylogon", {"ticket": "CHG1", "note": "hunter2!"})
    one.admit(PLAN)
    one.end("patched", "All of it holds.", changed=True, peer={"transport": "https"})
    begin, planned, admitted, end = (
        line.content for line in events(tmp_path / "case/journal.jsonl")
    )
    about = begin["data"]
    assert about["approvals"] == {"ticket": "CHG1", "note": "********"}
    assert about["catalogue"]["sha256"] == knowledge().sha256
    assert {"user", "host", "process"} == about["controller"].keys()
    assert about["tool"]["version"]
    assert planned["data"]["plan"]["steps"][0]["id"] == "one"
    assert admitted["data"]["plan"] == about["plan"]
    assert end["data"] == {
        "state": "patched", "reason": "All of it holds.", "changed": True,
        "peer": {"transport": "https"},
    }  # fmt: skip


def test_stale_plan_is_noted_and_refused(tmp_path: Path) -> None:
    with pytest.raises(StalePlan):
        opened(tmp_path).admit(replace(PLAN, rests_on="b" * 64))
    kinds = [line.content["event"] for line in events(tmp_path / "case/journal.jsonl")]
    assert kinds == ["plan"]


def test_nothing_is_changed_beside_the_plan_whoever_forgets_to_ask(tmp_path: Path) -> None:
    one = opened(tmp_path)
    one.begin("patch", "proxylogon", {})
    one.record("lock", {})  # a killed run's lock is taken to be given back
    with pytest.raises(StalePlan, match="no change was admitted"):
        one.record("intent", {"step": "one"})
    one.admit(replace(PLAN, steps=()))  # nothing to do means that nothing is done
    with pytest.raises(StalePlan, match="no change was admitted"):
        one.record("intent", {"step": "one"})
    one.admit(PLAN)
    one.record("intent", {"step": "one"})


def test_host_without_a_plan_is_refused_and_one_that_is_missing_too(tmp_path: Path) -> None:
    with pytest.raises(StalePlan, match="unknown build"):
        opened(tmp_path, "ex02").admit(PLAN)
    (tmp_path / "two").mkdir()
    with pytest.raises(RefusedError, match="ex03: the plan of run-1 does not know this host"):
        opened(tmp_path / "two", "ex03")


def test_without_case_and_plan_nothing_is_written(tmp_path: Path) -> None:
    one = HostChange.of("ex01", "run-1", {}, None, (), check=False)
    one.begin("patch", "proxylogon", {})
    one.admit(PLAN)
    one.end("patched", "x")
    assert list(tmp_path.iterdir()) == []
