# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import envelopes
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    FaultPlan,
    FaultRule,
    Occasion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.http import (
    Breakage,
)

if TYPE_CHECKING:
    from .conftest import Desk

_STDIN = b'{"protocol":1,"operation":"Get-Thing"}'


def _plan(**rule: Any) -> FaultPlan:
    return FaultPlan([FaultRule.from_mapping({"kind": "reset", **rule})])


def _strikes(plan: FaultPlan, count: int = 5, **occasion: Any) -> list[bool]:
    seen = Occasion(**{"host": "ex01", "action": "Send", "operations": ("Get-X",), "when": "before", **occasion})  # fmt: skip
    return [plan.strike(seen) is not None for _ in range(count)]


def test_a_rule_lets_some_pass_and_strikes_so_often() -> None:
    assert _strikes(_plan(skip=1, times=2)) == [False, True, True, False, False]
    assert _strikes(_plan(times=0)) == [True] * 5


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({"host": "EX*"}, True),
        ({"host": "ex02"}, False),
        ({"action": "Send"}, True),
        ({"action": "Receive"}, False),
        ({"operation": "get-x"}, True),
        ({"operation": "Get-Y"}, False),
        ({"when": "after"}, False),
    ],
)
def test_a_rule_matches_host_action_operation_and_moment(
    rule: dict[str, Any], *, hit: bool
) -> None:
    assert _strikes(_plan(**rule), 1) == [hit]


def test_counters_are_shown_and_rules_can_be_cleared() -> None:
    plan = _plan(times=1)
    _strikes(plan, 3)
    (shown,) = plan.describe()
    assert (shown["seen"], shown["fired"]) == (3, 1)
    assert plan.clear() == 1
    assert not plan


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "explode"},
        {"kind": "http999"},
        {"kind": "reset", "action": "Destroy"},
        {"kind": "reset", "when": "during"},
        {"kind": "reset", "times": -1},
        {"kind": "reset", "skip": "two"},
        {"kind": "reset", "colour": "red"},
        {"kind": "reset", "action": "Output"},
        {"kind": "empty", "action": "Receive"},
        "reset",
    ],
)
def test_a_wrong_rule_is_refused_with_what_is_possible(rule: Any) -> None:
    with pytest.raises(ConfigError, match="fault rule"):
        FaultRule.from_mapping(rule)


@pytest.mark.parametrize(
    ("kind", "breakage"),
    [("drop", Breakage.DROP), ("reset", Breakage.RESET), ("hang", Breakage.HANG), ("truncate", Breakage.TRUNCATE)],
)  # fmt: skip
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_host_acts_only_if_the_connection_breaks_after(
    desk: Desk, kind: str, breakage: Breakage, when: str
) -> None:
    desk.build(rules=({"kind": kind, "action": "Send", "when": when},))
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    assert desk.send(shell, command, _STDIN).response.breakage is breakage
    if when == "after":
        assert desk.receive(shell, command).stream("stdout") == b"run|" + _STDIN
    else:
        assert desk.engine.calls == []
        assert desk.send(shell, command, _STDIN).status == 200


def test_a_command_without_input_has_run_when_its_reply_is_lost(desk: Desk) -> None:
    desk.build(rules=({"kind": "reset", "action": "Command", "when": "after"},))
    shell = desk.create().selector()
    assert desk.command(shell, "run", piped=None).response.breakage is Breakage.RESET
    desk.create()  # lets the loop turn
    assert desk.engine.calls == [("run", b"")]


def test_a_rule_for_an_operation_strikes_only_its_commands(desk: Desk) -> None:
    desk.build(
        rules=({"kind": "http503", "action": "Receive", "operation": "Get-Thing", "times": 0},)
    )
    other = desk.started("run", b'{"operation":"Get-Other"}')
    assert desk.receive(*other).status == 200
    shell, command = desk.started("run", _STDIN)
    assert desk.receive(shell, command).status == 503


def test_a_rule_for_an_operation_strikes_before_its_input_has_arrived(desk: Desk) -> None:
    desk.build(rules=({"kind": "drop", "action": "Send", "operation": "Get-Thing"},))
    desk.started("run", b'{"operation":"Get-Other"}')
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    assert desk.send(shell, command, _STDIN).response.breakage is Breakage.DROP
    assert [stdin for _, stdin in desk.engine.calls] == [b'{"operation":"Get-Other"}']
    desk.send(shell, command, _STDIN)
    desk.receive(shell, command)
    assert desk.engine.calls[-1] == ("run", _STDIN)


def test_a_rule_may_match_the_command_line(desk: Desk) -> None:
    desk.build(rules=({"kind": "http500", "action": "Command", "operation": "*reboot*"},))
    shell = desk.create().selector()
    assert desk.command(shell, "hostname").status == 200
    assert desk.command(shell, "do reboot now").status == 500


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"kind": "fault", "code": 170}, 170),
        ({"kind": "quota"}, envelopes.QUOTA_MAX_OPERATIONS),
        ({"kind": "optimeout"}, envelopes.OPERATION_TIMED_OUT),
    ],
)
def test_faults_of_the_service_can_be_injected(desk: Desk, rule: dict[str, Any], code: int) -> None:
    desk.build(rules=({"action": "Create", **rule},))
    reply = desk.create()
    assert (reply.status, reply.fault) == (500, code)
    assert desk.create().status == 200
    assert desk.service._plan.fired["ex01"] == 1


def test_garbage_is_what_a_proxy_says(desk: Desk) -> None:
    desk.build(rules=({"kind": "garbage", "action": "Create"},))
    response = desk.create().response
    assert (response.status, response.content_type) == (200, b"text/html")


def test_a_redirect_leads_nowhere_on_loopback(desk: Desk) -> None:
    desk.build(rules=({"kind": "redirect", "action": "Create"},))
    response = desk.create().response
    assert (response.status, response.headers) == (
        307,
        (b"Location: http://127.77.255.254:9/elsewhere",),
    )


def test_a_gzip_reply_unpacks_to_a_thousand_times_its_size(desk: Desk) -> None:
    desk.build(rules=({"kind": "gzip", "action": "Create"},))
    response = desk.create().response
    assert b"Content-Encoding: gzip" in response.headers
    assert len(response.body) < 2_000_000
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert len(unpacker.decompress(response.body, 50_000_000)) == 50_000_000


def test_a_flood_has_output_and_no_end(desk: Desk) -> None:
    desk.build(rules=({"kind": "flood", "action": "Receive", "times": 0},))
    shell, command = desk.started()
    for _ in range(3):
        reply = desk.receive(shell, command)
        assert (len(reply.stream("stdout")), reply.done) == (98304, False)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delay_delays_and_changes_nothing(desk: Desk, when: str) -> None:
    desk.build(rules=({"kind": "delay", "seconds": 0, "action": "Create", "when": when},))
    assert desk.create().selector()
    assert desk.service._plan.fired["ex01"] == 1
