# SPDX-License-Identifier: GPL-3.0-or-later
"""A script of Microsoft instead of the native mitigation: what is run, what is refused, what counts."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    CatalogError,
    ConfigError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import StalePlan
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.states import Standing
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import Pin
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate import task
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
    ByScriptState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.registry import standing
from tooled_host import (
    BACK,
    BAD,
    CONFIG,
    EOMT,
    GOOD,
    KEY,
    MITIGATIONS,
    PLAIN,
    RULES,
    UNIFIED,
    VERSION,
    ToolHost,
    does,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
        ByScriptResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import HostPlan

UNINSTALL = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
FOLDER = "C:\\ProgramData\\ExchangeRemediation\\packages"


def said(answer: ByScriptResult) -> str:
    return "; ".join([*answer.reasons, *answer.notes])


def test_mitigated_by_the_script_and_read_back(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    answer = host.act()
    assert (answer.state, answer.ok, answer.changed) == (ByScriptState.MITIGATED, True, True)
    (launch,) = host.launched
    assert launch.endswith("\\EOMT.ps1 -DoNotAutoUpdateEOMT -DoNotRunMSERT")
    found = answer.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["read_back"]["backend-cookie"]["state"] == "holds"
    assert (found["tool"], found["version"], found["outcome"]) == ("eomt", VERSION, "succeeded")
    assert (found["job"]["outcome"], found["job"]["exit_code"]) == ("finished", 0)
    assert not host.locked


def test_the_second_run_starts_nothing(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    host.act()
    mutations = len(host.world.mutations)
    for run in ("run-1", "run-2"):
        again = host.act(run)
        assert (again.state, again.ok, again.changed) == (ByScriptState.MITIGATED, True, False)
        assert "already" in said(again)
    assert len(host.world.mutations) == mutations


CASES: list[Any] = [
    pytest.param(does(BAD), "not-mitigated", "failed", id="patchstate-0"),
    pytest.param(does(BAD, RULES), "unknown", "failed", id="patchstate-0-and-yet-there"),
    pytest.param(does(), "not-mitigated", "not-run", id="exit-0-nothing-done"),
    pytest.param(does(GOOD), "not-mitigated", "conflict", id="says-so-and-wrote-nothing"),
    pytest.param(
        does({"EOMTStart": "1 EOMT preCheck complete"}), "not-mitigated", "unfinished", id="cut-off"
    ),
    pytest.param(does(exit_code=1), "not-mitigated", "not-run", id="exit-1"),
    pytest.param(
        does({**GOOD, "RunLatestEOMT": "1 Running latest EOMT"}, RULES),
        "unknown",
        "conflict",
        id="replaced-itself",
    ),
]


@pytest.mark.parametrize(("behaviour", "state", "outcome"), CASES)
def test_no_success_without_word_and_read_back(
    behaviour: dict[str, Any], state: str, outcome: str, tmp_path: Path
) -> None:
    host = ToolHost(tmp_path, behaviour)
    answer = host.act()
    found = answer.to_dict()
    assert (found["state"], found["ok"], found["outcome"]) == (state, False, outcome), said(answer)
    assert (len(host.launched), found["changed"], host.locked) == (1, True, False)


def test_texts_of_an_earlier_run_do_not_count(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, does())
    for name, value in GOOD.items():
        host.world.set_value(KEY, name, "String", value, by="an earlier run")
    answer = host.act()
    assert (answer.state, answer.to_dict()["outcome"]) == (ByScriptState.NOT_MITIGATED, "not-run")


def test_a_failed_run_may_be_tried_again_as_another_attempt(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, does(BAD))
    first = host.act()
    host.world.data["programs"] = [{"match": ".ps1", "behaviour": does(GOOD, RULES)}]
    second = host.act()
    assert (second.state, len(host.launched)) == (ByScriptState.MITIGATED, 2)
    assert "attempt 1 of this run ended as failed" in said(second)
    assert first.job is not None
    assert second.job == f"{first.job.removesuffix('-1')}-2"


def test_a_script_that_hangs_is_left_alone_and_watched_again(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, does(hang=True, busy_seconds=0))
    for _run in range(2):
        answer = host.act()
        assert (answer.state, answer.ok) == (ByScriptState.UNKNOWN, False)
        assert "it still runs" in said(answer)
        assert len(host.launched) == 1
    assert host.locked


def test_rollback_needs_a_reason_while_it_is_needed(tmp_path: Path) -> None:
    spec = {"mitigations": ["backend-cookie"]}
    host = ToolHost(tmp_path, does(BACK, PLAIN), spec=spec)
    refused = host.act(intent=ScriptIntent.ROLLBACK)
    assert (refused.state, host.launched) == (ByScriptState.REFUSED, [])
    assert "still needed" in said(refused)
    done = host.act(
        intent=ScriptIntent.ROLLBACK, although_open="OWA add-in breaks, approved by CISO"
    )
    assert (done.state, done.ok) == (ByScriptState.NOT_MITIGATED, True), said(done)
    assert host.launched[0].endswith("-DoNotAutoUpdateEOMT -RollbackMitigation")
    again = host.act(intent=ScriptIntent.ROLLBACK, although_open="the same")
    assert (again.ok, again.changed) == (True, False)
    assert len(host.launched) == 1


def test_rollback_that_left_it_there_is_no_success(tmp_path: Path) -> None:
    spec = {"mitigations": ["backend-cookie"]}
    host = ToolHost(tmp_path, does(BACK), spec=spec)
    answer = host.act(intent=ScriptIntent.ROLLBACK, although_open="test")
    assert (answer.state, answer.ok) == (ByScriptState.MITIGATED, False)
    assert answer.to_dict()["outcome"] == "conflict"


def test_the_other_tool_is_judged_by_the_host(tmp_path: Path) -> None:
    for rules, state in ((RULES, ByScriptState.MITIGATED), (None, ByScriptState.NOT_MITIGATED)):
        folder = tmp_path / state.value
        folder.mkdir()
        host = ToolHost(folder, does(config=rules), MITIGATIONS, "exchange_mitigations")
        answer = host.act()
        assert answer.state is state
        assert '-WebSiteNames "Default Web Site" -Verbose' in host.launched[0]


def test_what_it_printed_is_kept(tmp_path: Path) -> None:
    host = ToolHost(
        tmp_path, does(config=RULES, output="[OK] rule\x1b[2J"), MITIGATIONS, "exchange_mitigations"
    )
    answer = host.act()
    kept = sorted(path.name for path in host.case.iterdir())
    assert kept == [f"tool-{answer.job}{end}" for end in (".json", ".log")]
    assert (host.case / f"tool-{answer.job}.log").read_bytes() == b"[OK] rule\x1b[2J"


def test_a_rule_that_our_own_request_does_not_meet_is_not_proven(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, does(GOOD, RULES))

    def die(operation: str) -> None:
        if operation == "Test-FrontEnd":
            host.world.data["services"]["W3SVC"]["status"] = "Stopped"

    host.meddle = die
    answer = host.act()
    assert (answer.state, answer.ok) == (ByScriptState.UNKNOWN, False)
    assert "is there and not proven" in said(answer)
    assert answer.to_dict()["outcome"] == "succeeded"
    host.meddle = lambda _operation: None
    host.world.data["services"]["W3SVC"]["status"] = "Running"
    again = host.act()
    assert (again.state, again.ok, len(host.launched)) == (ByScriptState.MITIGATED, True, 1)
    assert again.to_dict()["proofs"] == {"backend-cookie": "our request was refused"}


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/etc", "../x", ""])
def test_a_host_whose_name_leads_out_of_the_case_has_no_folder_i6(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="rename the host"):
        task._folder(str(tmp_path), name)
    assert task._folder(str(tmp_path), "ex01.corp.example") == tmp_path / "ex01.corp.example"


# Policy ------------------------------------------------------------------------------------


def test_what_the_policy_does_not_let_start_is_planned_and_refused(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    why = "The policy of this inventory asks for change."
    assert host.act(check=True, objection=why).state is ByScriptState.PLANNED
    answer = host.act(objection=why)
    assert (answer.state, host.world.mutations) == (ByScriptState.REFUSED, [])
    assert why in said(answer)


def test_a_plan_that_was_not_approved_is_not_carried_out(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    approved = host.act(check=True).plan
    shown: list[HostPlan] = []

    def admit(plan: HostPlan) -> None:
        shown.append(plan)
        if plan != approved:
            raise StalePlan("the plan does not fit this server any more")

    answer = host.act(admit=admit, although_open="changes nothing here")
    assert (answer.state, shown) == (ByScriptState.MITIGATED, [approved])
    other = tmp_path / "other"
    other.mkdir()
    host = ToolHost(other, text=f"{EOMT}# another release")
    answer = host.act(admit=admit)
    assert (answer.state, answer.ok) == (ByScriptState.STALE_PLAN, False)
    assert host.world.mutations == []


# Check mode --------------------------------------------------------------------------------


def test_check_mode_changes_nothing_and_plans_what_apply_does_i9(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    planned = host.act(check=True)
    assert (planned.state, planned.ok, planned.changed) == (ByScriptState.PLANNED, True, True)
    assert host.world.mutations == []
    assert (host.launched, host.case.exists()) == ([], False)
    assert not {"Lock-Host", "Start-HostJob", "Add-PackageChunk"} & set(host.asked)
    deliver, launch = planned.plan.steps
    assert (deliver.operation, launch.operation) == ("Add-PackageChunk", "Start-HostJob")
    assert launch.parameters["arguments"] == ["-DoNotAutoUpdateEOMT", "-DoNotRunMSERT"]
    assert launch.needs == (deliver.id,)
    assert launch.before["backend-cookie"]["state"] == "missing"
    done = host.act()
    assert done.plan == planned.plan
    acted = [data for event, data in host.journal if event == "done"]
    assert [data["step"] for data in acted] == [step.id for step in planned.plan.steps]
    assert acted[-1]["result"] == {
        "job": "finished",
        "exit_code": 0,
        "sha256_at_launch": host.sha256,
        "outcome": "succeeded",
    }


SPECS: list[Any] = [
    {},
    {"url_rewrite": None},
    {"mitigations": ["backend-cookie"]},
    {"exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"}},
    {"exchange": {"product": "Exchange2019", "cu": "CU8", "build": "15.2.792.3"}},
]


@pytest.mark.parametrize("spec", SPECS, ids=["plain", "no-module", "there", "patched", "2019"])
def test_check_mode_never_mutates_and_refuses_alike_i9(spec: Any, tmp_path: Path) -> None:
    host = ToolHost(tmp_path, spec=spec)
    checked = host.act(check=True)
    assert host.world.mutations == []
    done = host.act()
    assert checked.plan == done.plan
    refused = ByScriptState.REFUSED
    assert (checked.state is refused) is (done.state is refused)
    assert bool(host.launched) is any(s.operation == "Start-HostJob" for s in checked.plan.steps)


# Refused -----------------------------------------------------------------------------------


def test_without_url_rewrite_it_is_not_left_to_download_it(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, spec={"url_rewrite": None})
    answer = host.act()
    assert (answer.state, host.launched, host.world.mutations) == (ByScriptState.REFUSED, [], [])
    assert "install it unverified" in said(answer)
    assert "let the native role install the module" in said(answer)


def test_a_module_that_the_script_would_not_find_is_not_left_to_be_downloaded(
    tmp_path: Path,
) -> None:
    host = ToolHost(tmp_path)
    found = host.session().ask("Get-RewriteModule", {"words": ["URL Rewrite"]}).result
    (product,) = found["presence"]["products"]
    key = f"{UNINSTALL}\\{product['product_code']}"
    host.world.set_value(key, "DisplayName", "String", "Rewrite for IIS", by="test")
    mutations = len(host.world.mutations)
    for check in (True, False):
        answer = host.act(check=check)
        assert (answer.state, len(host.world.mutations)) == (ByScriptState.REFUSED, mutations)
        assert "install it from the web" in said(answer)
    # Taking rules off needs no module.
    undone = host.act(intent=ScriptIntent.ROLLBACK, although_open="test")
    assert (undone.ok, host.launched) == (True, [])


def test_an_unknown_file_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    answer = host.act(pin=None)
    assert (answer.state, host.asked) == (ByScriptState.REFUSED, [])
    assert "is not in the tool catalogue" in said(answer)
    wrong = host.act(pin=Pin("0" * 64, VERSION))
    assert "it is another file" in said(wrong)
    assert host.world.mutations == []


def test_the_tool_of_2026_is_another_one(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, text=UNIFIED)
    for tool in ("eomt", "eomt_unified"):
        answer = host.act(tool=tool)
        assert answer.state is ByScriptState.REFUSED
        assert "another tool" in said(answer)
    assert host.world.mutations == []


@pytest.mark.parametrize(
    ("changes", "spec", "why"),
    [
        ({"site": "Intranet"}, {}, "only"),
        ({"timeout_seconds": 60}, {}, "takes no timeout"),
        ({"mitigations": ("um-services",)}, {}, "knows nothing of"),
        ({"mitigations": ("backend-cookie", "oab-app-pool")}, {}, "knows nothing of"),
        ({"campaign": "cve-2026-42897"}, {}, "no mitigation of cve-2026-42897"),
        ({}, {"exchange": {"product": "Exchange2016", "build": "15.1.9999.1"}}, "nknown build"),
    ],
)
def test_what_it_cannot_do_is_refused(
    changes: dict[str, Any], spec: dict[str, Any], why: str, tmp_path: Path
) -> None:
    host = ToolHost(tmp_path, spec=spec)
    answer = host.act(**changes)
    assert (answer.state, answer.ok) == (ByScriptState.REFUSED, False)
    assert why in said(answer)
    assert answer.plan.refused == tuple(answer.reasons)
    assert host.world.mutations == []


def test_nothing_is_started_where_the_update_is_in(tmp_path: Path) -> None:
    fixed: dict[str, Any] = {
        "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"},
        "registry_build": "15.1.2176.2",
        "updates": ["KB5000871"],
    }
    host = ToolHost(tmp_path, spec=fixed)
    answer = host.act()
    assert (answer.state, answer.ok, host.launched) == (ByScriptState.NOT_NEEDED, True, [])
    assert "not needed" in said(answer)


def test_what_the_operator_wrote_wrong_is_an_error(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        host.act(source=tmp_path / "nowhere.ps1")
    with pytest.raises(ConfigError, match="no tool 'nmap'"):
        host.act(tool="nmap")
    with pytest.raises(CatalogError, match="not in catalog/campaigns"):
        host.act(campaign="proxylogo")


def test_two_security_updates_are_refused_before_eomt_fails_on_them(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    for number in ("KB4593466", "KB4602269"):
        name = f"Security Update for Exchange Server 2016 Cumulative Update 19 ({number})"
        host.world.set_value(
            f"{UNINSTALL}\\Exchange-{number}", "DisplayName", "String", name, by="test"
        )
    mutations = len(host.world.mutations)
    answer = host.act()
    assert (answer.state, len(host.world.mutations)) == (ByScriptState.REFUSED, mutations)
    assert "2 security updates" in said(answer)


# I10, I16 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["Get-ToolState", "Start-HostJob"])
def test_a_file_swapped_on_the_host_is_not_run_i10(at: str, tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    path = f"{FOLDER}\\{host.sha256}\\EOMT.ps1"

    def swap(operation: str) -> None:
        if operation == at:
            host.world.write_text(path, f"{EOMT}evil", by="test")

    host.meddle = swap
    answer = host.act()
    assert (answer.state, answer.ok, host.launched) == (ByScriptState.REFUSED, False, [])
    host.meddle = lambda _operation: None
    again = host.act()
    assert (again.state, len(host.launched)) == (ByScriptState.MITIGATED, 1), said(again)


def test_a_file_swapped_on_the_controller_is_not_sent_i10(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)

    def swap(operation: str) -> None:
        if operation == "Lock-Host":
            host.file.write_bytes(b"evil")

    host.meddle = swap
    answer = host.act()
    assert (answer.state, host.launched) == (ByScriptState.REFUSED, [])
    assert hashlib.sha256(b"evil").hexdigest() in said(answer)


def test_another_controller_has_the_host_i16(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    session = host.session("run-9", "controller-b")
    session.lock("patch kb5000871")
    answer = host.act()
    assert (answer.state, host.launched) == (ByScriptState.REFUSED, [])
    assert "controller-b" in said(answer)
    session.unlock()
    assert host.act().state is ByScriptState.MITIGATED


def test_a_job_of_somebody_else_is_at_work_i16(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, does(GOOD, RULES))
    host.world.write_text("C:\\Tools\\scan.exe", "x", by="test")
    host.world.data["programs"].append({"match": "scan.exe", "behaviour": {"hang": True}})
    session = host.session("run-1")
    session.lock("scan")
    order = {
        "job": "scan",
        "file": "C:\\Tools\\scan.exe",
        "sha256": hashlib.sha256(b"x").hexdigest(),
        "deadline_utc": "2021-03-11T12:00:00Z",
    }
    session.transport.run(Operation("Start-HostJob", order, "0" * 64))
    answer = host.act()
    assert (answer.state, len(host.launched)) == (ByScriptState.REFUSED, 1)
    assert "scan" in said(answer)
    assert host.world.text(CONFIG) == PLAIN


def test_a_rollback_that_left_something_is_partial_and_wrong(tmp_path: Path) -> None:
    """Rules that are disabled do not hold, and are not gone either."""
    disabled = RULES.replace("<rule name=", '<rule enabled="false" name=')
    assert disabled != RULES
    spec = {"mitigations": ["backend-cookie"]}
    host = ToolHost(tmp_path, does(BACK, disabled), spec=spec)
    answer = host.act(intent=ScriptIntent.ROLLBACK, although_open="test")
    assert (answer.state, answer.ok) == (ByScriptState.PARTIAL, False), said(answer)
    assert standing("unmitigate", answer.state.value) is Standing.WRONG


def test_lock_stays_while_a_script_works_whose_plan_was_not_admitted_i16(tmp_path: Path) -> None:
    """The job of a killed run has no step left to be approved, and is at work all the same."""
    host = ToolHost(tmp_path, does(hang=True, busy_seconds=0))
    assert host.act().state is ByScriptState.UNKNOWN
    begun = len(host.journal)
    written = host.record

    def refuse(event: str, data: dict[str, Any]) -> None:
        if event == "intent":
            raise StalePlan("no change was admitted by the plan")
        written(event, data)

    host.record = refuse  # type: ignore[method-assign]
    answer = host.act()
    assert (answer.state, host.locked) == (ByScriptState.UNKNOWN, True), said(answer)
    assert begun
    assert len(host.launched) == 1
