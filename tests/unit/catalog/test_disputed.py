# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that disagree about a fixed build: never the nicer one, and never silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import text
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
    CampaignStatus,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
    OPEN,
    STATUSES,
    UNSURE,
    CveFix,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.remedy import (
    campaign_remedy,
    remedy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
        Fix,
    )

# Microsoft raised them in August 2026 from the June to the July update.
RAISED = [f"CVE-2026-{number}" for number in (45500, 45501, 45502, 45503, 45504, 45583, 47631)]
LINES = [  # May or before, June, July
    ("15.2.2562.41", "15.2.2562.43", "15.2.2562.45", "KB5103212"),
    ("15.2.1748.43", "15.2.1748.46", "15.2.1748.48", "KB5103213"),
    ("15.2.1544.39", "15.2.1544.41", "15.2.1544.43", "KB5103214"),
    ("15.1.2507.66", "15.1.2507.69", "15.1.2507.71", "KB5103215"),
]


def ask(catalog: Catalog, cve: str, build: str) -> CveFix:
    return catalog.exposure(cve, Build.parse(build))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[1])
@pytest.mark.parametrize("cve", RAISED)
def test_threshold_that_microsoft_raised(catalog: Catalog, cve: str, line: tuple[str, ...]):
    before, june, july, kb = line
    assert [ask(catalog, cve, build).status for build in (before, june, july)] == [
        "open",
        "disputed",
        "fixed",
    ]
    head, _, last = july.rpartition(".")
    assert ask(catalog, cve, f"{head}.{int(last) - 1}").status == "disputed"
    head, _, last = june.rpartition(".")
    assert ask(catalog, cve, f"{head}.{int(last) - 1}").status == "open"
    answer = ask(catalog, cve, june)
    assert (str(answer.fixed_build), answer.kb, str(answer.disputed_from)) == (july, kb, june)
    assert answer.source != answer.disputed_source
    assert answer.read
    assert answer.disputed_read


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[1])
def test_the_one_that_microsoft_did_not_raise_stays_at_june(catalog: Catalog, line):
    assert ask(catalog, "CVE-2026-42897", line[1]).status == "fixed"


def _disputed(catalog: Catalog) -> Iterator[tuple[str, Fix]]:
    for cve in catalog.cves():
        record = catalog.vulnerability(cve)
        assert record is not None
        yield from ((cve, fix) for fix in record.fixes if fix.disputed_from)


def test_no_build_below_fixed_is_fixed_whatever_another_source_says(catalog: Catalog):
    found = list(_disputed(catalog))
    assert len(found) >= 7 * 4 + 4 * 2 + 2 + 3
    for cve, fix in found:
        for revision in range(fix.build.revision):
            build = Build(fix.build.major, fix.build.minor, fix.build.build, revision)
            status = catalog.exposure(cve, build).status
            assert status == ("disputed" if build >= fix.disputed_from else "open"), (cve, build)
        assert catalog.exposure(cve, fix.build).status in ("fixed", "needs-state")


def test_both_sources_are_named_with_the_day_on_which_they_were_read(catalog: Catalog):
    for cve, fix in _disputed(catalog):
        note = catalog.exposure(cve, fix.disputed_from).note
        for said in (fix.build, fix.disputed_from, fix.source, fix.disputed_source):
            assert str(said) in note
        assert f"(read {fix.read})" in note
        assert f"(read {fix.disputed_read})" in note


def test_the_update_for_a_disputed_build_is_the_one_of_the_higher_source(catalog: Catalog):
    for _before, june, july, _kb in LINES:
        build = Build.parse(june)
        found = remedy(catalog, build, catalog.exposures(build))
        assert set(RAISED) <= set(found.closed_by_update)
        assert found.update is not None
        assert found.update.build >= Build.parse(july)


def test_a_disputed_required_cve_opens_a_campaign(catalog: Catalog):
    status = catalog.campaign_status("proxylogon", Build.parse("15.1.1415.8"))
    assert (status.status, status.affected) == ("disputed", True)
    assert campaign_remedy(status) == "install KB5000871 (15.1.1415.10) for CU8"


def test_a_disputed_related_cve_takes_a_nice_status_away(catalog: Catalog):
    fixed = ask(catalog, "CVE-2026-42897", "15.2.2562.43")
    related = ask(catalog, "CVE-2026-45502", "15.2.2562.43")
    status = CampaignStatus("drill", "fixed", (fixed,), (related,))
    assert status.overall == "disputed"
    said = campaign_remedy(status)
    assert "CVE-2026-45502 stay open: install KB5103212 (15.2.2562.45)" in said
    open_too = CampaignStatus("drill", "open", (related,), ())
    assert open_too.overall == "open"


def test_every_answer_is_one_of_the_statuses_and_each_is_given(catalog: Catalog):
    given = {
        catalog.exposure(cve, info.build).status
        for cve in catalog.cves()
        for info in catalog.builds()
    }
    given |= {catalog.exposure(cve, Build(15, 9, 1, 1)).status for cve in catalog.cves()}
    assert given == set(STATUSES)


def test_every_status_has_a_place_in_words_and_in_order():
    assert set(OPEN) | set(UNSURE) | {"needs-state", "fixed", "not-affected"} == set(STATUSES)
    assert {*text._ORDER, "fixed", "not-affected"} == set(STATUSES)
    assert STATUSES.index("disputed") < min(STATUSES.index(name) for name in (*UNSURE, "fixed"))


# Out of support in March 2021: product, March package, and the build that closes the three.
OLD = [
    ("15.0.847.64", "CU23", "15.0.1497.12"),
    ("15.0.1395.12", "CU23", "15.0.1497.12"),
    ("15.0.1473.6", "CU23", "15.0.1497.12"),
    ("15.1.1415.10", "CU18", "15.1.2106.13"),
    ("15.1.1466.16", "CU18", "15.1.2106.13"),
    ("15.1.1531.12", "CU18", "15.1.2106.13"),
    ("15.1.1591.18", "CU18", "15.1.2106.13"),
    ("15.1.1713.10", "CU18", "15.1.2106.13"),
    ("15.1.1779.8", "CU18", "15.1.2106.13"),
    ("15.1.1847.12", "CU18", "15.1.2106.13"),
    ("15.1.1913.12", "CU18", "15.1.2106.13"),
    ("15.1.1979.8", "CU18", "15.1.2106.13"),
    ("15.1.2044.13", "CU18", "15.1.2106.13"),
    ("15.2.221.18", "CU7", "15.2.721.13"),
    ("15.2.330.11", "CU7", "15.2.721.13"),
    ("15.2.397.11", "CU7", "15.2.721.13"),
    ("15.2.464.15", "CU7", "15.2.721.13"),
    ("15.2.529.13", "CU7", "15.2.721.13"),
    ("15.2.595.8", "CU7", "15.2.721.13"),
    ("15.2.659.12", "CU7", "15.2.721.13"),
]
THREE = ["CVE-2021-26412", "CVE-2021-26854", "CVE-2021-27078"]
FOUR = ["CVE-2021-26855", "CVE-2021-26857", "CVE-2021-26858", "CVE-2021-27065"]


@pytest.mark.parametrize("line", OLD, ids=lambda line: line[0])
class TestMarchUpdateOfAnOldCumulativeUpdate:
    @pytest.mark.parametrize("cve", THREE)
    def test_three_are_closed_by_another_cumulative_update_only(self, catalog, line, cve):
        build, cu, closes = line
        answer = ask(catalog, cve, build)
        assert answer.status == "change-cu"
        assert (answer.fixed_cu, str(answer.fixed_build)) == (cu, closes)
        assert ask(catalog, cve, closes).status == "fixed"

    def test_four_are_closed_and_the_build_says_that_it_fixes_no_other(self, catalog, line):
        info = catalog.find_build(Build.parse(line[0]))
        assert list(info.only_fixes) == FOUR
        assert [ask(catalog, cve, line[0]).status for cve in FOUR] == ["fixed"] * 4


@pytest.mark.parametrize(
    "build",
    ["15.0.1497.12", "15.1.2106.13", "15.1.2176.9", "15.2.721.13", "15.2.792.10", "15.1.2242.4"],
)
@pytest.mark.parametrize("cve", [*THREE, *FOUR])
def test_the_march_update_of_a_supported_cumulative_update_fixes_all(catalog, cve, build):
    assert ask(catalog, cve, build).status == "fixed"


@pytest.mark.parametrize(
    ("cve", "build", "status"),
    [
        ("CVE-2019-0586", "15.2.221.12", "open"),
        ("CVE-2019-0588", "15.2.221.12", "open"),
        ("CVE-2019-0588", "15.2.221.14", "fixed"),
        ("CVE-2019-0586", "15.2.330.5", "fixed"),
        ("CVE-2019-0817", "15.2.221.14", "open"),
        ("CVE-2019-0858", "15.2.221.16", "fixed"),
        ("CVE-2018-8604", "15.1.1531.6", "open"),
        ("CVE-2018-8604", "15.1.1531.8", "fixed"),
        ("CVE-2021-34470", "15.2.922.7", "needs-state"),
        ("CVE-2021-34470", "15.1.2308.8", "needs-state"),
        ("CVE-2021-34470", "15.1.2242.10", "open"),
        ("CVE-2021-33768", "15.0.1497.18", "not-affected"),
        ("CVE-2021-33768", "15.1.2308.8", "open"),
        ("CVE-2024-26198", "15.1.2507.35", "open"),
        ("CVE-2024-26198", "15.1.2507.37", "disputed"),
        ("CVE-2024-26198", "15.2.1544.9", "disputed"),
        ("CVE-2024-26198", "15.2.1258.34", "fixed"),
        ("CVE-2020-17144", "14.3.496.0", "open"),
        ("CVE-2020-17144", "14.3.509.0", "fixed"),
        ("CVE-2021-1730", "15.1.2507.75", "needs-state"),
        ("CVE-2023-21709", "15.2.2562.53", "needs-state"),
        ("CVE-2023-36434", "15.2.1748.53", "needs-state"),
        ("CVE-2018-8581", "15.2.1748.53", "unknown"),
    ],
)
def test_builds_at_which_sources_were_read_again(catalog: Catalog, cve, build, status):
    assert ask(catalog, cve, build).status == status


def test_a_server_with_every_published_update_has_nothing_open(catalog: Catalog):
    for newest in ("15.2.2562.53", "15.2.1748.53", "15.2.1544.48", "15.1.2507.75"):
        build = Build.parse(newest)
        fixes = catalog.exposures(build)
        assert [fix.cve for fix in fixes if fix.status in OPEN] == []
        assert [fix.cve for fix in fixes if fix.status == "unconfirmed"] == ["CVE-2026-70571"]
        assert remedy(catalog, build, fixes).remaining == ()
