# SPDX-License-Identifier: GPL-3.0-or-later
"""All ``detection.json`` under a folder: bounded, nothing followed, a bad one named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main import main
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet import detections
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.detections import (
    read_detections,
)

_AT = ["--at", "2021-04-10T12:00:00Z"]


def _check(state: str = "no-indicator") -> dict[str, Any]:
    return {"id": "msert/full-scan", "tool": "msert", "title": "Full scan", "state": state,
            "reasons": [], "findings": [], "coverage": []}  # fmt: skip


def _tool(**changes: Any) -> dict[str, Any]:
    return {
        "tool": "msert", "version": "1.0", "mode": "full", "file_sha256": "A" * 64,
        "file_dated": "2021-04-02T00:00:00Z", "started": "2021-04-03T10:00:00Z",
        "finished": "2021-04-03T22:00:00Z", "complete": True, "checks": [_check()], **changes,
    }  # fmt: skip


def _write(root: Path, *tools: dict[str, Any], host: str = "EX01", case: str = "one") -> Path:
    path = root / case / host / "detection.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": 1, "host": host, "run": "r", "campaign": "proxylogon",
                                "tools": list(tools), "verdict": {}}))  # fmt: skip
    return path


def test_the_worst_check_is_the_runs_and_no_check_says_nothing(tmp_path: Path) -> None:
    _write(tmp_path, _tool(checks=[_check(), _check("conflict")]), _tool(mode="quick", checks=[]))
    found = {run.mode: run for run in read_detections(tmp_path).records["EX01"]}
    assert found["full"].state.value == "conflict"
    assert found["quick"].state.value == "inconclusive"
    assert found["full"].file_sha256 == "a" * 64


def test_of_two_files_about_one_run_the_newer_counts(tmp_path: Path) -> None:
    _write(tmp_path, _tool(finished=None, complete=False), case="a")
    _write(tmp_path, _tool(), case="b")
    _write(tmp_path, _tool(finished=None, complete=False), case="c")
    (run,) = read_detections(tmp_path).records["EX01"]
    assert run.complete


def test_a_host_is_one_however_it_is_capitalised(tmp_path: Path) -> None:
    _write(tmp_path, _tool(), case="a")
    _write(tmp_path, _tool(mode="quick"), host="ex01", case="b")
    ((host, runs),) = read_detections(tmp_path).records.items()
    assert host.upper() == "EX01"
    assert {(run.host, run.mode) for run in runs} == {(host, "full"), (host, "quick")}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"schema": 2}', '{"schema": 1, "host": "EX01"}', "[" * 100_000,
     '{"schema": 1, "host": 5, "tools": []}', '{"schema": 1, "host": "EX01", "tools": [1]}'],
)  # fmt: skip
def test_a_bad_file_is_named_and_the_others_are_read(tmp_path: Path, text: str) -> None:
    _write(tmp_path, _tool())
    _write(tmp_path, host="EX02").write_text(text)
    found = read_detections(tmp_path)
    assert list(found.records) == ["EX01"]
    assert [Path(name).parent.name for name in found.problems] == ["EX02"]


@pytest.mark.parametrize(
    "changes",
    [{"complete": "yes"}, {"complete": None}, {"file_sha256": "a"}, {"finished": "noon"},
     {"finished": 5}, {"mode": ""}, {"checks": [{}]}, {"checks": [_check("clean")]}],
)  # fmt: skip
def test_a_run_of_another_shape_spoils_its_file(tmp_path: Path, changes: dict[str, Any]) -> None:
    _write(tmp_path, _tool(), _tool(**changes))
    found = read_detections(tmp_path)
    assert not found.records
    assert len(found.problems) == 1


def test_no_link_is_followed_and_no_pipe_is_waited_for(tmp_path: Path) -> None:
    _write(tmp_path / "elsewhere", _tool())
    cases = tmp_path / "cases"
    cases.mkdir()
    (cases / "link").symlink_to(tmp_path / "elsewhere")
    (cases / "detection.json").symlink_to(tmp_path / "elsewhere/one/EX01/detection.json")
    (cases / "pipe").mkdir()
    os.mkfifo(cases / "pipe/detection.json")
    found = read_detections(cases)
    assert not found.records
    assert len(found.problems) == 3


def test_what_is_too_large_or_too_much_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, _tool())
    monkeypatch.setattr(detections, "_BYTES", 10)
    assert "larger than 10 bytes" in next(iter(read_detections(tmp_path).problems.values()))
    monkeypatch.setattr(detections, "_FILES", 0)
    with pytest.raises(ConfigError, match="name one case"):
        read_detections(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        read_detections(tmp_path / "none")


def test_schedule_in_text_fits_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, _tool())
    _write(tmp_path, _tool(mode="quick"), host="A-SERVER-WITH-A-VERY-LONG-NAME-INDEED.corp.example")
    assert main(["detection", "schedule", str(tmp_path), *_AT]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[-2:] == ["late", "late"]
    rows = [text.split() for text in lines if text.startswith("EX01 ")]
    assert rows[0] == ["EX01", "first", "2021-04-05", "16:00", "done"]
    assert rows[1] == ["EX01", "week", "1", "2021-04-10", "23:59", "due"]
    assert "it was a quick scan, no full one" in " ".join(" ".join(lines).split())


def test_schedule_statuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detection", "schedule", str(tmp_path)]) == 3
    _write(tmp_path, _tool())
    assert main(["detection", "schedule", str(tmp_path), "--at", "2021-04-03T23:00:00Z"]) == 0
    capsys.readouterr()
    assert main(["detection", "schedule", str(tmp_path), "--json", *_AT]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["hosts"]["EX01"][0]["done"]["finished"] == "2021-04-03T22:00:00Z"
    assert [scan["state"] for scan in document["hosts"]["EX01"]] == [
        "done", "due", "planned", "planned", "planned",
    ]  # fmt: skip
    _write(tmp_path, host="EX02").write_text("{")
    assert main(["detection", "schedule", str(tmp_path), "--at", "2021-04-03T23:00:00Z"]) == 3
    assert "EX02" in capsys.readouterr().err
    assert main(["detection", "schedule", str(tmp_path), "--at", "noon"]) == 2


def test_template_in_text_and_as_a_table_without_formulas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, _tool(), host="=EX01")
    assert main(["detection", "template", str(tmp_path)]) == 0
    assert "1) MSERT: Yes (no indications of compromise found)" in capsys.readouterr().out
    assert main(["detection", "template", str(tmp_path), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith('"\'=EX01","Yes (no indications')


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("ended", ["2021-04-03T22:00:00Z", "2021-04-03T23:00:00Z"])
def test_no_other_record_of_a_run_takes_its_finding_away(
    tmp_path: Path, names: tuple[str, str], ended: str
) -> None:
    _write(tmp_path, _tool(checks=[_check("indicator-found")]), case=names[0])
    _write(tmp_path, _tool(finished=ended), case=names[1])
    states = {run.state.value for run in read_detections(tmp_path).records["EX01"]}
    assert "indicator-found" in states


def test_of_two_equal_records_the_worse_counts(tmp_path: Path) -> None:
    for name, state in (("a", "no-indicator"), ("b", "inconclusive"), ("c", "no-indicator")):
        _write(tmp_path, _tool(checks=[_check(state)]), case=name)
    (run,) = read_detections(tmp_path).records["EX01"]
    assert run.state.value == "inconclusive"


_EVIDENCE = {"file": "f", "origin": "o", "sha256": "a", "place": ""}
_FOUND = {"id": "x", "title": "t", "detail": "d", "evidence": _EVIDENCE}
BAD_CHECKS: list[dict[str, Any]] = [
    {"reasons": [None]}, {"reasons": "text"}, {"id": ["x"]}, {"id": {}}, {"title": None},
    {"state": "clean"}, {"findings": {}}, {"findings": [1]}, {"coverage": [{}]},
    {"findings": [{**_FOUND, "detail": {}}]}, {"findings": [{**_FOUND, "evidence": []}]},
    {"findings": [{**_FOUND, "evidence": {**_EVIDENCE, "origin": []}}]},
    {"coverage": [{"source": "s", "first": "0001-01-01T00:00:00Z", "last": None, "gaps": []}]},
    {"coverage": [{"source": "s", "first": None, "last": None, "gaps": [1]}]},
]  # fmt: skip
BAD_TOOLS: list[dict[str, Any]] = [
    {"finished": "0001-01-01T00:00:00+14:00"}, {"started": "9999-12-31T23:59:59-14:00"},
    {"file_dated": 7}, {"since": []}, {"campaign": 7}, {"complete": None}, {"checks": {}},
    {"by": 7}, {"tool": ""}, {"file_sha256": []},
]  # fmt: skip


@pytest.mark.parametrize(
    "tool",
    [
        *(_tool(checks=[{**_check(), **bad}]) for bad in BAD_CHECKS),
        *(_tool(**b) for b in BAD_TOOLS),
    ],
)
def test_a_record_of_another_shape_is_named_and_breaks_nothing(
    tool: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, _tool(), host="EX02", case="good")
    path = _write(tmp_path, tool, case="bad")
    found = read_detections(tmp_path)
    assert (list(found.records), list(found.problems)) == (["EX02"], [str(path)])
    assert main(["detection", "show", str(tmp_path)]) == 3
    assert str(path) in capsys.readouterr().err


def test_folders_that_are_not_looked_into_are_named(tmp_path: Path) -> None:
    cases, elsewhere = tmp_path / "cases", tmp_path / "elsewhere"
    _write(elsewhere, _tool())
    _write(cases, _tool())
    (cases / "linked").symlink_to(elsewhere)
    (cases / "latest").symlink_to(cases / "one")
    deep = cases.joinpath(*"abcdefghij")
    _write(deep, _tool(), host="EX09")
    found = read_detections(cases)
    assert list(found.records) == ["EX01"]
    problems = {
        Path(name).relative_to(cases).as_posix(): why for name, why in found.problems.items()
    }
    assert "not followed" in problems.pop("linked")
    ((name, why),) = problems.items()
    assert ("folders down" in why, name.startswith("a/b/c")) == (True, True)
