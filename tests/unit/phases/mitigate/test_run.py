# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of mitigations on a rehearsed server and back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateState as State,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_to_dict,
)
from mitigated_host import ALL, AT, FIXED, WEB_CONFIG, MitigatedHost

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
        MitigateResult,
    )

SPECS: dict[str, dict[str, Any]] = {
    "2016": {},
    "2013": {"exchange": {"product": "Exchange2013", "cu": "CU23", "build": "15.0.1497.2"}},
    "2019": {"exchange": {"product": "Exchange2019", "cu": "CU8", "build": "15.2.792.3"}},
    **{
        f"cookie-{variant}": {"mitigations": [{"id": "backend-cookie", "variant": variant}]}
        for variant in ("altered", "disabled", "partial", "duplicate", "wildcard")
    },
    "um-partial": {"mitigations": [{"id": "um-services", "variant": "partial"}]},
    "ecp-partial": {"mitigations": [{"id": "ecp-app-pool", "variant": "partial"}]},
}


def steps(result: MitigateResult) -> list[str]:
    return [step.id for step in result.plan.steps]


def done(result: MitigateResult) -> list[str]:
    return [row["step"] for row in result.done]


@pytest.mark.parametrize("name", SPECS)
def test_check_changes_nothing_and_plans_what_apply_does_i9(name: str) -> None:
    host = MitigatedHost(SPECS[name])
    planned = host.mitigate(check=True)
    assert (planned.state, planned.changed, host.mutations) == (State.PLANNED, False, 0)
    assert not planned.plan.refused
    applied = host.mitigate()
    assert applied.plan == planned.plan
    assert done(applied) == steps(planned)
    for row, step in zip(applied.done, planned.plan.steps, strict=True):
        assert (row["before"], row["after"]) == (step.before, step.after), step.id


@pytest.mark.parametrize("name", SPECS)
def test_apply_twice_undo_twice_leaves_the_server_as_it_was(name: str) -> None:
    host = MitigatedHost(SPECS[name])
    before = host.configuration
    first = host.mitigate()
    assert (first.state, first.changed) == (State.MITIGATED, True), first.reason
    middle, mutations = host.configuration, host.mutations
    again = host.mitigate("run-2")
    assert (again.state, again.changed, again.done) == (State.MITIGATED, False, [])
    assert (host.configuration, host.mutations) == (middle, mutations)
    undone = host.unmitigate(although_open="test of the way back")
    assert (undone.state, undone.changed) == (State.REMOVED, True), undone.reason
    assert host.configuration == before
    mutations = host.mutations
    last = host.unmitigate(although_open="test of the way back")
    assert (last.state, last.changed, host.mutations) == (State.NOT_NEEDED, False, mutations)


def test_apply_after_undo_in_one_run_acts_again() -> None:
    host = MitigatedHost()
    host.mitigate()
    middle = host.configuration
    host.unmitigate(although_open="test")
    assert host.mitigate().state is State.MITIGATED
    assert host.configuration == middle


def test_mitigated_means_that_the_request_is_refused() -> None:
    host = MitigatedHost()
    result = host.mitigate()
    before, after = (
        {row["name"]: row for row in result.probes[when]} for when in ("before", "after")
    )
    cookies = [name for name in before if name.startswith("backend-cookie/")]
    assert len(cookies) == 2
    assert all(before[name]["status"] == 200 for name in cookies)
    assert all(after[name]["outcome"] == "aborted" for name in cookies)
    assert after["owa-health on Default Web Site"]["status"] == 200
    # Stopped on purpose, and therefore not degraded.
    assert after["ecp-health on Default Web Site"]["status"] == 503


def test_2019_says_what_no_mitigation_is_for() -> None:
    result = MitigatedHost(SPECS["2019"]).mitigate()
    assert (result.state, result.left_open) == (State.MITIGATED, ("CVE-2021-26857",))


def test_only_what_is_asked_for_is_applied_and_the_rest_is_named() -> None:
    host = MitigatedHost()
    result = host.mitigate(only=("backend-cookie",))
    assert steps(result) == ["backend-cookie/rules/Default Web Site"]
    assert result.left_open == ("CVE-2021-26857", "CVE-2021-26858", "CVE-2021-27065")
    assert host.world.data["services"]["MSExchangeUM"]["status"] == "Running"


def test_name_of_no_mitigation_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="backend-cookie"):
        MitigatedHost().mitigate(only=("cookie",))


# Drift -----------------------------------------------------------------------------------


def test_drift_is_repaired_and_undo_still_ends_where_it_began() -> None:
    host = MitigatedHost()
    before = host.configuration
    host.mitigate()
    middle = host.configuration
    text = str(host.world.text(WEB_CONFIG)).replace("X-BEResource=", "X-Nothing=")
    host.world.write_text(WEB_CONFIG, text, by="somebody")
    host.world.set_service_status("MSExchangeUM", "Running", by="somebody")
    repaired = host.mitigate("run-2")
    assert {row["mitigation"] for row in repaired.done} == {"backend-cookie", "um-services"}
    assert (repaired.state, host.configuration) == (State.MITIGATED, middle)
    host.unmitigate(although_open="test")
    assert host.configuration == before


def test_name_that_stands_there_twice_is_repaired_and_undo_says_what_it_brings_back() -> None:
    host = MitigatedHost({"mitigations": [{"id": "backend-cookie", "variant": "twice"}]})
    before = host.configuration
    repaired = host.mitigate()
    assert repaired.state is State.MITIGATED, repaired.reason
    assert "twice" in repaired.plan.steps[0].reason
    undone = host.unmitigate(although_open="test")
    # IIS answered 500 to everything before, and does so again.
    assert (undone.state, host.configuration) == (State.DEGRADED, before)
    assert "/owa/healthcheck.htm" in undone.reason


def test_rules_that_a_cumulative_update_wiped_are_applied_again() -> None:
    host = MitigatedHost()
    original = str(host.world.text(WEB_CONFIG))
    host.mitigate()
    host.world.write_text(WEB_CONFIG, original, by="setup")
    again = host.mitigate("run-2")
    assert (again.state, steps(again)) == (
        State.MITIGATED,
        ["backend-cookie/rules/Default Web Site"],
    )


def test_any_site_name_and_every_site_that_serves_clients() -> None:
    host = MitigatedHost({"site_name": "Exchange Front End"})
    result = host.mitigate()
    assert result.state is State.MITIGATED, result.reason
    assert "backend-cookie/rules/Exchange Front End" in steps(result)


# After the update ------------------------------------------------------------------------


def test_after_the_update_they_are_taken_off_and_the_state_from_before_is_back() -> None:
    host, untouched = MitigatedHost(), MitigatedHost()
    host.mitigate()
    host.update()
    untouched.update()
    assert host.mitigate("run-2").state is State.NOT_NEEDED
    planned = host.unmitigate(check=True)
    assert (planned.state, steps(planned)) == (State.PLANNED, [f"{name}/undo" for name in ALL])
    assert "comes back with the last" in " ".join(planned.plan.notes)
    undone = host.unmitigate()
    assert (undone.state, done(undone)) == (State.REMOVED, steps(planned))
    assert host.configuration == untouched.configuration


def test_what_is_still_needed_stays_without_a_reason() -> None:
    host = MitigatedHost()
    host.mitigate()
    before = host.configuration
    result = host.unmitigate()
    assert (result.state, host.configuration) == (State.STOPPED, before)
    assert "CVE-2021-26855 open here" in result.reason


def test_what_somebody_else_applied_is_left_alone() -> None:
    host = MitigatedHost({**FIXED, "mitigations": ["backend-cookie", "um-services"]})
    before = host.mutations
    result = host.unmitigate()
    assert (result.state, host.mutations) == (State.NOT_NEEDED, before)
    assert any(note.startswith("backend-cookie: is there") for note in result.plan.notes)


# What stops ------------------------------------------------------------------------------


@pytest.mark.parametrize("intent", ["mitigate", "unmitigate"])
@pytest.mark.parametrize(
    "exchange",
    [
        {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.3"},
        {"product": "Exchange2016", "cu": "CU19", "build": "15.1.9999.1"},
    ],
)
def test_unknown_build_stops_everything_i19(exchange: dict[str, str], intent: str) -> None:
    host = MitigatedHost({"exchange": exchange})
    result = host.run(intent)
    assert (result.state, steps(result), host.mutations) == (State.STOPPED, [], 0)
    assert exchange["build"] in result.reason


def test_missing_rewrite_module_leaves_out_the_rules_and_says_so() -> None:
    host = MitigatedHost({"url_rewrite": None})
    result = host.mitigate()
    assert result.state is State.PARTIAL
    assert "backend-cookie/rules/Default Web Site" not in done(result)
    assert "um-services/services" in done(result)
    assert "URL Rewrite" in result.reason
    assert result.left_open == ("CVE-2021-26855",)


def test_host_of_another_controller_is_left_alone_i16() -> None:
    host = MitigatedHost()
    host.ask("Lock-Host", {"owner": "b", "run": "r", "purpose": "patch", "ttl_seconds": 900})
    before = host.configuration
    result = host.mitigate()
    assert (result.state, host.configuration) == (State.STOPPED, before)
    assert "locked" in result.reason
    assert "'b'" in result.reason
    assert "patch" in result.reason


def test_policy_and_window_stop_before_anything_is_changed() -> None:
    host = MitigatedHost()
    ticket = host.mitigate(
        policy=Policy(seconds=900, required=("ticket",), given=(("ticket", " "),))
    )
    assert (ticket.state, host.mutations) == (State.STOPPED, 0)
    assert "ticket" in ticket.reason
    late = host.mitigate(policy=Policy(seconds=900, window_end=AT + timedelta(seconds=899)))
    assert (late.state, host.mutations) == (State.STOPPED, 0)
    assert "899 s" in late.reason
    good = host.mitigate(
        policy=Policy(
            seconds=900,
            required=("ticket",),
            given=(("ticket", "CHG1"),),
            window_end=AT + timedelta(hours=1),
        )
    )
    assert good.state is State.MITIGATED


def test_service_that_does_not_stop_is_named_and_the_others_are_applied() -> None:
    host = MitigatedHost()
    host.world.data["services"]["MSExchangeUM"]["refuses"] = "stop"
    result = host.mitigate()
    assert result.state is State.PARTIAL
    assert result.failed
    assert result.failed[0].step.startswith("um-services/services")
    assert "MSExchangeUM" in result.reason
    assert "oab-app-pool/pools" in done(result)
    assert result.left_open == ("CVE-2021-26857",)


def test_front_end_that_was_dead_before_proves_nothing() -> None:
    host = MitigatedHost()
    host.world.data["iis_runtime"]["app_pools"]["MSExchangeOWAAppPool"] = "Stopped"
    result = host.mitigate()
    assert result.state is State.PARTIAL
    assert "not proven" in result.reason
    assert "503" in result.reason


def test_plan_is_shown_before_the_first_change_and_every_answer_recorded() -> None:
    host = MitigatedHost()
    result = host.mitigate()
    events = [event for event, _ in host.journal]
    assert events[:2] == ["plan", "lock"]
    assert host.journal[0][1] == plan_to_dict(result.plan)
    assert events[2:-1] == ["intent", "done"] * len(result.plan.steps)
    assert events[-1] == "unlock"
    undo = [data["result"]["undo_record"] for event, data in host.journal if event == "done"]
    assert all(record["mitigation"] in ALL for record in undo)


@pytest.mark.parametrize("check", [True, False])
def test_plan_that_was_not_approved_changes_nothing(check: bool) -> None:  # noqa: FBT001
    host = MitigatedHost()
    result = host.mitigate(check=check, approved=())
    assert (result.state, host.mutations) == (State.STALE_PLAN, 0)
    assert "another step" in result.reason


def test_every_step_names_why_and_what_it_rests_on() -> None:
    plan = MitigatedHost().mitigate(check=True).plan
    assert dict(plan.sections).keys() == {"exchange", "updates", "services", "iis", "url_rewrite"}
    assert len(plan.rests_on) == 64
    for step in plan.steps:
        assert "CVE-2021-" in step.reason
        assert "open" in step.reason
