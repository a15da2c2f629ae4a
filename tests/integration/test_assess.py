# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook over real WinRM: everybody is in the report, nothing changes, nothing leaks."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT, toolkit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Fleet, Run

pytestmark = pytest.mark.integration
STATES = {
    "open": "assessed",
    "fixed": "assessed",
    "locked-down": "error",
    "off": "unreachable",
    "password": "authentication-failed",
}


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    """The report without what differs between two runs of the same thing."""
    kept = deepcopy(report)
    for key in ("id", "started", "finished", "check_mode"):
        del kept["run"][key]
    for host in kept["hosts"]:
        host["clock_offset_seconds"] = None
        traffic = host["timing"].get("http")
        host["timing"] = {"script": host["timing"].get("script_sha256"), "http": bool(traffic)}
        if host["assessment"]:
            host["assessment"]["at"] = None
            host["facts"]["clock"] = None
            checks = host["assessment"]["checks"]
            host["assessment"]["checks"] = [c for c in checks if c["check"] != "clock.skew"]
    return kept


def test_every_host_is_in_the_report_whatever_became_of_it(play: Callable[..., Run]) -> None:
    run = play()
    assert run.code == 0, run.output
    assert run.report
    assert {host["host"]: host["state"] for host in run.report["hosts"]} == STATES
    assert "failed=1" not in run.output
    assert "unreachable=1" not in run.output
    assert run.host("open")["assessment"]["verdict"] == "unsupported-and-vulnerable"
    assert run.host("fixed")["assessment"]["verdict"] == "fixed"
    assert run.host("off")["reason"] == "unreachable: no connection: Connection refused"
    assert run.host("password")["reason"].startswith("authentication-failed: ntlm: ")
    assert run.host("locked-down")["reason"].startswith("language-mode: ")
    assert run.folder
    assert {"report.html", "hosts.csv", "checks.csv", "junit.xml", "report.json"} <= {
        path.name for path in run.folder.iterdir()
    }
    assert str(run.folder) in run.output
    assert "Exit status 3" in run.output


def test_a_wrong_password_is_tried_once(play: Callable[..., Run], fleet: Fleet) -> None:
    before = fleet.status()["password"]["requests"]
    play("--limit", "password")
    # One NTLM handshake: two challenges and one answer. A second attempt would be six.
    assert fleet.status()["password"]["requests"] - before <= 3


def test_check_mode_is_the_same_run_and_no_world_changes(
    play: Callable[..., Run], fleet: Fleet
) -> None:
    normal, checked = play(), play("--check")
    assert normal.report
    assert checked.report
    assert (normal.report["run"]["check_mode"], checked.report["run"]["check_mode"]) == (
        False,
        True,
    )
    assert without_times(normal.report) == without_times(checked.report)
    assert {host: known["mutations"] for host, known in fleet.status().items()} == dict.fromkeys(
        STATES, 0
    )
    assert "changed=1" not in normal.output + checked.output


def test_one_command_for_each_host_and_no_shell_left_behind(
    play: Callable[..., Run], fleet: Fleet
) -> None:
    before = fleet.status()
    run = play("--limit", "open:fixed")
    after = fleet.status()
    for host in ("open", "fixed"):
        assert after[host]["commands"] - before[host]["commands"] == 1
        assert after[host]["requests"] - before[host]["requests"] <= 9
        assert after[host]["open_shells"] == 0
        counted = run.host(host)["timing"]["http"]
        assert counted["requests"] == after[host]["requests"] - before[host]["requests"]
    assert run.report
    assert [host["host"] for host in run.report["hosts"]] == ["open", "fixed"]
    assert run.report["run"]["limit"] == "open:fixed"
    assert run.report["run"]["inventory_hosts"] == len(STATES)
    assert f"2 of {len(STATES)} inventory hosts (limited to open:fixed" in run.output


def test_the_preflight_can_be_skipped(play: Callable[..., Run]) -> None:
    run = play("--limit", "fixed", "--skip-tags", "assess_preflight")
    assert run.code == 0, run.output
    assert run.host("fixed")["state"] == "assessed"


def test_the_playbook_runs_by_path_too(play: Callable[..., Run]) -> None:
    run = play("--limit", "fixed", playbook=str(ROOT / "playbooks" / "assess.yml"))
    assert run.code == 0, run.output
    assert run.host("fixed")["state"] == "assessed"


@pytest.mark.parametrize("connection", ["ansible.builtin.winrm", "ansible.builtin.psrp"])
def test_ansibles_own_connections_give_the_same_assessment(
    play: Callable[..., Run], connection: str
) -> None:
    named = {"ansible_connection": connection, "exchange_allow_insecure": ["stock_connection"]}
    ours, stock = play(), play("-e", json.dumps(named))
    assert stock.code == 0, stock.output
    assert ours.report
    assert stock.report
    for mine, other in zip(
        without_times(ours.report)["hosts"], without_times(stock.report)["hosts"], strict=True
    ):
        assert other["state"] == mine["state"], other["reason"]
        assert other["assessment"] == mine["assessment"]
        assert other["peer"]["plugin"] == connection
        assert other["peer"]["allowed_insecure"] == ["stock_connection"]


def test_no_secret_is_in_any_output(play: Callable[..., Run], fleet: Fleet) -> None:
    secret = fleet.variables["ansible_password"]
    psrp = {
        "ansible_connection": "ansible.builtin.psrp",
        "exchange_allow_insecure": ["stock_connection"],
    }
    for options in ((), ("-e", json.dumps(psrp))):
        run = play("-vvvvv", *options)
        assert run.report, run.output
        assert len(run.output) > 10_000
        assert secret not in run.output
        assert run.folder
        for path in run.folder.iterdir():
            assert secret.encode() not in path.read_bytes(), path.name


def test_a_broken_task_is_in_the_report_and_fails_the_run(play: Callable[..., Run]) -> None:
    run = play("--limit", "open", "-e", "assess_at=yesterday")
    assert run.code == 2
    assert run.host("open")["state"] == "error"
    assert "'yesterday' is no ISO-8601 date" in run.host("open")["reason"]


def test_become_is_refused_with_its_reason(play: Callable[..., Run]) -> None:
    run = play("--limit", "open", "--become", "-e", "ansible_become_method=ansible.builtin.runas",
        "-e", "ansible_become_user=SYSTEM",
    )  # fmt: skip
    assert run.host("open")["state"] == "error"
    assert "become is set" in run.host("open")["reason"]


def test_the_judgement_can_be_for_another_day(play: Callable[..., Run]) -> None:
    run = play("--limit", "open", "-e", "assess_at=2021-03-05")
    assert run.host("open")["assessment"]["at"].startswith("2021-03-05")
    assert run.host("open")["assessment"]["verdict"] == "vulnerable"


def test_the_command_prints_the_table_and_returns_the_documented_status(
    fleet: Fleet, tmp_path: Path
) -> None:
    everyone = toolkit("assess", "-i", fleet.inventory, "--cases", tmp_path / "a")
    assert everyone.returncode == 3, everyone.stdout + everyone.stderr
    for host in STATES:
        assert host in everyone.stdout
    last = everyone.stdout.splitlines()[-1]
    assert last.endswith("report/report.html")
    fixed = toolkit("assess", "-i", fleet.inventory, "--cases", tmp_path / "b", "--limit", "fixed")
    assert fixed.returncode in (0, 1), fixed.stdout + fixed.stderr
    report = json.loads(next((tmp_path / "b").glob("*/report/report.json")).read_text())
    assert fixed.returncode == (1 if report["totals"]["by_group"]["findings"] else 0)
    log = next((tmp_path / "b").glob("*/ansible.log"))
    assert log.stat().st_mode & 0o077 == 0
    assert fleet.variables["ansible_password"] not in log.read_text()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-i", "/nowhere"], "--inventory /nowhere: no such file or folder"),
        (["-i", "INVENTORY", "--campaign", "proxylogin"], "proxylogin"),
        (["-i", "INVENTORY", "--at", "soon"], "'soon' is no ISO-8601 date"),
        (["-i", "INVENTORY", "--limit", "nobody"], "no report"),
    ],
)
def test_wrong_usage_of_the_command_is_status_2_with_the_cure(
    fleet: Fleet, tmp_path: Path, options: list[str], text: str
) -> None:
    given = [str(fleet.inventory) if option == "INVENTORY" else option for option in options]
    done = toolkit("assess", *given, "--cases", tmp_path / "cases")
    assert done.returncode == 2, done.stdout
    assert text in done.stderr
    assert "Traceback" not in done.stderr
