# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations over real WinRM with real Ansible: plan, apply, again, take off; and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify

from .conftest import ROOT, environment, start_fleet, toolkit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Fleet

pytestmark = pytest.mark.integration
OPEN = ("canary", "drifted", "newest")


@pytest.fixture(scope="module")
def mitigate_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("mitigate")
    yield start_fleet(state, Path(__file__).parent / "mitigate_fleet.yml")
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


Play = tuple[int, dict[str, dict[str, Any]], str]


@pytest.fixture
def play(mitigate_fleet: Fleet, tmp_path: Path) -> Callable[..., Play]:
    """Run a playbook: exit status, host -> result of the act task, and what was printed."""

    def run(book: str, variables: dict[str, Any], *options: str) -> Play:
        rows = tmp_path / f"results{len(list(tmp_path.iterdir()))}.jsonl"
        done = warm_ansible.run(
            [sys.executable, "-m", "ansible", "playbook", f"exchange.remediation.{book}",
             "--inventory", str(mitigate_fleet.inventory),
             "--extra-vars", json.dumps(variables), *options],
            merged=True, timeout=300,
            cwd=ROOT, env=environment(
                ANSIBLE_CALLBACK_PLUGINS=str(Path(__file__).parent / "callback_plugins"),
                ANSIBLE_CALLBACKS_ENABLED="results_file",
                RESULTS_FILE=str(rows),
            ),
        )  # fmt: skip
        lines = rows.read_text().splitlines() if rows.exists() else []
        found = [json.loads(line) for line in lines]
        results = {row["host"]: row["result"] for row in found if "mitigation" in row["result"]}
        return done.returncode, results, done.stdout

    return run


def states(results: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {host: result["mitigation"]["state"] for host, result in results.items()}


def mutations(fleet: Fleet) -> dict[str, int]:
    return {host: row["mutations"] for host, row in fleet.status().items()}


def test_fleet_is_mitigated_proven_and_taken_back(
    play: Callable[..., Play], mitigate_fleet: Fleet, tmp_path: Path
) -> None:
    case = {"mitigate_case": str(tmp_path / "case")}
    confirm = {**case, "mitigate_confirm": True}
    before = mutations(mitigate_fleet)

    # Check mode changes nothing anywhere and shows what apply will do (I9).
    code, planned, text = play("mitigate", confirm, "--check", "--diff")
    assert code == 0, text
    expected = dict.fromkeys(OPEN, "planned") | {"fixed": "not-needed", "unknown": "stopped"}
    assert states(planned) == expected
    assert mutations(mitigate_fleet) == before
    assert planned["newest"]["diff"][0]["before_header"] == (
        "newest: backend-cookie/rules/Front End (Set-UrlRewriteMitigation)"
    )
    assert "Unknown build" in " ".join(planned["unknown"]["warnings"])

    # Without confirm neither, and it says so.
    code, results, text = play("mitigate", case)
    assert (code, states(results)["canary"]) == (0, "planned"), text
    assert "set confirm" in " ".join(results["canary"]["warnings"])
    assert mutations(mitigate_fleet) == before

    code, applied, text = play("mitigate", confirm)
    assert code != 0, text  # the server of an unknown build
    assert states(applied) == expected | dict.fromkeys(OPEN, "mitigated")
    assert "15.1.2176.3 belongs to no cumulative update" in applied["unknown"]["msg"]
    for host in OPEN:
        assert [row["step"] for row in applied[host]["mitigation"]["steps"]] == [
            step["id"] for step in planned[host]["mitigation"]["plan"]["steps"]
        ]
        refused = [
            row["outcome"]
            for row in applied[host]["mitigation"]["probes"]["after"]
            if row["name"].startswith("backend-cookie/")
        ]
        assert refused == ["aborted", "aborted"]
    assert applied["newest"]["mitigation"]["left_open"] == ["CVE-2021-26857"]

    middle = mutations(mitigate_fleet)
    code, again, text = play("mitigate", confirm, "--limit", ",".join(OPEN))
    assert code == 0, text
    assert not any(result["changed"] for result in again.values())
    assert mutations(mitigate_fleet) == middle

    # They stay while they are needed, unless somebody says why.
    code, results, text = play("unmitigate", confirm, "--limit", "canary")
    assert (code != 0, states(results)["canary"]) == (True, "stopped")
    assert "still needed" in results["canary"]["msg"]
    assert mutations(mitigate_fleet) == middle

    why = {**confirm, "mitigate_although_open": "the voice mail of the hospital"}
    code, results, text = play("unmitigate", why, "--limit", "canary,drifted")
    assert code == 0, text
    assert states(results) == {"canary": "removed", "drifted": "removed"}
    steps = results["canary"]["mitigation"]["plan"]["steps"]
    assert "the voice mail of the hospital" in steps[0]["reason"]

    report = verify(tmp_path / "case" / "journal.jsonl")
    assert report.ok, report


def test_wrong_input_names_thing_and_cure(play: Callable[..., Play]) -> None:
    one = ("--limit", "canary")
    code, _, text = play("mitigate", {"mitigate_mitigations": ["cookie"]}, *one)
    assert code != 0
    assert "'cookie': no mitigation of proxylogon, which has backend-cookie" in text
    code, _, text = play("mitigate", {"mitigate_tool": "eomt"}, *one)
    assert code != 0
    assert "mitigate_tool_file" in text
    approvals = {"mitigate_confirm": True, "mitigate_required_approvals": ["ticket"]}
    code, _, text = play("mitigate", approvals, *one)
    assert code != 0
    assert "give them in mitigate_approvals" in text


def test_what_could_not_be_planned_is_seen_in_check_mode(play: Callable[..., Play]) -> None:
    wrong = {"ansible_password": "not this one"}
    code, results, text = play("mitigate", wrong, "--check", "--limit", "canary")
    assert code == 0, text
    assert "authentication-failed" in " ".join(results["canary"]["warnings"])


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"mitigate_run": "../../evil"}, "cannot name a folder of the case"),
        ({"mitigate_hosts": "typo"}, "Could not match supplied host pattern"),
        ({"mitigate_campaign": "nosuch"}, "known are proxylogon"),
        (
            {"mitigate_required_approvals": ["ticket"], "mitigate_approvals": {"ticket": None}},
            "The policy of this inventory asks for ticket",
        ),
        ({"mitigate_lock_takeover": "x"}, "is no reason"),
    ],
)
def test_what_would_do_harm_is_refused(
    play: Callable[..., Play], variables: dict[str, Any], words: str
) -> None:
    confirm = {"mitigate_confirm": True, **variables}
    code, _, text = play("mitigate", confirm, "--limit", "drifted")
    assert code != 0
    assert words in " ".join(text.split())


def test_become_is_refused(play: Callable[..., Play]) -> None:
    code, _, text = play("mitigate", {}, "--limit", "canary", "--become")
    assert code != 0
    assert "become" in text
