# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have run: every recorded run through the command, and what of it goes into a case."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
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


THREAT = ("Backdoor:ASP/Chopper.F!dha",)
FULL = ("--tool", "msert", "--mode", "full", "--ended", "2021-03-10T18:36:00Z", "--exit-code")


def _log(path: Path, *threats: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(scan_log(threats=threats).encode("utf-16"))
    return path


def _kept_in(case: Path, host: str, **more: str) -> tuple[str, ...]:
    given = {"reason": "copied", **more}
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return ("--case", str(case), "--host", host, *options)


def test_a_second_run_by_hand_stands_beside_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case"
    _json(capsys, *FULL, "7", str(_log(tmp_path / "a/msert.log", *THREAT)), *_kept_in(case, "ex01"))
    _json(capsys, *FULL, "0", str(_log(tmp_path / "b/msert.log")), *_kept_in(case, "ex01"))
    runs = read_detections(case).records["ex01"]
    assert sorted(run.state.value for run in runs) == ["indicator-found", "no-indicator"]
    assert main(["detection", "show", str(case)]) == 1
    assert main(["detection", "template", str(case)]) == 0
    assert "Yes (indications of compromise found)" in capsys.readouterr().out


def test_weekly_scans_by_hand_are_a_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for week, day in enumerate((1, 8, 15)):
        log = tmp_path / f"{week}/msert.log"
        log.parent.mkdir()
        text = scan_log().replace("Wed Mar 10 12:00:01 2021", f"Thu Apr {day:2} 12:00:01 2021")
        log.write_bytes(text.encode("utf-16"))
        _json(
            capsys, "--tool", "msert", "--mode", "full", "--ended", f"2021-04-{day:02}T18:36:00Z",
            "--exit-code", "0", str(log), "--tool-sha256", f"{week + 1}" * 64, "--tool-dated",
            f"2021-04-{day:02}T01:00:00Z", *_kept_in(tmp_path / "cases", "ex01"),
        )  # fmt: skip
    main(["detection", "schedule", "--json", "--at", "2021-04-16", str(tmp_path / "cases")])
    scans = json.loads(capsys.readouterr().out)["hosts"]["ex01"]
    assert [scan["state"] for scan in scans] == ["done", "done", "done", "due", "planned"]


def test_a_run_keeps_how_far_back_it_looked_and_for_which_campaign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case"
    log = str(_log(tmp_path / "a/msert.log"))
    _json(capsys, *FULL, "0", log, "--since", "2021-02-01", *_kept_in(case, "ex01"))
    _json(capsys, *FULL, "0", log, "--since", "2021-01-01", *_kept_in(case, "ex01"))
    _json(
        capsys, *FULL, "0", log, "--since", "2021-03-01", *_kept_in(case, "ex01", campaign="proxyshell")
    )  # fmt: skip
    runs = read_detections(case).records["ex01"]
    assert {(run.campaign, f"{run.since:%m-%d}") for run in runs} == {
        ("proxylogon", "02-01"), ("proxylogon", "01-01"), ("proxyshell", "03-01"),
    }  # fmt: skip
    document = json.loads((case / "ex01/detection.json").read_text())
    assert document["verdict"]["since"] == "2021-03-01T00:00:00Z"
    assert len(document["verdict"]["reasons"]) == 1


def test_a_second_log_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _log(tmp_path / "out/a/msert.log", *THREAT)
    _log(tmp_path / "out/b/msert.log")
    assert _json(capsys, *FULL, "0", str(tmp_path / "out"))[1]["state"] == "indicator-found"
    _log(tmp_path / "out/a/msert.log")
    found = _json(capsys, *FULL, "0", str(tmp_path / "out"))[1]
    assert found["state"] == "inconclusive"
    assert "there are 2 logs of it" in found["checks"][0]["reasons"]


def test_a_scan_in_another_encoding_behind_the_first_hides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "msert.log"
    log.write_bytes(scan_log().encode("utf-16-le") + scan_log(threats=THREAT).encode())
    found = _json(capsys, *FULL, "0", str(log))[1]
    assert found["state"] != "no-indicator"
    log.write_bytes(scan_log().encode() + scan_log(threats=THREAT).encode("utf-16-le"))
    assert _json(capsys, *FULL, "0", str(log))[1]["state"] != "no-indicator"


def test_what_cannot_be_looked_into_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _log(tmp_path / "elsewhere/msert.log", *THREAT)
    _log(tmp_path / "out/msert.log")
    (tmp_path / "out/sub").symlink_to(tmp_path / "elsewhere")
    assert main(["detection", "read", *FULL, "0", str(tmp_path / "out")]) == 2
    assert "sub is a link" in capsys.readouterr().err


def test_a_folder_that_may_not_be_read_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _log(tmp_path / "out/msert.log")
    listed = os.scandir

    def refused(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    (tmp_path / "out/sub").mkdir()
    monkeypatch.setattr(os, "scandir", refused)
    assert main(["detection", "read", *FULL, "0", str(tmp_path / "out")]) == 2
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("since", ["2999-01-01", "2021-03-11"])
def test_nothing_is_looked_at_after_the_run(
    since: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(_log(tmp_path / "msert.log"))
    assert main(["detection", "read", *FULL, "0", "--since", since, log]) == 2
    assert "since" in capsys.readouterr().err


def test_files_of_another_computer_prove_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = recorded_run("v21.03.09.2040", "a-clean")
    given = _written(run, tmp_path / "out")
    common = ("--tool", "test-proxylogon", "--version", "21.03.09.2040", "--exit-code", "0")
    own = _json(capsys, *common, *given)[1]
    assert _json(capsys, *common, *given, "--host", "ex01.corp.example")[1] == own
    assert _json(capsys, *common, *given, "--host", "mail", "--computer", "EX01")[1] == own
    other = _json(capsys, *common, *given, "--host", "ex77")[1]
    assert other["state"] == "inconclusive"
    assert "it is of ex01, not of ex77" in str(other["checks"])
    (ages,) = (tmp_path / "out").glob("*LogAgeDays.csv")
    ages.rename(ages.with_name("EX02-LogAgeDays.csv"))
    assert "it is of several computers: ex01, ex02" in str(_json(capsys, *common, *given)[1])


def test_names_of_files_are_inert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _log(tmp_path / "\u202egnp\u009b31m/msert.log", *THREAT)
    assert main(["detection", "read", *FULL, "7", str(log.parent)]) == 1
    said = capsys.readouterr().out
    assert not {"\u202e", "\u009b"} & set(said)
    assert all(len(line) <= 80 for line in said.splitlines())


def test_a_damaged_record_is_said_before_anything_is_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case"
    (case / "ex01").mkdir(parents=True)
    record = {"schema": 1, "host": "ex01", "run": "r", "campaign": "proxylogon", "tools": [{}],
              "exposure": [], "verdict": None}  # fmt: skip
    (case / "ex01/detection.json").write_text(json.dumps(record))
    log = str(_log(tmp_path / "msert.log"))
    assert main(["detection", "read", *FULL, "0", log, *_kept_in(case, "ex01")]) == 2
    assert "detection.json cannot be read" in capsys.readouterr().err
    assert not (case / "ex01/detection").exists()


def test_six_at_once_are_all_kept(tmp_path: Path) -> None:
    log = _log(tmp_path / "msert.log")
    case = tmp_path / "case"
    words = [
        sys.executable, "-m", main.__module__, "detection", "read", *FULL, "0", str(log),
        *_kept_in(case, "ex01"),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(main.__code__.co_filename).parents[6])}
    began = [subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [one.wait(timeout=120) for one in began] == [0] * 6
    document = json.loads((case / "ex01/detection.json").read_text())
    assert len({tool["job"] for tool in document["tools"]}) == 6
    assert verify(case / "journal.jsonl").ok
