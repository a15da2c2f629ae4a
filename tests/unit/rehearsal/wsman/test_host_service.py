# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import envelopes
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.http import (
    HttpRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)

if TYPE_CHECKING:
    from .conftest import Desk

_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"


def test_shells_over_the_quota_are_refused_until_one_is_deleted(desk: Desk) -> None:
    desk.build()
    shells = [desk.create().selector() for _ in range(30)]
    reply = desk.create()
    assert (reply.status, reply.fault) == (500, envelopes.QUOTA_MAX_SHELLS)
    assert "maximum number of 30 concurrent shells" in reply.text
    desk.call(f"{_TRANSFER}/Delete", "", shells[0])
    assert desk.create().status == 200


def test_a_deleted_shell_is_not_found_and_the_fault_names_it(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    assert desk.call(f"{_TRANSFER}/Delete", "", shell).status == 200
    reply = desk.command(shell, "run")
    assert reply.fault == 0x8033805B
    assert f"ShellId {shell} failed because the shell was not found" in reply.text


def test_a_shell_that_is_idle_for_too_long_is_gone(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(idle_seconds=60))
    shell = desk.create().selector()
    desk.clock.now += 59
    assert desk.command(shell, "run").status == 200
    desk.clock.now += 61
    assert desk.command(shell, "run").fault == envelopes.SHELL_NOT_FOUND
    assert desk.service.open_shells == 0


def test_a_client_may_ask_for_a_shorter_idle_time_out_but_not_a_longer_one(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(idle_seconds=60))
    short = "<rsp:Shell><rsp:IdleTimeOut>PT10S</rsp:IdleTimeOut></rsp:Shell>"
    long = "<rsp:Shell><rsp:IdleTimeOut>PT2H</rsp:IdleTimeOut></rsp:Shell>"
    assert "<rsp:IdleTimeOut>PT10.000S<" in desk.create(body=short).text
    assert "<rsp:IdleTimeOut>PT60.000S<" in desk.create(body=long).text


def test_idle_shells_do_not_count_against_the_quota(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(shells_per_user=1, idle_seconds=60))
    desk.create()
    desk.clock.now += 61
    assert desk.create().status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"<unfinished",
        b"not xml at all",
        b"<a/>",
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"/>',
        b'<!DOCTYPE x [<!ENTITY a "b">]><a>&a;</a>',
        b"\xff\xfe\x00",
        b"<a>" * 5000,
    ],
)
def test_what_is_no_soap_envelope_is_a_fault_with_status_500(desk: Desk, body: bytes) -> None:
    reply = desk.build().post(body)
    assert (reply.status, reply.fault) == (500, envelopes.INVALID_XML)


def test_an_envelope_over_the_maximum_is_a_fault(desk: Desk, envelope: Any) -> None:
    desk.build(limits=ServiceLimits(envelope_bytes=10_000))
    reply = desk.post(envelope("x" * 10_000))
    assert reply.fault == envelopes.ENVELOPE_TOO_LARGE


@pytest.mark.parametrize("action", ["http://nonsense", f"{_TRANSFER}/Put"])
def test_an_unknown_action_is_not_supported(desk: Desk, action: str) -> None:
    assert desk.build().call(action).fault == envelopes.ACTION_NOT_SUPPORTED


def test_an_unknown_resource_cannot_be_created(desk: Desk) -> None:
    reply = desk.build().create(uri="http://schemas.microsoft.com/wbem/wsman/1/wmi/root")
    assert reply.fault == envelopes.INVALID_RESOURCE_URI


def test_a_client_text_is_escaped_where_it_comes_back(desk: Desk) -> None:
    desk.build()
    reply = desk.call(f"{_TRANSFER}/Delete", "", "&lt;evil/&gt;", message_id="&lt;b&gt;&amp;")
    assert "<evil/>" not in reply.text
    assert "RelatesTo>&lt;b&gt;&amp;<" in reply.text


def test_the_reply_relates_to_the_request(desk: Desk) -> None:
    reply = desk.build().create(message_id="uuid:ABC-1")
    assert "<a:RelatesTo>uuid:ABC-1</a:RelatesTo>" in reply.text


def test_the_configuration_tells_the_envelope_size(desk: Desk) -> None:
    uri = "http://schemas.microsoft.com/wbem/wsman/1/config"
    assert "MaxEnvelopeSizekb>500<" in desk.build().call(f"{_TRANSFER}/Get", uri=uri).text


def test_a_shell_tells_that_it_is_connected(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    assert "State>Connected<" in desk.call(f"{_TRANSFER}/Get", "", shell).text


def test_only_posts_to_wsman_are_answered(desk: Desk) -> None:
    desk.build()
    assert desk.connection.answer(HttpRequest(b"GET", b"/wsman", {}, b"")).status == 405
    assert desk.connection.answer(HttpRequest(b"POST", b"/other", {}, b"")).status == 404


def test_requests_and_commands_are_counted(desk: Desk) -> None:
    desk.build()
    shell, command = desk.started()
    desk.receive(shell, command)
    counters = desk.service.counters
    assert (counters.requests, counters.commands, counters.refused) == (4, 1, 0)


@pytest.mark.parametrize(
    "values",
    [{"shells": 1}, {"shells_per_user": "many"}, {"idle_seconds": -1}, {"idle_seconds": True}],
)
def test_a_wrong_limit_is_named(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        ServiceLimits.from_mapping(values)


def test_limits_are_read_from_a_scenario() -> None:
    limits = ServiceLimits.from_mapping({"shells_per_user": 3, "done_separately": True})
    assert (limits.shells_per_user, limits.done_separately) == (3, True)
