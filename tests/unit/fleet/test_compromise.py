# SPDX-License-Identifier: GPL-3.0-or-later
"""From the records of the cases to the report: two verdicts, reminders, and what the directive gets of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.dates import within_reason
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main import main
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.compromise import (
    DetectionInputs,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.detections import (
    read_detections,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.report import (
    Registered,
    ReportRun,
    make_report,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.html import html
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.terminal import (
    terminal_table,
)

from ..report.samples import CLEAN

if TYPE_CHECKING:
    from pathlib import Path

_NOW = datetime(2021, 4, 10, tzinfo=UTC)
_FINDING = {
    "id": "CVE-2021-26855", "title": "a request to a back end", "detail": "10.0.0.1 POST /ecp/y.js",
    "evidence": {"file": "detection/job/0001.bin", "origin": "C:\\x.csv", "sha256": "b" * 64,
                 "place": "record 1"},
}  # fmt: skip


def _write(cases: Path, host: str, tool: str, mode: str, state: str, **changes: Any) -> None:
    check = {"test-proxylogon": "CVE-2021-26855", "msert": f"{mode}-scan"}[tool]
    row = {
        "tool": tool, "mode": mode, "file_sha256": "a" * 64, "file_dated": "2021-04-01T00:00:00Z",
        "started": "2021-04-02T10:00:00Z", "finished": "2021-04-02T20:00:00Z", "complete": True,
        "by": "kim@responder1",
        "checks": [{"id": f"{tool}/{check}", "tool": tool, "title": tool, "state": state, "reasons": [],
                    "findings": [_FINDING] if state == "indicator-found" else [], "coverage": []}],
        **changes,
    }  # fmt: skip
    path = cases / f"run-{tool}-{mode}" / host / "detection.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({
        "schema": 1, "host": host, "run": "r", "campaign": "proxylogon", "tools": [row],
        "exposure": [], "verdict": {"since": "2020-09-01T00:00:00Z"},
    }))  # fmt: skip


def _report(cases: Path, tmp_path: Path, campaign: str = "proxylogon") -> dict[str, Any]:
    run = ReportRun("r1", campaign, _NOW, _NOW, False, tmp_path / "report", ("json",))  # noqa: FBT003
    left = {
        name: Registered({**CLEAN, "host": name, "timing": {}, "assessment": {
            **CLEAN["assessment"], "at": "2021-04-10T00:00:00Z"}})
        for name in ("ex1", "ex2")
    }  # fmt: skip
    detections = DetectionInputs(read_detections(cases))
    made = make_report(run, left, left.__getitem__, None, None, detections)
    document: dict[str, Any] = json.loads((tmp_path / "report" / "report.json").read_text())
    return {**document, "exit_code": made["exit_code"]}


def test_a_finding_is_in_the_report_with_its_evidence_and_answers_the_directive(
    tmp_path: Path,
) -> None:
    cases = tmp_path / "cases"
    _write(cases, "EX1", "test-proxylogon", "default", "indicator-found")
    one, two = _report(cases, tmp_path)["hosts"]
    told = one["compromise"]
    assert told["state"] == "indicator-found"
    (finding,) = told["checks"][0]["findings"]
    place = cases / finding["evidence"]["file"]
    assert place == cases / "run-test-proxylogon-default" / "EX1" / "detection/job/0001.bin"
    assert told["runs"][0]["by"] == "kim@responder1"
    assert one["directive"]["answered_by"]["indicator"] == "the detection tools"
    assert one["directive"]["met_by"] == {"supplement 1 triage 2": "the detection tools"}
    assert two["compromise"]["state"] is None
    assert "indicator" not in two["directive"]["answered_by"]


def test_nothing_found_never_answers_that_nothing_is_there(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    _write(cases, "ex1", "test-proxylogon", "default", "no-indicator")
    _write(cases, "ex1", "msert", "full", "no-indicator")
    report = _report(cases, tmp_path)
    (one, _two) = report["hosts"]
    assert one["compromise"]["state"] == "no-indicator"
    assert one["compromise"]["since"] == "2020-09-01T00:00:00Z"
    assert "indicator" not in one["directive"]["answered_by"]
    assert set(one["directive"]["met_by"]) == {"supplement 1 triage 1", "supplement 1 triage 2"}
    assert [scan["state"] for scan in one["compromise"]["scans"][:2]] == ["done", "late"]


def test_half_of_what_the_directive_asks_for_proves_nothing(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    _write(cases, "ex1", "msert", "full", "no-indicator")
    report = _report(cases, tmp_path)
    told = report["hosts"][0]["compromise"]
    assert told["state"] == "inconclusive"
    assert told["reasons"] == ["test-proxylogon/CVE-2021-26855: it was not answered"]
    assert report["exit_code"] == 3


def test_every_report_reminds_of_scans_that_nobody_ran(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    report = _report(cases, tmp_path)
    for host in report["hosts"]:
        assert [scan["state"] for scan in host["compromise"]["scans"]] == ["late"] + ["planned"] * 4
    assert report["totals"]["by_compromise"]["not-examined"] == 2
    without = _report(cases, tmp_path, "proxyshell")
    assert [host["compromise"] for host in without["hosts"]] == [None, None]


@pytest.mark.parametrize(
    ("tools", "state", "code"),
    [
        (["msert", "test-proxylogon"], "no-indicator", 0),
        (["msert", "test-proxylogon"], "indicator-found", 1),
        (["msert", "test-proxylogon"], "conflict", 1),
        (["test-proxylogon"], "no-indicator", 3),
        (["test-proxylogon"], "inconclusive", 3),
    ],
)
def test_the_command_says_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tools: list[str], state: str, code: int
) -> None:
    for tool in tools:
        mode = "full" if tool == "msert" else "default"
        _write(tmp_path, "ex1", tool, mode, state)
    assert main(["detection", "show", str(tmp_path)]) == code
    head, row, *rest = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["HOST", "COMPROMISE"]
    assert row.split()[1] == ("inconclusive" if code == 3 else state)
    assert all(len(line) <= 80 for line in rest)
    assert main(["detection", "show", "--json", str(tmp_path)]) == code
    assert json.loads(capsys.readouterr().out)["hosts"]["ex1"]["checks"]


def test_the_command_knows_only_campaigns_of_the_catalogue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detection", "show", str(tmp_path), "--campaign", "nope"]) == 2
    assert "nope" in capsys.readouterr().err


def test_a_record_that_cannot_be_read_is_named_and_is_not_nothing(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    _write(cases, "ex1", "msert", "full", "no-indicator")
    bad = cases / "other" / "ex2" / "detection.json"
    bad.parent.mkdir(parents=True)
    bad.write_text("{")
    report = _report(cases, tmp_path)
    assert list(report["run"]["unreadable"]) == [str(bad)]
    assert report["exit_code"] == 3


def test_a_finding_on_a_server_of_no_inventory_is_in_the_report(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    _write(cases, "ex01.corp.example", "test-proxylogon", "default", "indicator-found")
    _write(cases, "old", "test-proxylogon", "default", "inconclusive")
    report = _report(cases, tmp_path)
    wanted = {"ex01.corp.example": "indicator-found", "old": "inconclusive"}
    assert report["run"]["unlisted"] == wanted
    assert report["exit_code"] == 3
    text = terminal_table(report, columns=100)
    assert "IN NO INVENTORY: ex01.corp.example: indicator-found" in text
    assert "ex01.corp.example" in html(report)


def test_a_run_that_did_not_have_to_look_back_satisfies_no_clause(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    _write(cases, "ex1", "test-proxylogon", "default", "no-indicator", since="2021-03-01T00:00:00Z")
    (one, _two) = _report(cases, tmp_path)["hosts"]
    assert one["directive"]["met_by"] == {}


@pytest.mark.parametrize("state", ["no-indicator", "indicator-found"])
def test_of_a_run_of_tomorrow_only_a_finding_counts(tmp_path: Path, state: str) -> None:
    cases = tmp_path / "cases"
    when = {"started": "2999-01-01T00:00:00Z", "finished": "2999-01-01T01:00:00Z"}
    with pytest.raises(ValueError, match="no year"):
        within_reason(datetime(2999, 1, 1, tzinfo=UTC))
    when = {name: text.replace("2999", "2199") for name, text in when.items()}
    _write(cases, "ex1", "msert", "full", "inconclusive")
    _write(cases, "ex1", "test-proxylogon", "default", state, **when)
    (one, _two) = _report(cases, tmp_path)["hosts"]
    assert one["compromise"]["state"] == (
        "indicator-found" if state == "indicator-found" else "inconclusive"
    )
    assert "supplement 1 triage 2" not in one["directive"]["met_by"]
    assert main(["detection", "template", str(cases)]) == 0


def test_the_newest_findings_are_those_that_are_shown(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    many = [{**_FINDING, "detail": f"old {number}"} for number in range(60)]
    for day, findings in (("02", many), ("05", [{**_FINDING, "detail": "NEWEST"}])):
        check = {"id": "test-proxylogon/CVE-2021-26855", "tool": "test-proxylogon", "title": "t",
                 "state": "indicator-found", "reasons": [], "findings": findings, "coverage": []}  # fmt: skip
        when = {"started": f"2021-04-{day}T10:00:00Z", "finished": f"2021-04-{day}T11:00:00Z"}
        _write(cases / day, "ex1", "test-proxylogon", "default", "x", checks=[check], **when)
    (one, _two) = _report(cases, tmp_path)["hosts"]
    shown = one["compromise"]["checks"][0]
    assert shown["findings"][0]["detail"] == "NEWEST"
    assert len(shown["findings"]) == 50
    assert "50 of 61 findings are shown here; the case has all" in shown["reasons"]
