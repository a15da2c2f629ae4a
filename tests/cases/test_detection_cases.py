# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded run of Microsoft's tools is read to what a person says it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import CompromiseState
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.healthchecker import (
    read_healthchecker,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.read import (
    read_run,
)
from detection_runs import (
    VERSIONS,
    cases,
    collected,
    recorded_run,
    tool_run,
    without_version,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.records import (
        ToolReading,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
        ToolRun,
    )

LETTERS = {
    "CVE-2021-26855": "S",
    "CVE-2021-26857": "U",
    "CVE-2021-26858": "O",
    "CVE-2021-27065": "E",
    "suspicious-files": "F",
}
NEAR, FAR = datetime(2021, 1, 3, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
AT = datetime(2021, 3, 10, 12, tzinfo=UTC)
EXPECTED = cases("expected")
COLUMN = {"v21.03.04.0202": 0, "v21.03.09.2040": 1, "v21.03.18.1900": 2, "f88378b1e": 2}
RUNS = [
    (version, name) for version in VERSIONS for name in cases(f"test-proxylogon-{version}")["runs"]
]
JOINED = [
    (version, name)
    for version, name in RUNS
    if "files" in cases(f"test-proxylogon-{version}")["runs"].get(f"{name}+object", {})
    and "+" not in name
]


def states(reading: ToolReading) -> dict[str, str]:
    """Letters by state."""
    found: dict[str, str] = {}
    for check in reading.checks:
        letter = LETTERS[check.id.partition("/")[2]]
        found[check.state.value] = "".join(sorted(found.get(check.state.value, "") + letter))
        assert check.reasons or check.state is CompromiseState.NO_INDICATOR, check
        assert bool(check.findings) == (check.state is CompromiseState.INDICATOR_FOUND), check
        assert all(f.evidence.sha256 and f.evidence.file for f in check.findings)
    return found


def row(version: str, name: str, what: str) -> str:
    world = cases(f"test-proxylogon-{version}")["runs"][name]["world"]
    text: str = EXPECTED["worlds"][world][what][COLUMN[version]]
    return "" if text == "-" else "".join(sorted(text))


def expect(run: ToolRun, found: str, whole: str, since: datetime) -> None:
    got = states(read_run(run, since))
    assert got.get("indicator-found", "") == found, got
    assert got.get("no-indicator", "") == whole, got
    assert "conflict" not in got, got


def test_number_of_recordings_is_that_of_all() -> None:
    others = sum(len(cases(name)["runs"]) for name in ("eomt", "exchange-mitigations"))
    assert len(RUNS) + others == 203


@pytest.mark.parametrize(("version", "name"), RUNS)
def test_recorded_run_is_read_to_what_its_host_has(version: str, name: str) -> None:
    whole = row(version, name, "whole") if COLUMN[version] == 1 else ""
    run = recorded_run(version, name)
    expect(run, row(version, name, "found"), whole, NEAR)
    far = "".join(letter for letter in whole if letter in "UF")
    expect(run, row(version, name, "found"), far, FAR)


@pytest.mark.parametrize(("version", "name"), JOINED)
def test_run_with_object_text_and_files_answers_what_it_looked_at(version: str, name: str) -> None:
    run, whole = recorded_run(version, name, joined=True), row(version, name, "whole")
    expect(run, row(version, name, "found"), whole, NEAR)
    far = "".join(letter for letter in whole if letter in "UF")
    expect(run, row(version, name, "found"), far, FAR)


@pytest.mark.parametrize(
    ("version", "name"), [(version, name) for version, name in RUNS if COLUMN[version]]
)
def test_run_of_an_unknown_version_shows_what_it_found_and_proves_nothing(
    version: str, name: str
) -> None:
    got = states(read_run(without_version(recorded_run(version, name)), NEAR))
    assert got.get("indicator-found", "") == row(version, name, "found")
    assert "no-indicator" not in got


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp437", "cp850", "cp1252"]
)
@pytest.mark.parametrize(("version", "name"), JOINED)
def test_encoding_and_line_ends_change_nothing(version: str, name: str, encoding: str) -> None:
    run = recorded_run(version, name, joined=True)
    files = {}
    for file in (*run.files, run.console):
        mark = file.data.startswith(b"\xff\xfe")
        text = file.data.decode("utf-16") if mark else file.data.decode("utf-8", "replace")
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        files[file.origin] = collected(file.origin, text.encode(encoding, "replace"))
    console = files.pop("console")
    again = replace(run, console=console, files=tuple(files.values()))
    expect(again, row(version, name, "found"), row(version, name, "whole"), NEAR)


@pytest.mark.parametrize("name", sorted(cases("eomt")["runs"]))
def test_eomt_shows_threats_and_never_proves_their_absence(name: str) -> None:
    said = cases("eomt")["runs"][name]
    files: dict[str, bytes] = {}
    if "stage" in said:
        files["PatchState.json"] = json.dumps({"MSERTProcess": said["stage"]}).encode()
    if "msert_log" in said:
        files["C:\\Windows\\debug\\msert.log"] = said["msert_log"].encode("utf-16")
    if "log" in said:
        files["C:\\Temp\\msert\\EOMT.log"] = "\r\n".join(said["log"]).encode("utf-16")
    console = "\n".join(said.get("console", [])).encode()
    (check,) = read_run(tool_run("eomt-scan", console, files, at=AT), NEAR).checks
    found = name in EXPECTED["eomt"]
    assert check.state.value == ("indicator-found" if found else "inconclusive"), check
    assert check.reasons


@pytest.mark.parametrize("name", sorted(cases("exchange-mitigations")["runs"]))
def test_script_that_looks_for_nothing_makes_no_statement(name: str) -> None:
    assert name not in EXPECTED["exchange-mitigations"]
    run = tool_run("eomt-scan", b"", {}, at=AT)
    other = replace(run.tool, id="exchange-mitigations", file="ExchangeMitigations.ps1")
    (check,) = read_run(replace(run, tool=other), NEAR).checks
    assert check.state is CompromiseState.INCONCLUSIVE
    assert "no statement" in check.reasons[0]


def healthchecker(report: Any) -> dict[str, str]:
    file = collected("HealthChecker.json", json.dumps(report).encode("utf-16"))
    return {one.subject: one.state.value for one in read_healthchecker(file)}


def test_healthchecker_speaks_of_exposure_for_each_server() -> None:
    report = cases("healthchecker")["report"]
    assert healthchecker(report) == EXPECTED["healthchecker"]
    report = json.loads(json.dumps(report))
    server = report["Servers"][2]
    for change in (
        {"Online": False},
        {"BuildVersion": None},
        {"Vulnerabilities": ["?"]},
        {"HasVulnerability": "False"},
        {"HasVulnerability": None},
    ):
        got = healthchecker({"Servers": [server | change]})
        assert got == {"EX03.corp.example": "inconclusive"}, change
    got = healthchecker({"Servers": [server | {"Vulnerabilities": ["CVE-2021-26855"]}]})
    assert got == {"EX03.corp.example": "exposed"}
    nothings: tuple[Any, ...] = ({}, [], {"Servers": []}, {"Servers": [1]}, {"Servers": None}, "x")
    for nothing in nothings:
        assert set(healthchecker(nothing).values()) == {"inconclusive"}, nothing
