# SPDX-License-Identifier: GPL-3.0-or-later
"""A detection tool on a fleet over real WinRM: planned, run, collected, read; and from a signed plan."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
from ansible_collections.exchange.remediation.plugins.plugin_utils import rehearsal
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify

from .conftest import ROOT, environment, start_fleet, toolkit
from .test_mitigate import mutations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Fleet

pytestmark = pytest.mark.integration
STAND_IN = Path(rehearsal.__path__[0]) / "stand_ins" / "Test-ProxyLogon.ps1"
EXCHANGE = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"}
HOSTS = {
    "quiet": {"log_age_days": 90},
    "entered": {"findings": ["CVE-2021-26855"], "log_age_days": 90},
    "young": {"log_age_days": 9.1, "decimal": ","},
    "silent": {"ends": "silent"},
}
VERDICTS = {
    "quiet": "no-indicator",
    "entered": "indicator-found",
    "young": "inconclusive",
    "silent": "inconclusive",
}


@pytest.fixture(scope="module")
def detect_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("detect")
    hosts = {
        name: {"exchange": EXCHANGE, "detection": {"test_proxylogon": {"seconds": 1, **tool}}}
        for name, tool in HOSTS.items()
    }
    scenario = state / "scenario.yml"
    defaults = {"domain": "rehearsal.example"}
    document = {"schema": 1, "title": "Detection tools", "defaults": defaults, "hosts": hosts}
    scenario.write_text(json.dumps(document))  # JSON is YAML, without its aliases
    yield start_fleet(state, scenario)
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A store that the project's own command has filled, and how far back is looked."""
    folder = tmp_path_factory.mktemp("store")
    common = (
        "--store",
        folder / "store",
        "--keys",
        folder / "keys",
        "--seen",
        folder / "seen.json",
    )
    assert toolkit("package", "keys", "init", "--keys", folder / "keys").returncode == 0
    digest = hashlib.sha256(STAND_IN.read_bytes()).hexdigest()
    add = ("package", "add", STAND_IN, "--tool", "test-proxylogon", "--version", "21.03.18.1900")
    refused = toolkit(*add, *common)
    assert (refused.returncode, digest in refused.stderr) == (2, True), refused.stderr
    done = toolkit(*add, "--sha256", digest, "--reason", "a rehearsal", *common)
    assert done.returncode == 0, done.stderr
    return {
        "detect_store": str(folder / "store"),
        "detect_keys": str(folder / "keys"),
        "detect_seen": str(folder / "seen.json"),
        "detect_since": (datetime.now(UTC) - timedelta(days=60)).strftime("%Y-%m-%d"),
    }


def play(
    fleet: Fleet, given: dict[str, Any], *options: str
) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run the playbook: exit status, host -> result of the act task, and what was printed."""
    rows = fleet.state / "results.jsonl"
    rows.unlink(missing_ok=True)
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", "exchange.remediation.detect",
         "--inventory", str(fleet.inventory), "--extra-vars", json.dumps(given), *options],
        merged=True, timeout=300, cwd=ROOT, env=environment(
            ANSIBLE_CALLBACK_PLUGINS=str(Path(__file__).parent / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="results_file",
            RESULTS_FILE=str(rows),
        ),
    )  # fmt: skip
    lines = rows.read_text().splitlines() if rows.exists() else []
    found = [json.loads(line) for line in lines]
    results = {row["host"]: row["result"] for row in found if "detection" in row["result"]}
    return done.returncode, results, done.stdout


def test_fleet_is_planned_then_searched(
    detect_fleet: Fleet, variables: dict[str, Any], tmp_path: Path
) -> None:
    case = tmp_path / "case"
    given = {**variables, "detect_case": str(case), "detect_run": "run-1"}
    before = mutations(detect_fleet)
    code, planned, text = play(detect_fleet, {**given, "detect_confirm": True}, "--check", "--diff")
    assert code == 0, text
    assert {host: row["detection"]["state"] for host, row in planned.items()} == dict.fromkeys(
        HOSTS, "planned"
    )
    assert mutations(detect_fleet) == before
    steps = planned["quiet"]["detection"]["plan"]["steps"]
    assert [step["id"] for step in steps] == [
        "test-proxylogon/default/deliver",
        "test-proxylogon/default/run",
    ]
    assert "supplement 1 triage 2" in steps[-1]["clause"]
    assert "expected to take 15 min" in steps[-1]["reason"]

    code, found, text = play(detect_fleet, {**given, "detect_confirm": True})
    assert code == 0, text  # findings fail nothing
    assert {host: row["detection"]["state"] for host, row in found.items()} == VERDICTS
    for host in HOSTS:
        record = json.loads((case / host / "detection.json").read_text())
        assert record["verdict"]["state"] == VERDICTS[host]
    (finding,) = [
        finding
        for check in found["entered"]["detection"]["verdict"]["checks"]
        for finding in check["findings"]
    ]
    evidence = case / "entered" / finding["evidence"]["file"]
    assert hashlib.sha256(evidence.read_bytes()).hexdigest() == finding["evidence"]["sha256"]
    assert "ServerInfo~a]@ex01" in finding["detail"]
    assert verify(case / "journal.jsonl").ok

    middle = mutations(detect_fleet)
    code, again, text = play(detect_fleet, {**given, "detect_confirm": True}, "--limit", "quiet")
    assert (code, again["quiet"]["changed"]) == (0, False), text
    assert mutations(detect_fleet) == middle


def test_what_is_asked_wrongly_is_said_before_anything_is_sent(
    detect_fleet: Fleet, variables: dict[str, Any], tmp_path: Path
) -> None:
    wrong = [
        (
            {"detect_tools": ["msert"]},
            "msert has several command lines; write msert/quick or msert/full",
        ),
        ({"detect_tools": ["eomt-scan"]}, "is not run from here"),
        ({"detect_tools": ["nessus"]}, "there is no detection tool 'nessus'"),
        ({"detect_tools": ["msert/full-remove"]}, "say in removal_decision who decided"),
        ({"detect_tools": ["msert/full"]}, "msert.exe is not in the package store"),
    ]
    before = mutations(detect_fleet)
    for change, says in wrong:
        given = {
            **variables,
            **change,
            "detect_confirm": True,
            "detect_case": str(tmp_path / "case"),
        }
        code, _, text = play(detect_fleet, given, "--limit", "quiet")
        assert code != 0, change
        assert says in " ".join(text.split()), text
    assert mutations(detect_fleet) == before


def test_signed_plan_is_applied(
    detect_fleet: Fleet, variables: dict[str, Any], tmp_path: Path
) -> None:
    common = (
        "-i",
        detect_fleet.inventory,
        "--keys",
        variables["detect_keys"],
        "--cases",
        tmp_path / "cases",
    )
    extra = ("-e", json.dumps(variables))
    plan = tmp_path / "plan.json"
    done = toolkit("plan", "detect", *common, "-o", plan, "--limit", "young,quiet", *extra)
    assert done.returncode in (1, 3), done.stderr  # the others were left out
    applied = toolkit("apply", plan, *common, "--confirm", *extra)
    assert applied.returncode in (1, 3), applied.stderr
    shown = {line.split()[0]: line for line in applied.stdout.splitlines() if line.split()}
    assert "no-indicator" in shown["quiet"], applied.stdout
    assert "inconclusive" in shown["young"]
