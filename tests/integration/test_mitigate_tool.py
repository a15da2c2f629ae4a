# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a script of Microsoft over real WinRM with real Ansible, as an option of the role."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)

from .conftest import start_fleet, toolkit
from .test_mitigate import mutations, play, states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Fleet
    from .test_mitigate import Play

__all__ = ["play"]
pytestmark = pytest.mark.integration

KEY = "HKLM\\SOFTWARE\\MSERTBootstrap\\PatchState"
CONFIG = "C:\\inetpub\\wwwroot\\web.config"
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "url_rewrite": "7.2.1993",
}
GOOD = {
    "EOMTStart": "1 EOMT.ps1 completed successfully",
    "MitigationProcess": "1 Mitigation complete",
    "Timestamp": "2564-03-10 12.00.01",
}
LOG = "C:\\Windows\\TEMP\\msert\\EOMT.log"
LINES = (
    "2564-03-10 12.00.01 Info: Mitigation complete on EX01 :: Default Web Site\r\n"
    "2564-03-10 12.00.01 Info: EOMT.ps1 complete on EX01, please review\r\n"
)
MORE = "2564-03-10 12.05.01 Info: EOMT.ps1 complete on EX01, please review\r\n"
BACK = {**GOOD, "MitigationProcess": "1 Rollback of mitigation complete", "Timestamp": "later"}
# Ours: it declares the parameters by which the tool is known, and does nothing.
STAND_IN = b"param ([switch] $DoNotAutoUpdateEOMT, [switch] $DoNotRunMSERT)\r\n'stand-in'\r\n"


def does(match: str, values: dict[str, str], log: str, config: str | None) -> dict[str, Any]:
    effects: list[dict[str, Any]] = [
        {"kind": "registry", "key": KEY, "name": name, "value": value}
        for name, value in values.items()
    ]
    effects.append({"kind": "file", "path": LOG, "text": log})
    if config is not None:
        effects.append({"kind": "file", "path": CONFIG, "text": config})
    behaviour = {"duration_seconds": 1, "exit_code": 0, "effects": effects}
    return {"match": match, "behaviour": behaviour}


@pytest.fixture(scope="module")
def mitigate_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Servers on which the stand-in keeps its word, does not, and may not run."""
    rules = build_world({**SPEC, "mitigations": ["backend-cookie"]}).text(CONFIG)
    plain = build_world(SPEC).text(CONFIG)
    undo = does("-RollbackMitigation", BACK, LINES + MORE, plain)
    hosts = {
        "honest": {**SPEC, "programs": [undo, does("-DoNotRunMSERT", GOOD, LINES, rules)]},
        "liar": {**SPEC, "programs": [does("-DoNotRunMSERT", GOOD, LINES, None)]},
        "bare": {**SPEC, "url_rewrite": None},
    }
    state = tmp_path_factory.mktemp("tool")
    scenario = state / "scenario.yml"
    defaults = {"domain": "rehearsal.example"}
    document = {"schema": 1, "title": "A script of Microsoft", "defaults": defaults, "hosts": hosts}
    scenario.write_text(json.dumps(document))  # JSON is YAML, without its aliases
    yield start_fleet(state, scenario)
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


def test_script_is_planned_run_judged_and_taken_back(
    play: Callable[..., Play],
    mitigate_fleet: Fleet,
    tmp_path: Path,
) -> None:
    script = tmp_path / "renamed.ps1"
    script.write_bytes(STAND_IN)
    wanted: dict[str, Any] = {
        "mitigate_tool": "eomt",
        "mitigate_tool_file": str(script),
        "mitigate_tool_sha256": hashlib.sha256(STAND_IN).hexdigest(),
        "mitigate_tool_version": "21.05.27.0855",
        "mitigate_mitigations": ["backend-cookie"],
        "mitigate_case": str(tmp_path / "case"),
        "mitigate_run": "run-1",
        "mitigate_confirm": True,
    }
    before = mutations(mitigate_fleet)
    code, planned, text = play("mitigate", wanted, "--check", "--diff")
    assert code == 0, text
    assert states(planned) == {"honest": "planned", "liar": "planned", "bare": "refused"}
    assert mutations(mitigate_fleet) == before
    launch = planned["honest"]["mitigation"]["plan"]["steps"][-1]
    assert launch["operation"] == "Start-HostJob"
    assert launch["parameters"]["arguments"] == ["-DoNotAutoUpdateEOMT", "-DoNotRunMSERT"]
    assert "unverified" in " ".join(planned["bare"]["warnings"])

    code, applied, text = play("mitigate", wanted)
    assert code != 0, text
    assert states(applied) == {"honest": "mitigated", "liar": "not-mitigated", "bare": "refused"}
    tool = applied["honest"]["mitigation"]["tool"]
    assert (tool["outcome"], tool["said"]) == ("succeeded", "succeeded")
    assert tool["proofs"] == {"backend-cookie": "our request was refused"}
    assert applied["liar"]["mitigation"]["tool"]["outcome"] == "conflict"
    kept = tmp_path / "case" / "honest" / f"tool-{tool['job']['name']}.json"
    assert json.loads(kept.read_text())["verdict"]["state"] == "mitigated"

    middle = mutations(mitigate_fleet)
    code, again, text = play("mitigate", wanted, "--limit", "honest")
    assert (code, again["honest"]["changed"]) == (0, False), text
    assert mutations(mitigate_fleet) == middle

    why = {**wanted, "mitigate_although_open": "an add-in of the hospital"}
    code, undone, text = play("unmitigate", why, "--limit", "honest")
    assert code == 0, text
    assert states(undone) == {"honest": "not-mitigated"}

    journal = tmp_path / "case" / "journal.jsonl"
    assert verify(journal).ok
    lines = [line.content for line in events(journal) if line.content["host"] == "honest"]
    steps = [row["data"]["step"] for row in lines if row["event"] == "done"]
    assert steps == ["tool/eomt/deliver", "tool/eomt/run", "tool/eomt/deliver", "tool/eomt/run"]


def test_a_file_that_nobody_vouches_for_is_not_sent(
    play: Callable[..., Play],
    mitigate_fleet: Fleet,
    tmp_path: Path,
) -> None:
    script = tmp_path / "EOMT.ps1"
    script.write_bytes(STAND_IN + b"# nobody knows me")
    wanted = {
        "mitigate_tool": "eomt",
        "mitigate_tool_file": str(script),
        "mitigate_case": str(tmp_path / "case"),
        "mitigate_confirm": True,
    }
    before = mutations(mitigate_fleet)
    code, results, text = play("mitigate", wanted, "--limit", "liar")
    assert (code != 0, states(results)) == (True, {"liar": "refused"}), text
    assert "is not in the tool catalogue" in results["liar"]["msg"]
    assert mutations(mitigate_fleet) == before
