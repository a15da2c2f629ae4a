# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )


def rule_text(catalog: Catalog, mitigation: str, number: int = 0):
    return catalog.mitigation(mitigation).rules[number].current.content


class TestBackEndCookie:
    """The two URL Rewrite rules of March 2021."""

    def test_scope_is_the_root_of_the_default_web_site(self, catalog: Catalog):
        scope = catalog.mitigation("backend-cookie").scope
        assert (scope.site, scope.path) == ("Default Web Site", "/")

    @pytest.mark.parametrize(
        ("number", "name", "pattern", "stops"),
        [
            (0, "X-AnonResource-Backend Abort - inbound", "(.*)X-AnonResource-Backend(.*)", False),
            (1, "X-BEResource Abort - inbound", "(.*)X-BEResource=(.+)/(.+)~(.+)", True),
        ],
    )
    def test_rule_in_full(self, catalog: Catalog, number, name, pattern, stops):
        rule = catalog.mitigation("backend-cookie").rules[number]
        content = rule.current.content
        assert (rule.name, rule.direction) == (name, "inbound")
        assert (content.pattern_syntax, content.stop_processing) == ("ECMAScript", stops)
        assert (content.match.url, content.match.ignore_case, content.match.negate) == (
            ".*",
            True,
            False,
        )
        [condition] = content.conditions
        assert (condition.input, condition.pattern) == ("{HTTP_COOKIE}", pattern)
        assert (condition.match_type, condition.ignore_case, condition.negate) == (
            "Pattern",
            True,
            False,
        )
        assert content.action.type == "AbortRequest"

    @pytest.mark.parametrize(
        ("cookie", "number"),
        [
            ("X-AnonResource=true; X-AnonResource-Backend=localhost/ecp/default.flt?~3", 0),
            ("x-beresource=EX01/EWS/Exchange.asmx?a=~1942062522", 1),
        ],
    )
    def test_patterns_stop_the_attack_and_not_an_ordinary_session(self, catalog, cookie, number):
        pattern = rule_text(catalog, "backend-cookie", number).conditions[0].pattern
        assert re.search(pattern, cookie, re.IGNORECASE)
        assert not re.search(pattern, "ClientId=ABC; X-BackEndCookie=S-1-5-21=u56", re.IGNORECASE)


def test_unified_messaging_is_stopped_with_its_watchdogs(catalog: Catalog):
    record = catalog.mitigation("um-services")
    states = {s.name: (s.status, s.start_type, s.purpose) for s in record.services}
    assert states == {
        "MSExchangeUM": ("Stopped", "Disabled", "target"),
        "MSExchangeUMCR": ("Stopped", "Disabled", "target"),
        "MSExchangeHM": ("Stopped", "Disabled", "watchdog"),
        "MSExchangeHMRecovery": ("Stopped", "Disabled", "watchdog"),
    }
    assert record.products == ("Exchange2013", "Exchange2016")


def test_the_recovery_watchdog_does_not_exist_on_2013(catalog: Catalog):
    for name in ("um-services", "ecp-app-pool", "oab-app-pool"):
        services = {s.name: s.products for s in catalog.mitigation(name).services}
        assert "Exchange2013" not in services["MSExchangeHMRecovery"]
        assert "Exchange2013" in services["MSExchangeHM"]


@pytest.mark.parametrize(
    ("mitigation", "pool"),
    [("ecp-app-pool", "MSExchangeECPAppPool"), ("oab-app-pool", "MSExchangeOABAppPool")],
)
def test_application_pool_is_stopped_and_stays_so(catalog: Catalog, mitigation: str, pool: str):
    [state] = catalog.mitigation(mitigation).app_pools
    assert (state.name, state.state, state.auto_start, state.start_mode) == (
        pool,
        "Stopped",
        False,
        "OnDemand",
    )


class TestProxyNotShellRule:
    def test_only_the_last_of_five_editions_protects(self, catalog: Catalog):
        [rule] = catalog.mitigation("powershell-autodiscover").rules
        assert [(r.revision, r.validity) for r in rule.revisions] == [
            ("0", "bypassed"),
            ("1", "bypassed"),
            ("2a", "wrong"),
            ("2b", "weaker"),
            ("3", "current"),
        ]
        assert rule.current.revision == "3"

    def test_every_edition_is_distinct_in_content(self, catalog: Catalog):
        [rule] = catalog.mitigation("powershell-autodiscover").rules
        assert len({revision.content for revision in rule.revisions}) == 5

    @pytest.mark.parametrize(
        ("uri", "revisions"),
        [
            ("/autodiscover/autodiscover.json?a@b/Powershell", {"0", "1", "2a", "2b", "3"}),
            ("/autodiscover/autodiscover.json?ab/powershell", {"1", "2a", "2b", "3"}),
            ("/powershell?x=autodiscover", {"3"}),
            ("/owa/", set()),
        ],
    )
    def test_what_each_edition_would_stop(self, catalog: Catalog, uri: str, revisions: set[str]):
        [rule] = catalog.mitigation("powershell-autodiscover").rules
        hit = {
            r.revision
            for r in rule.revisions
            if re.search(r.content.conditions[0].pattern, uri, re.IGNORECASE)
        }
        assert hit == revisions

    @pytest.mark.parametrize(
        ("name", "owner"),
        [
            ("PowerShell - inbound", "EOMT"),
            ("eems m1.1 powershell - INBOUND", "EEMS"),
            ("hand made", None),
        ],
    )
    def test_owner_is_recognised_by_name(self, catalog: Catalog, name: str, owner: str | None):
        assert catalog.mitigation("powershell-autodiscover").owner_of(name) == owner


class TestOutboundRule:
    """CVE-2026-42897: outbound, with a precondition, at a virtual directory."""

    def test_rule_and_precondition_in_full(self, catalog: Catalog):
        record = catalog.mitigation("owa-csp-outbound")
        [rule] = record.rules
        content = rule.current.content
        assert (record.scope.site, record.scope.path) == ("Default Web Site", "/owa")
        assert rule.direction == "outbound"
        assert rule.names == (
            ("EOMT", "EOMT OWA CSP - outbound"),
            ("EEMS", "EEMS M2.1 OWA CSP - outbound"),
        )
        assert content.match.server_variable == "RESPONSE_Content_Security_Policy"
        assert content.match.pattern == "(.*)"
        assert (content.action.type, content.action.value) == (
            "Rewrite",
            "{R:1}; script-src-attr 'none'",
        )
        assert content.precondition.name == "EOMT OWA SPA HTML shell - precondition"
        assert [c.input for c in content.precondition.conditions] == [
            "{RESPONSE_CONTENT_TYPE}",
            "{REQUEST_URI}",
        ]

    @pytest.mark.parametrize(
        ("uri", "current", "older"),
        [
            ("/owa/", True, True),
            ("/owa/projection.aspx", True, True),
            ("/owa/readingPane.aspx", True, False),
            ("/owa/popout.aspx", True, False),
            ("/owa/auth/logon.aspx", False, False),
        ],
    )
    def test_older_edition_covers_less(self, catalog: Catalog, uri, current, older):
        [rule] = catalog.mitigation("owa-csp-outbound").rules
        patterns = {
            r.validity: r.content.precondition.conditions[1].pattern for r in rule.revisions
        }
        assert bool(re.search(patterns["current"], uri, re.IGNORECASE)) is current
        assert bool(re.search(patterns["weaker"], uri, re.IGNORECASE)) is older

    @pytest.mark.parametrize(
        ("build", "fixed", "comes_off"),
        [
            ("15.2.2562.41", "open", False),
            ("15.2.2562.43", "fixed", False),
            ("15.2.2562.45", "fixed", True),
            ("15.2.2562.46", "fixed", True),
            ("15.1.2507.69", "fixed", False),
            ("15.1.2507.71", "fixed", True),
            ("15.2.1544.41", "fixed", False),
            ("15.2.1748.48", "fixed", True),
            ("15.1.2375.37", "change-cu", False),
            ("15.0.1497.48", "unknown", None),
        ],
    )
    def test_comes_off_at_another_build_than_the_one_that_fixes(
        self, catalog, build, fixed, comes_off
    ):
        parsed = Build.parse(build)
        assert catalog.exposure("CVE-2026-42897", parsed).status == fixed
        assert catalog.must_come_off("owa-csp-outbound", parsed) is comes_off

    def test_side_effects_tell_verification_what_to_expect(self, catalog: Catalog):
        effects = catalog.mitigation("owa-csp-outbound").side_effects
        assert any(
            effect.expected_in == "health-set" and "OWACalendar.Proxy" in effect.what
            for effect in effects
        )


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("15.1.2176.4", False),
        ("15.1.2176.9", True),
        ("15.1.1415.8", False),
        ("15.1.9999.1", None),
    ],
)
def test_mitigation_comes_off_once_fixed(catalog: Catalog, build: str, expected):
    assert catalog.must_come_off("backend-cookie", Build.parse(build)) is expected


def test_services_apply_only_where_they_exist(catalog: Catalog):
    assert catalog.applies("um-services", Build.parse("15.1.2176.9"))
    assert not catalog.applies("um-services", Build.parse("15.2.792.10"))
    assert catalog.applies("backend-cookie", Build.parse("15.2.2562.17"))
    assert not catalog.applies("backend-cookie", Build.parse("14.3.513.0"))
    assert not catalog.applies("backend-cookie", Build.parse("15.9.1.1"))


def test_unknown_mitigation_names_the_known_ones(catalog: Catalog):
    with pytest.raises(CatalogError, match=r"'nope' is not in .* known are .*backend-cookie"):
        catalog.mitigation("nope")
