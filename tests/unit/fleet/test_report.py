# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts registered to a report that has everybody (I3)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.report import (
    ReportRun,
    entry_of,
    make_report,
    new_run_id,
    report_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2021, 3, 5, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("registered", "state", "reason"),
    [
        ({"failed": True, "msg": "broke"}, "error", "task: broke"),
        ({"failed": True}, "error", "task: the task failed without a message"),
        ({"failed": True, "timedout": {"period": 4}}, "error", "timeout: task time-out"),
        ({"unreachable": True, "msg": "gone"}, "unreachable", "task: gone"),
    ],
)
def test_what_a_task_registered_without_an_entry_becomes_one(
    registered: dict[str, Any], state: str, reason: str
) -> None:
    found = entry_of("ex01", registered, None)
    assert found
    assert found.broken
    assert found.entry["state"] == state
    assert found.entry["reason"].startswith(reason)


@pytest.mark.parametrize("registered", [None, {}, {"skipped": True}, "forged", 7])
def test_a_host_without_a_result_has_none(registered: object) -> None:
    assert entry_of("ex01", registered, None) is None


def test_a_refusal_counts_before_anything_that_was_registered() -> None:
    found = entry_of("ex01", {"skipped": True}, "ex01: ansible_port is wrong")
    assert found
    why = "config: ex01: ansible_port is wrong"
    assert (found.entry["state"], found.entry["reason"], found.broken) == ("refused", why, False)


def test_everybody_is_in_the_report_and_broken_tasks_are_named(tmp_path: Path) -> None:
    known = {
        "ex01": entry_of("ex01", {"failed": True, "msg": "broke"}, None),
        "ex02": entry_of("ex02", None, "wrong port"),
        "ex03": None,
        "ex04": entry_of("ex04", {"failed": True, "timedout": {"period": 4}}, None),
        "ex05": entry_of("ex05", {"unreachable": True, "msg": "gone"}, None),
    }
    run = ReportRun(
        "r1", "proxylogon", NOW, NOW, check_mode=True, folder=tmp_path, formats=("json",)
    )
    made = make_report(run, known, known.__getitem__)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {host["host"]: host["state"] for host in report["hosts"]} == {
        "ex01": "error",
        "ex02": "refused",
        "ex03": "not-attempted",
        "ex04": "error",
        "ex05": "unreachable",
    }
    assert made["broken"] == ["ex01", "ex04", "ex05"]
    assert made["exit_code"] == 3
    assert report["run"]["check_mode"] is True
    assert report["run"]["catalogue"]["builds"] > 300


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", ".hidden", "", "x" * 201, "a\n", "ü"])
def test_a_run_cannot_leave_the_folder_of_cases(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a folder of the case"):
        report_folder("cases", name)


def test_the_report_lies_below_its_run() -> None:
    assert str(report_folder("/srv/cases", new_run_id("proxylogon", NOW, "1a2b"))) == (
        "/srv/cases/20210305T100000Z-proxylogon-1a2b/report"
    )
