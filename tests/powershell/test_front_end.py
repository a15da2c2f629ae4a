# SPDX-License-Identifier: GPL-3.0-or-later
"""Test-FrontEnd: "mitigated" means that the server refuses the request, not that a rule exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mitigation_requests as wanted
import pytest
from engine_pair import FLEETS, Pair
from test_mitigation_contract import Mitigated

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine
SET, PROBE = "Set-UrlRewriteMitigation", "Test-FrontEnd"
RULES = "            </rules>"


def probe(url: str, cookie: str | None = None, expect: str = "abort") -> dict[str, Any]:
    return {"name": url, "url": url, "cookie": cookie, "expect": expect}


ATTACKS = [
    probe("https://localhost/owa/auth/x.js", "X-BEResource=localhost/owa/x.js?~1941962753"),
    probe("https://localhost/ecp/y.js", "a=b; X-AnonResource-Backend=localhost/ecp/z?~3; c=d"),
    probe("https://127.0.0.1/autodiscover/autodiscover.json?a=%70owershell"),
]
HEALTH = [
    probe("https://localhost/owa/healthcheck.htm", expect="status"),
    probe("https://localhost/ecp/healthcheck.htm", expect="status"),
    probe("https://localhost/owa/", expect="status"),
    probe("http://localhost/EWS/Exchange.asmx", expect="status"),
    probe("https://localhost/", "X-Clean=1", expect="status"),
]


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Mitigated:
    one = Mitigated(Pair(FLEETS["small"]["ex01"], shim_engine))
    one.step("Lock-Host", wanted.LOCK)
    return one


def ask(story: Mitigated, probes: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    mutations = [len(world.mutations) for world in story.pair.worlds]
    rows = story.change(PROBE, {"probes": probes, "timeout_seconds": 5})["probes"]
    assert [len(world.mutations) for world in story.pair.worlds] == mutations
    return [(row["outcome"], row["status"]) for row in rows]


def test_rules_cut_off_what_they_shall_and_nothing_else(story: Mitigated) -> None:
    healthy = [("status", 200), ("status", 200), ("status", 302), ("status", 401), ("status", 200)]
    assert ask(story, ATTACKS) == [("status", 302), ("status", 302), ("status", 401)]
    assert ask(story, HEALTH) == healthy
    for mitigation in ("backend-cookie", "powershell-autodiscover"):
        story.change(SET, wanted.rewrite(mitigation))
    assert ask(story, ATTACKS) == [("aborted", None)] * 3
    assert ask(story, HEALTH) == healthy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('inbound" stopProcessing="true"', 'inbound" enabled="false" stopProcessing="true"'),
        ("(.*)X-BEResource=(.+)/(.+)~(.+)", "$^"),
        (RULES, f"<clear />{RULES}"),
        ('stopProcessing="true"', 'stopProcessing="true" patternSyntax="Wildcard"'),
        ('stopProcessing="true"', 'stopProcessing="true" patternSyntax="ExactMatch"'),
    ],
)
def test_spoilt_rule_lets_the_request_through(old: str, new: str, story: Mitigated) -> None:
    story.change(SET, wanted.rewrite("backend-cookie"))
    text = str(story.text())
    assert old in text
    story.put(wanted.WWWROOT, text.replace(old, new))
    assert ask(story, ATTACKS[:1]) == [("status", 302)]


def test_stopped_pool_answers_503_before_any_rule(story: Mitigated) -> None:
    story.change("Set-AppPoolMitigation", wanted.pools("ecp-app-pool"))
    story.change(SET, wanted.rewrite("backend-cookie"))
    assert ask(story, [HEALTH[1], ATTACKS[1], ATTACKS[0]]) == [
        ("status", 503),
        ("status", 503),
        ("aborted", None),
    ]


def test_configuration_that_iis_refuses_answers_500(story: Mitigated) -> None:
    story.change(SET, wanted.rewrite("backend-cookie"))
    good = str(story.text())
    rule = good[good.index("<rule ") : good.index("</rule>") + 7]
    for text in (good.replace(RULES, f"{rule}{RULES}"), good + "<"):
        story.put(wanted.WWWROOT, text)
        assert ask(story, HEALTH[:1]) == [("status", 500)]
    story.put(wanted.WWWROOT, good)
    for world in story.pair.worlds:
        world.delete_key("HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite", by="test")
    assert ask(story, HEALTH[:1]) == [("status", 500)]


def test_host_that_does_not_listen_is_no_aborted_request(story: Mitigated) -> None:
    for world in story.pair.worlds:
        world.set_service_status("W3SVC", "Stopped", by="test")
    rows = story.change(PROBE, {"probes": ATTACKS[:1]})["probes"]
    assert (rows[0]["outcome"], rows[0]["as_expected"]) == ("failed", False)


def test_outbound_rule_breaks_published_calendars(story: Mitigated) -> None:
    """Known side effect: the calendar's folder is that of OWA and inherits its rules twice."""
    calendar = probe("https://localhost/owa/calendar/x/calendar.html", expect="status")
    assert ask(story, [calendar]) == [("status", 302)]
    story.change(SET, wanted.rewrite("owa-csp-outbound"))
    assert ask(story, [calendar, HEALTH[0]]) == [("status", 500), ("status", 200)]


@pytest.mark.parametrize(
    "probes",
    [
        [],
        [probe("https://mail.example.org/owa/")],
        [probe("ftp://localhost/")],
        [probe("localhost")],
        [probe("https://localhost/", expect="nothing")],
        [ATTACKS[0], probe("https://localhost.example.org/")],
    ],
)
def test_only_the_host_itself_is_asked(probes: list[dict[str, Any]], story: Mitigated) -> None:
    assert story.refused(PROBE, {"probes": probes})
