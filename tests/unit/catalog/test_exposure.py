# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
    Confidence,
    CveFix,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )

SSRF = "CVE-2021-26855"
UM = "CVE-2021-26857"

# For every cumulative update of 2013 to 2019: its base build, the last build without the March
# 2021 fix, the first with it ("base" = the cumulative update carries it, empty = no update
# exists), and whether it was in support on 2 March 2021.
MARCH_2021 = [
    tuple(row.values())
    for row in csv.DictReader(
        (Path(__file__).parent / "march_2021.csv").read_text(encoding="utf-8").splitlines()
    )
]


def ask(catalog: Catalog, cve: str, build: str) -> CveFix:
    return catalog.exposure(cve, Build.parse(build))


def below(build: str) -> str:
    head, _, last = build.rpartition(".")
    return f"{head}.{int(last) - 1}"


def above(build: str) -> str:
    head, _, last = build.rpartition(".")
    return f"{head}.{int(last) + 1}"


@pytest.mark.parametrize("row", MARCH_2021, ids=lambda row: f"{row[0]}-{row[1]}")
class TestMarch2021:
    def test_base_build_and_last_unfixed_build_are_judged_within_their_cu(self, catalog, row):
        _product, _cu, base, last, fixed, _supported = row
        expected = {"base": "fixed", "": "change-cu"}.get(fixed, "open")
        assert ask(catalog, SSRF, base).status == expected
        if last:
            assert ask(catalog, SSRF, last).status == expected

    def test_first_fixed_build_and_the_ones_beside_it(self, catalog, row):
        _product, cu, base, _last, fixed, _supported = row
        if fixed in ("", "base"):
            update = ask(catalog, SSRF, base)
            assert update.fixed_cu != cu or fixed == "base"
            return
        assert ask(catalog, SSRF, fixed).status == "fixed"
        assert ask(catalog, SSRF, above(fixed)).status == "fixed"
        wanted = ("disputed",) if fixed in ("15.1.1415.10", "15.1.1466.16") else ("open",)
        assert ask(catalog, SSRF, below(fixed)).status in wanted
        answer = ask(catalog, SSRF, base)
        assert (str(answer.fixed_build), answer.kb, answer.fixed_cu) == (fixed, "KB5000871", cu)

    def test_cu_in_support_on_that_day(self, catalog, row):
        product, cu, _base, _last, _fixed, supported = row
        day = catalog.campaign("proxylogon").published
        status = catalog.support(product, cu, day).status
        released = catalog.released(Build.parse(row[2]))
        assert status == (
            "supported" if supported == "yes" else "unknown" if released > day else "unsupported"
        )


def test_a_higher_number_on_another_cu_is_not_fixed(catalog: Catalog):
    assert ask(catalog, SSRF, "15.0.1497.2").status == "open"  # CU23 without the update
    assert ask(catalog, SSRF, "15.0.1473.6").status == "fixed"  # CU22 with it, a lower number


def test_file_version_form_gives_the_same_answer(catalog: Catalog):
    assert ask(catalog, SSRF, "15.01.2176.009") == ask(catalog, SSRF, "15.1.2176.9")


@pytest.mark.parametrize(
    ("build", "status"),
    [
        ("15.1.1415.7", "open"),
        ("15.1.1415.8", "disputed"),
        ("15.1.1415.9", "disputed"),
        ("15.1.1415.10", "fixed"),
        ("15.1.1466.12", "open"),
        ("15.1.1466.13", "disputed"),
        ("15.1.1466.14", "disputed"),
        ("15.1.1466.15", "disputed"),
        ("15.1.1466.16", "fixed"),
    ],
)
@pytest.mark.parametrize("cve", [SSRF, UM, "CVE-2021-26858", "CVE-2021-27065"])
def test_builds_on_which_sources_disagree_are_disputed_and_say_why(catalog, cve, build, status):
    answer = ask(catalog, cve, build)
    assert answer.status == status
    if status == "disputed":
        assert "KB5000871" in answer.note
        assert str(answer.fixed_build) in answer.note
        assert str(answer.disputed_from) in answer.note
        assert "CSS-Exchange" in answer.disputed_source
        assert f"read {answer.disputed_read}" in answer.note


@pytest.mark.parametrize(
    "cve",
    [
        SSRF,
        "CVE-2021-26858",
        "CVE-2021-27065",
        "CVE-2021-26412",
        "CVE-2021-26854",
        "CVE-2021-27078",
    ],
)
def test_exchange_2010_is_affected_by_none_of_the_seven_but_one(catalog: Catalog, cve: str):
    answer = ask(catalog, cve, "14.3.123.4")
    assert answer.status == "not-affected"
    assert "msrc" in answer.source


def test_exchange_2010_needs_rollup_32_for_the_fourth(catalog: Catalog):
    old = ask(catalog, UM, "14.3.509.0")
    assert (old.status, old.kb, str(old.fixed_build)) == ("open", "KB5000978", "14.3.513.0")
    assert ask(catalog, UM, "14.3.513.0").status == "fixed"
    assert ask(catalog, UM, "14.2.390.3").status == "change-cu"  # another service pack


def test_exchange_2010_is_unknown_for_what_no_source_tests(catalog: Catalog):
    answer = ask(catalog, "CVE-2020-0688", "14.3.468.0")
    assert answer.status == "unknown"
    assert "2010" in answer.note


@pytest.mark.parametrize("cve", [SSRF, UM, "CVE-2021-34473", "CVE-2022-41040"])
def test_exchange_se_inherits_what_was_fixed_before_it(catalog: Catalog, cve: str):
    answer = ask(catalog, cve, "15.2.2562.17")
    assert answer.status == "fixed"
    assert answer.confidence is Confidence.DERIVED
    assert answer.fixed_build is None  # there is no build of SE at which it was fixed


def test_exchange_se_has_its_own_line_for_later_fixes(catalog: Catalog):
    assert ask(catalog, "CVE-2026-42897", "15.2.2562.41").status == "open"
    assert ask(catalog, "CVE-2026-42897", "15.2.2562.43").status == "fixed"


def test_product_out_of_support_when_the_cve_was_fixed_is_unknown_not_unaffected(catalog: Catalog):
    answer = ask(catalog, "CVE-2026-42897", "15.0.1497.48")
    assert answer.status == "unknown"
    assert "2023-04-11" in answer.note


def test_product_that_a_source_excludes_is_not_affected(catalog: Catalog):
    assert ask(catalog, "CVE-2026-55007", "15.1.2507.72").status == "not-affected"
    assert ask(catalog, "CVE-2026-55007", "15.2.1748.49").status == "open"


def test_product_without_a_line_is_not_affected(catalog: Catalog):
    assert ask(catalog, "CVE-2018-8374", "15.0.1395.4").status == "not-affected"


@pytest.mark.parametrize(
    ("cve", "build", "kind"),
    [
        ("CVE-2024-21410", "15.1.2507.37", "extended-protection"),
        ("CVE-2024-21410", "15.2.2562.17", "extended-protection"),
        ("CVE-2025-53786", "15.2.2562.17", "tenant"),
        ("CVE-2021-34470", "15.1.2242.12", "ad-schema"),
        ("CVE-2022-21978", "15.2.1118.9", "ad-domain"),
        ("CVE-2023-36035", "15.2.1118.40", "serialized-data-signing"),
        ("CVE-2024-49040", "15.2.1544.14", "setting-override"),
        ("ADV24199947", "15.2.1544.9", "configuration-file"),
    ],
)
def test_right_build_without_the_state_is_never_fixed(catalog, cve, build, kind):
    answer = ask(catalog, cve, build)
    assert answer.status == "needs-state"
    assert [state.kind for state in answer.state] == [kind]
    assert answer.state[0].requires in answer.note


def test_state_does_not_hide_a_missing_build(catalog: Catalog):
    assert ask(catalog, "CVE-2024-21410", "15.1.2507.9").status == "open"
    assert ask(catalog, "CVE-2024-21410", "15.1.2308.27").status == "change-cu"


def test_a_state_says_whether_it_holds_unless_somebody_changed_it(catalog: Catalog):
    override = ask(catalog, "CVE-2025-33051", "15.2.2562.20").state[0]
    protection = ask(catalog, "CVE-2024-21410", "15.1.2507.37").state[0]
    assert (override.holds_by_default, protection.holds_by_default) == (True, False)


class TestSpecialMarchUpdate:
    """The March 2021 update for old cumulative updates brings the March fixes only."""

    def test_it_does_not_prove_the_fixes_before_it(self, catalog: Catalog):
        answer = ask(catalog, "CVE-2020-17117", "15.1.2044.13")
        assert answer.status == "needs-state"
        assert answer.state[0].kind == "earlier-update"
        assert "KB4593465" in answer.note

    def test_the_earlier_update_itself_is_fixed(self, catalog: Catalog):
        assert ask(catalog, "CVE-2020-17117", "15.1.2044.12").status == "fixed"

    def test_what_the_base_build_carries_stays_fixed(self, catalog: Catalog):
        assert ask(catalog, "CVE-2020-0688", "15.1.2044.13").status == "fixed"

    def test_an_ordinary_update_is_cumulative(self, catalog: Catalog):
        assert ask(catalog, "CVE-2021-24085", "15.1.2176.9").status == "fixed"

    def test_the_last_cu_of_2013_got_the_ordinary_update(self, catalog: Catalog):
        assert ask(catalog, "CVE-2020-17117", "15.0.1497.12").status == "fixed"


class TestChangeOfCumulativeUpdate:
    def test_no_update_for_the_cu_names_the_nearest_one_that_has(self, catalog: Catalog):
        answer = ask(catalog, SSRF, "15.1.1261.39")
        assert answer.status == "change-cu"
        assert (answer.fixed_cu, str(answer.fixed_build)) == ("CU8", "15.1.1415.10")

    def test_cu_released_after_the_fix_carries_it(self, catalog: Catalog):
        assert ask(catalog, SSRF, "15.1.2375.7").status == "fixed"

    def test_later_cu_without_a_line_is_fixed_from_the_highest_line_on(self, catalog: Catalog):
        answer = ask(catalog, "CVE-2021-34470", "15.2.1118.7")
        assert answer.status == "needs-state"


def test_a_fix_that_was_made_twice_counts_from_the_second(catalog: Catalog):
    assert ask(catalog, "CVE-2023-21707", "15.1.2507.21").status == "open"
    assert ask(catalog, "CVE-2023-21707", "15.1.2507.23").status == "fixed"


def test_unlisted_revision_is_judged_in_its_cu_and_says_so(catalog: Catalog):
    answer = ask(catalog, SSRF, "15.1.2176.7")
    assert answer.status == "open"
    assert "15.1.2176.7 itself is in no table" in answer.note


def test_unlisted_cumulative_update_is_unknown_with_its_neighbours(catalog: Catalog):
    answer = ask(catalog, SSRF, "15.2.9999.1")
    assert answer.status == "unknown"
    assert "15.2.2562.56" in answer.note


def test_unknown_cve_is_unknown(catalog: Catalog):
    answer = ask(catalog, "CVE-1999-0001", "15.1.2176.9")
    assert answer.status == "unknown"
    assert "CVE-1999-0001" in answer.note


@pytest.mark.parametrize("build", ["15.2.2562.53", "15.2.2562.56", "15.1.2507.75", "15.0.1497.48"])
def test_record_that_no_source_confirms_is_in_no_verdict_but_stays_visible(catalog, build):
    answer = ask(catalog, "CVE-2026-70571", build)
    assert answer.status == "unconfirmed"
    assert answer.confidence is Confidence.DOUBTFUL
    assert "no verdict rests on it" in answer.note


def test_fix_behind_a_paid_entitlement_says_so(catalog: Catalog):
    assert ask(catalog, "CVE-2026-42897", "15.1.2507.61").entitlement == "esu2"
    assert ask(catalog, "CVE-2025-64666", "15.1.2507.61").entitlement == "esu1"
    assert ask(catalog, "CVE-2026-42897", "15.2.2562.41").entitlement == "public"


def test_every_fixed_build_is_fixed_or_waits_for_state_and_the_one_below_is_not(catalog: Catalog):
    """The whole table, once: no line is shadowed by another rule."""
    for cve in catalog.cves():
        record = catalog.vulnerability(cve)
        assert record is not None
        last = {fix.cu + fix.product: fix for fix in sorted(record.fixes, key=lambda f: f.build)}
        for fix in last.values():
            if record.confidence is Confidence.DOUBTFUL:
                continue
            answer = catalog.exposure(cve, fix.build)
            assert answer.status in ("fixed", "needs-state"), (cve, str(fix.build), answer)
            base = catalog.cu_of(fix.build)
            assert base is not None
            if base.build < fix.build:
                unfixed = ask(catalog, cve, below(str(fix.build)))
                wanted = "open" if fix.disputed_from is None else "disputed"
                assert unfixed.status == wanted, (cve, str(fix.build), unfixed)


def test_a_later_revision_of_a_cu_never_opens_what_an_earlier_one_fixed(catalog: Catalog):
    """Over all builds and CVEs: inside one cumulative update answers only get better."""
    rank = {"change-cu": 0, "open": 0, "disputed": 1, "unknown": 1, "needs-state": 2, "fixed": 3}
    for cve in catalog.cves():
        seen: dict[tuple[str, str], int] = {}
        for info in catalog.builds():
            status = catalog.exposure(cve, info.build).status
            if (
                status in ("not-affected", "unconfirmed") or info.only_fixes
            ):  # not cumulative: may lose a fix
                continue
            key = (info.product, info.cu)
            assert rank[status] >= seen.get(key, 0), (cve, str(info.build), status)
            seen[key] = rank[status]
