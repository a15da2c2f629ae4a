# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have run: every recorded run through the command, and what of it goes into a case."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main import main
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.detections import (
    read_detections,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.read import (
    read_run,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.msert_tool import (
    scan_log,
)
from detection_runs import VERSIONS, cases, recorded_run

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
        ToolRun,
    )

SINCE = "2021-01-03"
RUNS = [
    (version, name)
    for version in VERSIONS
    for name in sorted(cases(f"test-proxylogon-{version}")["runs"])
]


def _written(run: ToolRun, folder: Path) -> list[str]:
    """Put a run on the disk as an operator would bring it, and name it to the command."""
    folder.mkdir()
    for file in run.files:
        (folder / file.origin.replace("/", "\\").rpartition("\\")[2]).write_bytes(file.data)
    (folder.parent / "console.txt").write_bytes(run.console.data)
    events = run.host.application_log_oldest
    return [
        str(folder), "--console", str(folder.parent / "console.txt"),
        "--ended", run.host.start.isoformat(), "--since", SINCE,
        *(["--events-from", events.isoformat()] if events else []),
    ]  # fmt: skip


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["detection", "read", "--json", *arguments])
    captured = capsys.readouterr()
    assert captured.out, captured.err
    document: dict[str, Any] = json.loads(captured.out)
    return status, document


@pytest.mark.parametrize(("version", "name"), RUNS)
def test_a_recorded_run_that_is_handed_over_is_read_like_one_of_ours(
    version: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = recorded_run(version, name)
    wanted = {check.id: check.state.value for check in read_run(run, _at(SINCE)).checks}
    given = _written(run, tmp_path / "out")
    status, found = _json(
        capsys, "--tool", "test-proxylogon", "--version", VERSIONS[version], "--exit-code", "0", *given
    )  # fmt: skip
    assert {check["id"]: check["state"] for check in found["checks"]} == wanted
    worst = found["state"]
    assert status == {"no-indicator": 0, "inconclusive": 3}.get(worst, 1)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nobody_knows_how_it_ended_so_nothing_is_proven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "msert.log"
    log.write_bytes(scan_log().encode("utf-16"))
    common = ("--tool", "msert", "--mode", "full", "--ended", "2021-03-10T18:36:00Z", str(log))
    status, found = _json(capsys, *common)
    assert (status, found["state"]) == (3, "inconclusive")
    assert "did not come to its end (unknown)" in found["checks"][0]["reasons"][0]
    status, found = _json(capsys, "--exit-code", "0", *common)
    assert (status, found["state"]) == (0, "no-indicator")


def test_what_eomt_left_shows_threats_and_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "msert.log"
    common = ("--tool", "eomt-scan", "--ended", "2021-03-16", "--exit-code", "0", str(log))
    log.write_bytes(scan_log("Quick").encode("utf-16"))
    assert _json(capsys, *common)[1]["state"] == "inconclusive"
    log.write_bytes(scan_log("Quick", ("Backdoor:ASP/Chopper.F!dha",)).encode("utf-16"))
    status, found = _json(capsys, *common)
    assert (status, found["state"]) == (1, "indicator-found")


def test_healthchecker_speaks_of_exposure_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "HealthChecker-VulnerabilityReport-20210310.json"
    report.write_bytes(json.dumps(cases("healthchecker")["report"]).encode("utf-16"))
    case = tmp_path / "case"
    common = ("--tool", "healthchecker", "--ended", "2021-03-10", str(report))
    status, found = _json(
        capsys, *common, "--case", str(case), "--host", "ex01", "--reason", "by mail from J. Doe"
    )
    assert (status, found["state"], found["checks"]) == (1, None, [])
    assert {one["state"] for one in found["exposure"]} >= {"exposed"}
    record = json.loads((case / "ex01" / "detection.json").read_text())
    assert (record["tools"], record["verdict"]) == ([], None)
    evidence = record["exposure"][0]["evidence"][0]
    kept = (case / "ex01" / evidence["file"]).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == evidence["sha256"]
    assert main(["detection", "read", *common]) == 1
    assert "EX01" in capsys.readouterr().out


def test_a_case_keeps_bytes_statement_and_verdict_and_counts_for_the_fleet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "msert.log"
    log.write_bytes(scan_log(threats=("Backdoor:ASP/Chopper.F!dha",)).encode("utf-16"))
    case = tmp_path / "case"
    status, found = _json(
        capsys, "--tool", "msert", "--mode", "full", "--ended", "2021-03-10T18:36:00Z", "--exit-code", "7",
        "--case", str(case), "--host", "ex01", "--reason", "run by hand by J. Doe, copied by USB",
        "--tool-sha256", "AB" * 32, "--tool-dated", "2021-03-09", str(log),
    )  # fmt: skip
    assert (status, found["state"]) == (1, "indicator-found")
    (run,) = read_detections(tmp_path).records["ex01"]
    assert (run.state.value, run.complete, run.file_sha256) == ("indicator-found", True, "ab" * 32)
    assert run.by
    place = tmp_path / run.checks[0].findings[0].evidence.file
    assert place.read_bytes() == log.read_bytes()
    index = json.loads((place.parent / "index.json").read_text())
    assert index["stated"]["reason"] == "run by hand by J. Doe, copied by USB"
    assert verify(case / "journal.jsonl").ok
    # A second one is added, and takes nothing back.
    log.write_bytes(scan_log().encode("utf-16"))
    _json(
        capsys, "--tool", "msert", "--mode", "full", "--ended", "2021-03-10T18:36:00Z", "--exit-code", "0",
        "--case", str(case), "--host", "ex01", "--reason", "a second one", str(log),
    )  # fmt: skip
    document = json.loads((case / "ex01" / "detection.json").read_text())
    assert len(document["tools"]) == 2
    assert document["verdict"]["state"] == "indicator-found"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tool", "nessus", "--ended", "2021-03-10", "x"), "there is no detection tool 'nessus'"),
        (("--tool", "msert", "--ended", "2021-03-10", "x"), "quick or full or full-remove"),
        (("--tool", "msert", "--mode", "full", "--ended", "2099-01-01", "x"), "no moment of the past"),
        (("--tool", "msert", "--mode", "full", "--ended", "2021-03-10", "x"), "x cannot be read"),
        (("--tool", "msert", "--mode", "full", "--ended", "2021-03-10"), "give the files"),
        (("--tool", "nmap-script", "--ended", "2021-03-10", "x"), "run it with the playbook detect"),
        (("--tool", "test-proxylogon", "--ended", "2021-03-10", "--version", "21.3", "x"), "--version"),
        (("--tool", "msert", "--mode", "full", "--ended", "2021-03-10", "--case", "c", "x"), "--host"),
        (("--tool", "msert", "--mode", "full", "--ended", "2021-03-10", "--tool-sha256", "1", "x"), "SHA-256"),
    ],
)  # fmt: skip
def test_what_is_given_wrongly_is_said(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["detection", "read", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_pipes_links_and_large_files_are_no_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    common = ["detection", "read", "--tool", "msert", "--mode", "full", "--ended", "2021-03-10"]
    os.mkfifo(folder / "pipe")
    assert main([*common, str(folder)]) == 2
    assert "no plain file" in capsys.readouterr().err
    (folder / "pipe").unlink()
    (folder / "msert.log").symlink_to("/etc/passwd")
    assert main([*common, str(folder)]) == 2
    assert "cannot be read" in capsys.readouterr().err
    (folder / "msert.log").unlink()
    with (folder / "msert.log").open("wb") as file:
        file.truncate((8 << 20) + 1)
    assert main([*common, str(folder)]) == 2
    assert "larger than 8 MiB" in capsys.readouterr().err
