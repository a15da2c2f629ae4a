# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import date
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.remedy import (
    campaign_remedy,
    remedy,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )


class TestProxyLogon:
    def test_four_are_required_and_three_are_related(self, catalog: Catalog):
        campaign = catalog.campaign("proxylogon")
        assert [entry.cve[4:] for entry in campaign.required] == [
            "2021-26855",
            "2021-26857",
            "2021-26858",
            "2021-27065",
        ]
        assert [entry.cve[4:] for entry in campaign.cves if entry.related] == [
            "2021-26412",
            "2021-26854",
            "2021-27078",
        ]
        assert all(entry.exploited is not entry.related for entry in campaign.cves)

    def test_window_directive_and_indicators(self, catalog: Catalog):
        campaign = catalog.campaign("proxylogon")
        assert campaign.log_window.start == date(2021, 1, 1)
        assert campaign.directive == "ed-21-02"
        assert catalog.directive("ed-21-02").closed == date(2026, 1, 8)
        assert campaign.indicator_sets == ("proxylogon-2021",)
        assert len(catalog.indicators("proxylogon-2021").indicators) == 183
        assert "httpproxy/owa" in campaign.log_sources
        assert "event/MSExchange Management" in campaign.log_sources

    def test_mitigations_of_each_cve(self, catalog: Catalog):
        campaign = catalog.campaign("proxylogon")
        assert campaign.cve("CVE-2021-26855").mitigations == ("backend-cookie",)
        assert campaign.cve("CVE-2021-26857").mitigations == ("um-services",)
        for cve in ("CVE-2021-26858", "CVE-2021-27065"):
            assert campaign.cve(cve).mitigations == ("ecp-app-pool", "oab-app-pool")
        assert len(campaign.mitigations) == 4

    def test_evidence_comes_before_change(self, catalog: Catalog):
        before = [task.id for task in catalog.campaign("proxylogon").triage if task.before_change]
        assert {"memory", "web-logs", "event-logs", "registry"} <= set(before)

    @pytest.mark.parametrize(
        ("build", "status"),
        [
            ("15.1.2176.4", "open"),
            ("15.1.2176.9", "fixed"),
            ("15.1.1261.39", "change-cu"),
            ("15.1.1415.9", "disputed"),
            ("15.2.2562.17", "fixed"),
            ("14.3.509.0", "open"),
            ("14.3.513.0", "fixed"),
            ("15.9.1.1", "unknown"),
        ],
    )
    def test_status_is_the_worst_of_the_required(self, catalog: Catalog, build: str, status: str):
        found = catalog.campaign_status("proxylogon", Build.parse(build))
        assert found.status == status
        assert found.affected is (status in ("open", "disputed", "change-cu"))


class TestProxyShell:
    def test_two_updates_are_needed_and_the_first_is_not_enough(self, catalog: Catalog):
        april, may = Build.parse("15.1.2176.12"), Build.parse("15.1.2176.14")
        answers = {
            cve: catalog.exposure(cve, april).status
            for cve in (
                "CVE-2021-34473",
                "CVE-2021-34523",
                "CVE-2021-31207",
            )
        }
        assert list(answers.values()) == ["fixed", "fixed", "open"]
        assert catalog.campaign_status("proxyshell", april).status == "open"
        assert catalog.campaign_status("proxyshell", may).status == "fixed"

    def test_remedy_is_the_later_of_the_two_updates(self, catalog: Catalog):
        status = catalog.campaign_status("proxyshell", Build.parse("15.1.2176.2"))
        assert campaign_remedy(status) == "install KB5003435 (15.1.2176.14) for CU19"

    @pytest.mark.parametrize(
        "build", ["15.1.2044.13", "15.1.1415.10", "15.2.221.18", "15.0.1395.12"]
    )
    def test_server_remediated_for_proxylogon_on_an_old_cu_is_still_open(self, catalog, build):
        parsed = Build.parse(build)
        march = catalog.campaign_status("proxylogon", parsed)
        assert march.status == "fixed"
        assert march.overall == "change-cu"  # three related CVEs are not in that update
        assert {fix.cve for fix in march.related_open} == {
            "CVE-2021-26412",
            "CVE-2021-26854",
            "CVE-2021-27078",
        }
        assert "carries every fix" not in campaign_remedy(march)
        assert "CVE-2021-26412" in campaign_remedy(march)
        status = catalog.campaign_status("proxyshell", parsed)
        assert status.status == "change-cu"
        assert "no update exists for this cumulative update" in campaign_remedy(status)

    def test_it_has_no_mitigation(self, catalog: Catalog):
        assert catalog.campaign("proxyshell").mitigations == ()


def test_state_and_tenant_steps_belong_to_a_campaign(catalog: Catalog):
    campaign = catalog.campaign("hybrid-trust")
    assert campaign.cves[0].fix == "update-and-state"
    assert {step.scope for step in campaign.steps} == {"organisation", "tenant"}
    assert catalog.campaign_status("hybrid-trust", Build.parse("15.2.2562.56")).status == (
        "needs-state"
    )


def test_unknown_log_window_is_said_to_be_unknown(catalog: Catalog):
    window = catalog.campaign("hybrid-trust").log_window
    assert window.start is None
    assert window.reason


class TestDeadline:
    """BOD 26-04: days by exposure of the asset and by what is known of the CVE."""

    CVE = "CVE-2026-42897"

    @pytest.mark.parametrize(("exposed", "days", "triage"), [(True, 3, True), (False, 14, False)])
    def test_days_depend_on_exposure(self, catalog: Catalog, exposed, days, triage):
        found = catalog.deadline(
            "cve-2026-42897", self.CVE, exposed=exposed, detected=date(2026, 7, 1)
        )
        assert (found.days, found.triage) == (days, triage)

    def test_clock_starts_with_the_earlier_of_catalogue_entry_and_detection(self, catalog):
        late = catalog.deadline("cve-2026-42897", self.CVE, exposed=True, detected=date(2026, 7, 1))
        early = catalog.deadline(
            "cve-2026-42897", self.CVE, exposed=True, detected=date(2026, 5, 1)
        )
        assert (late.clock, late.due) == (date(2026, 5, 15), date(2026, 5, 18))
        assert (early.clock, early.due) == (date(2026, 5, 1), date(2026, 5, 4))

    def test_directive_without_a_table_has_none(self, catalog: Catalog):
        answer = catalog.deadline(
            "proxylogon", "CVE-2021-26855", exposed=True, detected=date(2021, 3, 3)
        )
        assert answer is None


class TestRemedy:
    def test_newest_update_of_the_cu_then_the_newest_cu(self, catalog: Catalog):
        build = Build.parse("15.1.2176.2")
        found = remedy(catalog, build, catalog.exposures(build))
        assert found.update.kb == "KB5003435"
        assert "CVE-2021-26855" in found.closed_by_update
        assert found.newest.cu == "CU23"
        assert "CVE-2026-42897" in found.closed_by_newest
        assert not set(found.closed_by_update) & set(found.closed_by_newest)

    def test_a_doubtful_build_is_never_recommended(self, catalog: Catalog):
        build = Build.parse("15.2.2562.17")
        found = remedy(catalog, build, catalog.exposures(build))
        assert str(found.newest.build) == "15.2.2562.53"
        assert found.remaining == ()

    def test_nothing_to_do_says_so(self, catalog: Catalog):
        fixed = catalog.campaign_status("proxylogon", Build.parse("15.1.2507.6"))
        assert campaign_remedy(fixed).startswith("nothing to install")

    def test_unknown_build_explains_itself(self, catalog: Catalog):
        unknown = catalog.campaign_status("proxylogon", Build.parse("15.9.1.1"))
        assert "belongs to no cumulative update" in campaign_remedy(unknown)


def test_campaigns_are_listed_by_date(catalog: Catalog):
    found = catalog.campaigns()
    assert [entry.published for entry in found] == sorted(entry.published for entry in found)
    assert {"proxylogon", "proxyshell", "cve-2026-42897"} <= {entry.id for entry in found}


def test_unknown_campaign_names_the_known_ones(catalog: Catalog):
    with pytest.raises(CatalogError, match=r"'nope' is not in .* known are proxylogon, proxyshell"):
        catalog.campaign("nope")


NEXT_CVE = """
    ---
    schema: 1
    sources: {advisory: {text: "the vendor's advisory of 29 November 2026", read: 2026-11-30}}
    vulnerabilities:
      - cve: CVE-2027-12345
        title: the next emergency
        update: Sep26SUv2
        state:
          - {kind: registry, requires: "HKLM value Hardened is 1", holds_by_default: false, source: advisory}
        fixes:
          - {product: Exchange2019, cu: CU15, build: 15.2.1748.53, kb: KB5129956, source: advisory}
          - {product: ExchangeSE, cu: RTM, build: 15.2.2562.53, kb: KB5129955, source: advisory}
"""
NEXT_MITIGATION = """
    ---
    schema: 1
    id: next-header
    title: Refuse a header
    kind: rewrite-outbound
    cves: [CVE-2027-12345]
    products: [Exchange2019, ExchangeSE]
    owners: [EEMS, hand-made]
    impact: none known
    limits: interim
    rollback: delete the rule and its precondition
    source: advisory
    sources: {advisory: {text: "the vendor's advisory of 29 November 2026", read: 2026-11-30}}
    scope: {site: "Default Web Site", path: /ews, file: web.config}
    rules:
      - key: header
        direction: outbound
        names: {EEMS: "EEMS M3 - outbound", hand-made: "block header"}
        revisions:
          - revision: "1"
            validity: weaker
            source: advisory
            content: {match: {server_variable: RESPONSE_X, pattern: "a"}, action: {type: Rewrite, value: ""}}
          - revision: "2"
            validity: current
            source: advisory
            content:
              match: {server_variable: RESPONSE_X, pattern: ".*"}
              action: {type: Rewrite, value: ""}
              precondition:
                names: {EEMS: "EEMS M3 - precondition"}
                conditions:
                  - {input: "{RESPONSE_CONTENT_TYPE}", pattern: "^text/xml", negate: true}
    removal:
      when: build
      builds:
        - {product: ExchangeSE, cu: RTM, build: 15.2.2562.56}
      how: delete it
      reason: it breaks the build after
      source: advisory
    side_effects:
      - {what: "health set EWS.Proxy is Unhealthy", expected_in: health-set}
"""
NEXT_CAMPAIGN = """
    ---
    schema: 1
    id: next-emergency
    title: The next emergency
    summary: Needs no code.
    published: 2026-12-01
    directive: bod-26-04
    source: advisory
    sources: {advisory: {text: "the vendor's advisory of 29 November 2026", read: 2026-11-30}}
    cves:
      - cve: CVE-2027-12345
        kind: rce
        exploited: true
        fix: update-and-state
        authentication: none
        mitigations: [next-header]
        known_exploited: {added: 2026-12-01, due: 2026-12-04, ransomware: Unknown, source: advisory}
        automatable: true
        impact: total
    log_window: {from: null, reason: not known yet, source: advisory, logs: [httpproxy/ews]}
    triage:
      - {id: volatile, title: collect volatile evidence, hours: 24, before_change: true, source: advisory}
    steps:
      - {id: tenant, scope: tenant, title: rotate, detail: the key, evidence: operator, source: advisory}
"""


class TestNextEmergencyIsData:
    """A new emergency is three files in a folder and no line of code."""

    @pytest.fixture
    def extended(self, copied: Path) -> Catalog:
        files = {
            "vulnerabilities/2027.yml": NEXT_CVE,
            "mitigations/next-header.yml": NEXT_MITIGATION,
            "campaigns/next.yml": NEXT_CAMPAIGN,
        }
        for name, text in files.items():
            (copied / name).write_text(dedent(text).lstrip(), encoding="utf-8")
        return load(copied)

    def test_it_is_a_campaign_like_every_other(self, extended: Catalog, catalog: Catalog):
        assert extended.campaigns()[-1].id == "next-emergency"
        assert len(extended.campaigns()) == len(catalog.campaigns()) + 1

    @pytest.mark.parametrize(
        ("build", "status"),
        [
            ("15.2.2562.49", "open"),
            ("15.2.2562.53", "needs-state"),
            ("15.2.1544.48", "change-cu"),
            ("15.1.2507.77", "not-affected"),
        ],
    )
    def test_builds_are_judged_against_it(self, extended: Catalog, build: str, status: str):
        found = extended.campaign_status("next-emergency", Build.parse(build))
        assert found.status == status

    def test_its_rule_has_revisions_owners_and_its_own_removal(self, extended: Catalog):
        record = extended.mitigation("next-header")
        assert record.rules[0].current.content.precondition.conditions[0].negate is True
        assert record.owner_of("Block Header") == "hand-made"
        assert extended.must_come_off("next-header", Build.parse("15.2.2562.53")) is False
        assert extended.must_come_off("next-header", Build.parse("15.2.2562.56")) is True

    def test_its_deadline_window_and_tenant_step(self, extended: Catalog):
        campaign = extended.campaign("next-emergency")
        due = extended.deadline(
            "next-emergency", "CVE-2027-12345", exposed=False, detected=date(2026, 12, 2)
        )
        assert (due.due, due.triage) == (date(2026, 12, 4), True)
        assert campaign.log_window.start is None
        assert campaign.steps[0].scope == "tenant"
        assert campaign.triage[0].hours == 24


class TestDayZero:
    """Between disclosure and update there is a campaign, a mitigation and no fix."""

    @pytest.fixture
    def zero(self, copied: Path) -> Catalog:
        lines = dedent(NEXT_CVE).lstrip().splitlines()
        head = [line for line in lines[: lines.index("    fixes:")] if "update:" not in line]
        text = "\n".join(
            [
                *head,
                "    statements:",
                "      - {product: Exchange2019, status: open, reason: no update yet, source: advisory}",
                "      - {product: ExchangeSE, status: needs-state, reason: set it, source: advisory}",
                "    fixes: []",
                "",
            ]
        )
        (copied / "vulnerabilities" / "2027.yml").write_text(text, encoding="utf-8")
        for name, content in (
            ("mitigations/next-header.yml", NEXT_MITIGATION),
            ("campaigns/next.yml", NEXT_CAMPAIGN),
        ):
            (copied / name).write_text(dedent(content).lstrip(), encoding="utf-8")
        return load(copied)

    def test_affected_product_is_open_without_a_build_to_install(self, zero: Catalog):
        build = Build.parse("15.2.1748.53")
        answer = zero.exposure("CVE-2027-12345", build)
        assert (answer.status, answer.fixed_build, answer.kb) == ("open", None, None)
        assert campaign_remedy(zero.campaign_status("next-emergency", build)) == "no update yet"

    def test_product_that_state_alone_closes(self, zero: Catalog):
        answer = zero.exposure("CVE-2027-12345", Build.parse("15.2.2562.53"))
        assert answer.status == "needs-state"
        assert answer.state[0].kind == "registry"

    def test_product_that_nobody_speaks_of_is_unknown(self, zero: Catalog):
        answer = zero.exposure("CVE-2027-12345", Build.parse("15.1.2507.75"))
        assert answer.status == "unknown"
        assert "no source speaks of Exchange Server 2016" in answer.note

    def test_everything_else_still_answers(self, zero: Catalog):
        build = Build.parse("15.2.1748.53")
        assert remedy(zero, build, zero.exposures(build)).remaining[-1] == "CVE-2027-12345"
        assert zero.must_come_off("next-header", build) is None
