# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the default fleet are judged as what their descriptions say they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.facts.collect import (
    collect,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Assessment

AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
FLEET = {
    host.name: host
    for host in scenario.load(
        "proxylogon", at=AT, credentials=Credentials("nobody", "logs on here")
    ).hosts
}

# host: verdict, checks with a finding beyond the mitigations that an unpatched server lacks
EXPECTED = {
    "ex2016-open": ("vulnerable", set()),
    "ex2019-open": ("vulnerable", set()),
    "ex2016-fixed": ("fixed", set()),
    "ex2019-half": ("vulnerable", {"update.half-installed"}),
    "ex2016-cu7": ("unsupported-and-vulnerable", {"cu.supported"}),
    # Its package fixes the four exploited CVEs and leaves three related ones open.
    "ex2016-cu12": ("unsupported-and-vulnerable", {"cu.supported"}),
    "ex2010": (
        "unsupported-and-vulnerable",
        {"cu.supported", "support.lifecycle", "antimalware.present"},
    ),
    "ex2013": ("vulnerable", set()),
    "ex2013-ps3": ("vulnerable", set()),
    "edge01": ("vulnerable", set()),
    "exse": ("fixed", {"logs.coverage"}),
    "dag01-a": ("fixed", set()),
    "dag01-b": ("vulnerable", set()),
    "ex-mitigated": ("vulnerable-mitigated", set()),
    "ex2019-altered": ("vulnerable", set()),
    "ex2016-leftover": ("fixed", {"mitigation.leftover"}),
    "ex2016-disabled": ("fixed", {"services.disabled", "reboot.pending"}),
    "ex-muenchen": ("vulnerable", set()),
    "ex-tokyo": ("fixed", {"logs.coverage", "eventlogs.coverage"}),
    "ex-istanbul": ("unknown", set()),
    "ex-plain-user": ("vulnerable", {"session.elevated"}),
    "ex-late": ("fixed", set()),
    "ex-tools": ("vulnerable", set()),
    "ex-hostile": ("vulnerable", {"update.half-installed"}),
}
NEVER_JUDGED = {"ex-off", "ex-password", "ex-locked-down"}  # no reply comes from these


def judged(name: str) -> Assessment:
    facts, errors = collect(FLEET[name].world)
    return assess(facts, errors, load(), "proxylogon", AT)


def findings(assessment: Assessment) -> set[str]:
    return {check.check for check in assessment.checks if check.status.value == "finding"}


@pytest.mark.parametrize("name", EXPECTED)
def test_host_is_judged_as_what_it_is(name: str) -> None:
    verdict, expected = EXPECTED[name]
    assessment = judged(name)
    found = findings(assessment)
    lacking = {check for check in found if check.startswith("mitigation.")} - expected
    assert assessment.verdict.value == verdict
    assert found - lacking == expected


def test_altered_rule_is_no_mitigation_and_the_pools_are() -> None:
    lacking = {check for check in findings(judged("ex2019-altered")) if "mitigation" in check}
    assert lacking == {"mitigation.backend-cookie"}


def test_no_host_of_the_fleet_is_forgotten_here() -> None:
    assert FLEET.keys() == EXPECTED.keys() | NEVER_JUDGED


@pytest.mark.parametrize(
    "spec",
    [
        {
            "exchange": {"product": "Exchange2010", "cu": "SP3", "build": "14.3.513.0"},
            "registry_build": "14.3.123.4",
            "updates": [{"kb": "KB5000978", "kind": "Update Rollup 32"}],
        },
        {
            "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"},
            "registry_build": "15.1.2176.2",
            "updates": [{"kb": "KB5000871", "sources": ["installer-patch"]}],
        },
    ],
    ids=["rollup of Exchange 2010", "update of Exchange 2016"],
)
def test_an_update_that_only_windows_installer_lists_is_proof(spec: dict[str, Any]) -> None:
    world = build_world(spec, "ex99", at=AT)
    facts, errors = collect(world)
    assert [row["source"] for row in facts["updates"]] == ["installer-patch"]
    assessment = assess(facts, errors, load(), "proxylogon", AT, None)
    assert assessment.verdict.value == "fixed"
