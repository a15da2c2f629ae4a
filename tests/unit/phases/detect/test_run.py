# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's tools on one server: launched once, collected whole, and never better than what was seen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    ReplySchemaError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import StalePlan
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect import (
    gather as gathering,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.phase import (
    DETECT,
    PHASE,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.result import (
    DetectState,
    to_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.msert_tool import (
    LOG as MSERT_LOG,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.msert_tool import (
    scan_log,
    scanner,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.proxylogon_tool import (
    behaviour as proxylogon,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.proxylogon_tool import (
    entered_object,
    found_object,
    text_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.tool_records import (
    utc,
)
from detected_host import AT, SINCE, DetectedHost
from line_faults import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

HIT_OBJECT = entered_object(["CVE-2021-26855"], "90.5")
HIT_TEXT = text_of(["CVE-2021-26855"])
BOTH = ("test-proxylogon", "msert/full")


def kept(host: DetectedHost) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((host.case / "ex01" / "detection.json").read_text())
    return found


def test_everything_was_looked_at_and_nothing_found(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    result = host.detect(*BOTH)
    assert (result.state, result.changed) == (DetectState.NO_INDICATOR, True), result.reason
    assert [line.partition("\\jobs\\")[2].partition("-")[0] for line in host.launched[:1]] == [
        "test"
    ]
    assert host.launched[1].endswith("\\msert.exe /Q /F /N")
    assert not host.locked
    assert [m for m in host.world.data["files"] if "\\jobs\\test-proxylogon" in m] == [], (
        "cleaned up"
    )
    record = kept(host)
    assert (record["schema"], record["verdict"]["state"]) == (1, "no-indicator")
    for tool in record["tools"]:
        for one in tool["files"]:
            data = (host.case / "ex01" / one["name"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == one["sha256"], one
            assert len(data) == one["size"]
    assert {tool["tool"]: tool["complete"] for tool in record["tools"]} == {
        "test-proxylogon": True,
        "msert": True,
    }


def test_finding_points_to_its_evidence(tmp_path: Path) -> None:
    host = DetectedHost(
        tmp_path,
        proxylogon(HIT_OBJECT, HIT_TEXT),
        scanner(scan_log(threats=("Backdoor:ASP/X",)), 7),
    )
    result = host.detect(*BOTH)
    assert result.state is DetectState.INDICATOR_FOUND
    findings = [
        finding for check in kept(host)["verdict"]["checks"] for finding in check["findings"]
    ]
    assert {finding["id"] for finding in findings} == {"CVE-2021-26855", "threat"}
    for finding in findings:
        evidence = finding["evidence"]
        data = (host.case / "ex01" / evidence["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == evidence["sha256"]
        assert evidence["place"]
    assert PHASE.told(DETECT, result.state.value)["standing"] == "wrong"


UNSEEN: list[Any] = [
    pytest.param(proxylogon(found_object("9.1")), "9.1", "days short of 2021-01-01", id="young-logs"),
    pytest.param(proxylogon(found_object("")), "", "there is no log", id="no-logs"),
    pytest.param(proxylogon(found_object(None)), "", "how old its logs are", id="no-exchange"),
    pytest.param(proxylogon(), "", "its object is missing", id="writes-nothing"),
    pytest.param(proxylogon(found_object(), "" ), "", "does not begin a report", id="prints-nothing"),
    pytest.param(
        proxylogon(found_object(), "  Skipping CVE-2021-26855 test.\r\nProxyLogon Status: Exchange Server EX01\r\n  Nothing suspicious detected\r\n"),
        "", "skipped a test", id="skipped",
    ),
    pytest.param(proxylogon(found_object(), exit_code=1), "", "status 1", id="exit-1"),
    pytest.param(
        proxylogon(found_object(), errors=[{"id": "PathNotFound,x", "message": "Pfad fehlt"}]),
        "", "Pfad fehlt", id="error",
    ),
    pytest.param({"duration_seconds": 1, "refused": "Access is denied"}, "", "Access is denied", id="killed-by-antimalware"),
]  # fmt: skip


@pytest.mark.parametrize(("behaviour", "_age", "says"), UNSEEN)
def test_what_was_not_seen_is_never_no_indicator_i1(
    behaviour: dict[str, Any], _age: str, says: str, tmp_path: Path
) -> None:
    host = DetectedHost(tmp_path, behaviour)
    result = host.detect()
    assert result.state is DetectState.INCONCLUSIVE, result.reason
    assert says in json.dumps(kept(host)["verdict"], ensure_ascii=False)
    assert not host.locked


def test_errors_by_which_the_script_learns_that_there_is_no_event_are_none(tmp_path: Path) -> None:
    errors = [{"id": "NoMatchingEventsFound,Get", "message": "Es wurden keine Ereignisse gefunden"}]
    host = DetectedHost(tmp_path, proxylogon(found_object(), errors=errors))
    assert host.detect().state is DetectState.NO_INDICATOR


SCANS: list[Any] = [
    pytest.param(scanner(None), "inconclusive", "it left no log", id="no-log"),
    pytest.param(scanner(scan_log(code=-1)), "inconclusive", "no return code", id="cut-off"),
    pytest.param(scanner(scan_log("Quick")), "inconclusive", "quick scan", id="another-kind"),
    pytest.param(
        scanner(scan_log(code=10), 10), "conflict", "return code 10", id="code-without-threat"
    ),
    pytest.param(scanner(scan_log(), 1), "conflict", "ended with 1", id="killed-behind-its-log"),
    pytest.param(scanner(scan_log(code=-1), 1), "inconclusive", "no return code", id="killed"),
    pytest.param(
        scanner(scan_log(threats=("X",), code=-1)),
        "indicator-found",
        "1 threats",
        id="threat-of-a-cut-off-scan",
    ),
]


@pytest.mark.parametrize(("behaviour", "state", "says"), SCANS)
def test_scan_is_judged_by_its_closed_block(
    behaviour: dict[str, Any], state: str, says: str, tmp_path: Path
) -> None:
    host = DetectedHost(tmp_path, msert=behaviour)
    result = host.detect("msert/full")
    assert result.state.value == state, result.reason
    assert says in json.dumps(kept(host)["verdict"])


def test_log_of_an_earlier_scan_does_not_count(tmp_path: Path) -> None:
    old = ("\ufeff" + scan_log(threats=("Old",))).encode("utf-16-le")
    host = DetectedHost(tmp_path, msert=scanner(None))
    host.world.put_file(
        MSERT_LOG, {"text": old.decode("utf-16-le"), "mtime": "2021-03-09T10:00:00Z"}, by="earlier"
    )
    result = host.detect("msert/full")
    assert result.state is DetectState.INCONCLUSIVE, result.reason
    assert "nothing of this run" in result.reason


def test_check_mode_says_what_would_run_and_changes_nothing_i9(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    result = host.detect(*BOTH, check=True)
    assert (result.state, result.changed) == (DetectState.PLANNED, False)
    assert host.world.mutations == []
    assert not (tmp_path / "case").exists()
    run = next(step for step in result.plan.steps if step.id == "msert/full/run")
    assert run.parameters["arguments"] == ["/Q", "/F", "/N"]
    assert run.parameters["sha256"] == host.record_of("msert", "1").sha256
    assert "expected to take 6 h" in run.reason
    assert run.clause is not None
    assert "supplement" in run.clause


STOPS: list[Any] = [
    pytest.param({"processes": [{"name": "mrt", "id": 7, "started": "2021-03-10T11:00:00Z"}]}, {}, "one scanner at a time", id="another-scanner"),
    pytest.param({}, {"store": None}, "no package store is given", id="no-store"),
    pytest.param({}, {"admit": "stale"}, "another plan", id="stale-plan"),
]  # fmt: skip


@pytest.mark.parametrize(("world", "changes", "says"), STOPS)
def test_what_forbids_it_stops_it_before_anything_is_started(
    world: dict[str, Any], changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    def stale(_plan: Any) -> None:
        raise StalePlan("another plan")

    host = DetectedHost(tmp_path)
    host.world.data.update(world)
    given = {**changes, **({"admit": stale} if changes.get("admit") else {})}
    result = host.detect("msert/full", **given)
    assert result.state in (DetectState.STOPPED, DetectState.STALE_PLAN), result.reason
    assert says in result.reason
    assert (host.launched, host.locked, result.verdict) == ([], False, None)


def test_scanner_that_expired_is_not_run(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, dated=AT - timedelta(days=10))
    result = host.detect("msert/full")
    assert result.state is DetectState.STOPPED
    assert "expired on 2021-03-10" in result.reason
    assert "package add msert.exe --tool msert" in result.reason


def test_room_is_looked_at_first(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    for drive in host.world.data["drives"].values():
        drive["free_bytes"] = 299 << 20
    result = host.detect("msert/full")
    assert result.state is DetectState.STOPPED, result.reason
    assert "299 MiB are free" in result.reason


def test_first_form_of_the_script_is_not_run(tmp_path: Path) -> None:
    result = DetectedHost(tmp_path, version="21.03.04.0202").detect()
    assert result.state is DetectState.STOPPED
    assert "bring a later release" in result.reason


def test_tool_that_does_not_end_stays_at_work_and_is_found_again(tmp_path: Path) -> None:
    host = DetectedHost(
        tmp_path, msert={**scanner(scan_log()), "hang": True, "busy_seconds": 10**7}
    )
    first = host.detect(*BOTH)
    assert first.state is DetectState.UNKNOWN, first.reason
    assert host.locked
    verdict = kept(host)["verdict"]
    assert verdict["state"] == "inconclusive"
    again = host.detect(*BOTH)
    assert again.state is DetectState.UNKNOWN
    assert len(host.launched) == 2, "each was launched once"


def test_finding_stays_where_a_later_tool_does_not_end_i2(tmp_path: Path) -> None:
    host = DetectedHost(
        tmp_path, proxylogon(HIT_OBJECT, HIT_TEXT), {**scanner(scan_log()), "hang": True}
    )
    result = host.detect(*BOTH)
    assert result.state is DetectState.INDICATOR_FOUND, result.reason
    assert "may be at work" in result.reason


def test_the_same_run_again_starts_nothing(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    host.detect(*BOTH)
    before = len(host.world.mutations)
    again = host.detect(*BOTH)
    assert (again.state, again.changed) == (DetectState.NO_INDICATOR, False), again.reason
    assert (len(host.launched), len(host.world.mutations)) == (2, before)
    assert host.detect(*BOTH, run="run-2").state is DetectState.NO_INDICATOR
    assert len(host.launched) == 4, "another run is another search"


def last_command(folder: Path) -> int:
    folder.mkdir()
    host = DetectedHost(folder)
    host.detect(*BOTH)
    return len(host.asked)


@pytest.mark.sweep(count=8)
@pytest.mark.parametrize("at", range(30))
def test_killed_controller_goes_on_and_launches_each_tool_once_i15(at: int, tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    host.killed(at, *BOTH)
    result = host.detect(*BOTH)
    assert result.state is DetectState.NO_INDICATOR, result.reason
    assert len(host.launched) == 2, host.launched
    assert not host.locked
    names = [one["name"] for tool in kept(host)["tools"] for one in tool["files"]]
    assert len(names) == len(set(names)) == 6
    assert at < last_command(tmp_path / "other") + 5


def _larger(script: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    effect = {"kind": "file", "path": f"%JobOutput%\\report\\{name}", "text": text}
    return {**script, "effects": [*script["effects"], effect]}


@pytest.mark.parametrize("files", [1, 5])
def test_files_that_are_larger_than_what_is_read_are_kept_whole_and_prove_nothing(
    files: int, tmp_path: Path
) -> None:
    script = proxylogon(found_object())
    size = (9 << 20) if files == 1 else (7 << 20)  # 5 of 7 MiB are more than is read of all
    for number in range(files):
        row = f"EX01,LsassDump,C:\\{number}," + "x" * 93 + "\r\n"
        head = "ComputerName,Type,Path,Name\r\n"
        script = _larger(script, f"EX01-{number}-other.csv", head + row * (size // len(row)))
    host = DetectedHost(tmp_path, script)
    result = host.detect()
    assert result.verdict is not None
    reasons = " ".join(reason for check in result.verdict.checks for reason in check.reasons)
    assert ("8 MiB that are read" if files == 1 else "32 MiB that are read") in reasons
    rows = kept(host)["tools"][0]["files"]
    assert sum(row["size"] for row in rows) > size * files - 1000
    large = [row for row in rows if row["origin"].endswith("-other.csv")]
    assert len(large) == files
    for row in large:
        data = (host.case / "ex01" / row["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert result.state is not DetectState.NO_INDICATOR


def test_a_log_is_read_from_where_the_run_began_however_large_it_was(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    old = scan_log("Quick") + "x" * (9 << 20)
    host.world.put_file(MSERT_LOG, {"text": old, "encoding": "utf-16"}, by="earlier")
    result = host.detect("msert/full")
    assert result.state is DetectState.NO_INDICATOR, result.reason


def _at_work(host: DetectedHost) -> None:
    """Kill the controller right after the scanner was started."""
    other = DetectedHost(host.folder / "other")
    other.detect("msert/full")
    host.killed(other.asked.index("Start-HostJob") + 1, "msert/full")
    assert len(host.launched) == 1


def test_a_newer_scanner_in_the_store_does_not_orphan_the_one_at_work(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    (tmp_path / "other").mkdir()
    _at_work(host)
    newer = replace(host.store.tools[1], sha256="e" * 64, dated=utc(AT))
    host.store = replace(host.store, tools=(*host.store.tools, newer))
    result = host.detect("msert/full")
    assert result.state is DetectState.NO_INDICATOR, result.reason
    assert len(host.launched) == 1
    assert kept(host)["tools"][0]["file_sha256"] == host.store.tools[1].sha256


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        pytest.param(("msert/full",), "one scanner at a time", id="same-tool"),
        pytest.param(("test-proxylogon",), "'controller-a'", id="other-tool"),
        pytest.param(BOTH, "one scanner at a time", id="both"),
    ],
)
def test_another_controller_starts_nothing_beside_the_one_at_work(
    tmp_path: Path, wanted: tuple[str, ...], why: str
) -> None:
    host = DetectedHost(tmp_path)
    (tmp_path / "other").mkdir()
    _at_work(host)
    case = tmp_path / "their-case"
    stranger = host.detect(*wanted, run="run-2", owner="controller-b", case=case)
    assert (stranger.state, stranger.changed) == (DetectState.STOPPED, False), stranger.reason
    assert why in stranger.reason
    assert len(host.launched) == 1
    result = host.detect("msert/full")
    assert result.state is DetectState.NO_INDICATOR, result.reason
    assert len(host.launched) == 1
    assert not host.locked


def test_a_scanner_that_expires_while_it_is_at_work_is_read_all_the_same(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    (tmp_path / "other").mkdir()
    _at_work(host)
    old = replace(host.store.tools[1], dated=utc(AT - timedelta(days=11)))
    host.store = replace(host.store, tools=(host.store.tools[0], old))
    result = host.detect("msert/full")
    assert result.state is DetectState.NO_INDICATOR, result.reason
    assert "expired" in host.detect("msert/full", run="run-2").reason


def test_a_job_whose_file_the_store_has_no_more_is_named_and_nothing_is_started(
    tmp_path: Path,
) -> None:
    host = DetectedHost(tmp_path)
    (tmp_path / "other").mkdir()
    _at_work(host)
    other = replace(host.store.tools[1], sha256="e" * 64)
    store = replace(host.store, tools=(other,))
    result = host.detect("msert/full", store=store)
    assert result.state is DetectState.STOPPED, result.state
    assert "was begun with a file that the store has no more" in result.reason
    assert len(host.launched) == 1
    result = host.detect("msert/full")  # put back
    assert result.state is DetectState.NO_INDICATOR, result.reason


@pytest.mark.sweep(count=12)
@pytest.mark.parametrize("name", sorted(FAULTS))
@pytest.mark.parametrize("at", range(3, 30, 3))
def test_broken_line_changes_neither_verdict_nor_number_of_launches(
    name: str, at: int, tmp_path: Path
) -> None:
    host = DetectedHost(tmp_path, faults={at: FAULTS[name]})
    result = host.detect(*BOTH)
    assert result.state in (
        DetectState.NO_INDICATOR,
        DetectState.UNKNOWN,
        DetectState.STOPPED,
        DetectState.INCONCLUSIVE,
    )
    host.faults = {}
    again = host.detect(*BOTH)
    assert len(host.launched) <= 2
    assert again.state in (DetectState.NO_INDICATOR, DetectState.INCONCLUSIVE), again.reason


@pytest.mark.parametrize("at", [8, 12, 16])
def test_restart_of_the_server_ends_a_tool_and_is_said(at: int, tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, reboot_at=at)
    result = host.detect("msert/full")
    assert result.state in (DetectState.INCONCLUSIVE, DetectState.NO_INDICATOR), result.reason
    if result.state is DetectState.INCONCLUSIVE:
        assert "did not come to its end (interrupted)" in result.reason
    assert len(host.launched) == 1


def test_result_is_plain_data(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    wanted: Any = None

    def keep(plan: Any) -> None:
        nonlocal wanted
        wanted = plan

    result = host.detect(*BOTH, admit=keep)
    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.request import (  # noqa: PLC0415
        DetectRequest,
    )

    request = DetectRequest("ex01", "run-1", "me", (), SINCE, host.case)
    found = to_dict(request, result)
    assert json.loads(json.dumps(found)) == found
    assert found["verdict"]["since"] == "2021-01-01T00:00:00Z"
    assert wanted.steps == result.plan.steps


def test_server_that_did_not_start_it_is_asked_again_in_the_same_run(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, {"duration_seconds": 1, "refused": "Access is denied"})
    assert host.detect().state is DetectState.INCONCLUSIVE
    host.world.data["programs"] = [{"match": "launch.ps1", "behaviour": proxylogon(found_object())}]
    again = host.detect()
    assert (again.state, again.changed) == (DetectState.NO_INDICATOR, True), again.reason


def test_scanner_that_came_meanwhile_keeps_the_next_tool_from_its_start(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, proxylogon(HIT_OBJECT, HIT_TEXT))

    def meddle(operation: str) -> None:
        if operation == "Remove-HostJob":
            other = {"name": "msert", "id": 7, "started": "2021-03-10T12:00:00Z"}
            host.world.data["processes"] = [*host.world.data["processes"], other]

    host.meddle = meddle
    result = host.detect(*BOTH)
    assert "one scanner at a time" in result.reason
    assert result.state is DetectState.INDICATOR_FOUND, "what was found before stays"
    assert len(host.launched) == 1
    assert not host.locked


def test_tool_behind_a_long_scan_has_its_whole_time(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    result = host.detect("msert/full", "test-proxylogon")
    assert result.state is DetectState.NO_INDICATOR, result.reason


def test_what_could_not_be_collected_stays_on_the_server_and_is_collected_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = DetectedHost(tmp_path)

    def lost(*_: Any) -> Any:
        raise ReplySchemaError("half an answer")

    with monkeypatch.context() as patch:
        patch.setattr(gathering, "collect", lost)
        first = host.detect()
    assert (first.state, host.locked) == (DetectState.UNKNOWN, True), first.reason
    assert kept(host)["verdict"]["state"] == "inconclusive"
    again = host.detect()
    assert (again.state, len(host.launched)) == (DetectState.NO_INDICATOR, 1), again.reason
    assert not host.locked


def test_later_run_in_the_same_case_adds_to_what_was_found(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, proxylogon(HIT_OBJECT, HIT_TEXT))
    host.detect(run="morning")
    result = host.detect("msert/full", run="afternoon")
    assert result.state is DetectState.NO_INDICATOR, "of this run"
    record = kept(host)
    assert {tool["tool"] for tool in record["tools"]} == {"test-proxylogon", "msert"}
    assert record["verdict"]["state"] == "indicator-found"


def test_record_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path)
    (host.case / "ex01").mkdir(parents=True)
    path = host.case / "ex01" / "detection.json"
    path.write_text("{}")
    with pytest.raises(ConfigError, match="move it away"):
        host.detect()
    assert path.read_text() == "{}"


def test_any_number_of_reasons_is_told_in_a_few(tmp_path: Path) -> None:
    errors = [{"id": f"e{n}", "message": f"error {n}"} for n in range(5000)]
    host = DetectedHost(tmp_path, proxylogon(found_object(), errors=errors))
    assert host.detect().state is DetectState.INCONCLUSIVE
    for check in kept(host)["verdict"]["checks"]:
        assert len(check["reasons"]) == 21
        assert check["reasons"][-1].endswith("more")
