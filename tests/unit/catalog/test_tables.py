# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import ROOT, load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
    Confidence,
)
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )


def test_everything_is_there(catalog: Catalog):
    fixes = [fix for cve in catalog.cves() for fix in catalog.vulnerability(cve).fixes]
    # The table, the update of 2 October 2026, and April 2019 for 2019 RTM.
    assert len(catalog.builds()) == 389 + 4 + 1
    assert (
        len(catalog.cves()) == 158 + 5
    )  # CVE-2018-8581, 2020-17144, 2021-1730, 2023-21709, -36434
    # The table, rollups 31 and 32 of Exchange 2010, six lines of 2019 RTM and 1, one of 2018;
    # without three CVEs on twenty old cumulative updates and three lines of July 2021.
    assert len(fixes) == 974 + 2 + 6 + 1 - 3 * 20 - 3
    assert sum(len(found.indicators) for found in catalog.indicator_sets()) >= 183


def test_every_schema_is_valid_and_every_file_says_its_version():
    for path in (ROOT / "schemas").glob("*.json"):
        Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
    files = [*ROOT.glob("*.yml"), *ROOT.glob("*/*.yml")]
    assert len(files) > 30
    for path in files:
        assert "\nschema: 1\n" in path.read_text(encoding="utf-8"), path.name


def test_every_record_names_its_source(catalog: Catalog):
    records = [*catalog.builds(), *catalog.packages()]
    records += [fix for cve in catalog.cves() for fix in catalog.vulnerability(cve).fixes]
    assert all(len(record.source) > 5 for record in records)


def test_loading_from_the_files_takes_less_than_a_second():
    started = time.process_time()
    load(ROOT)
    assert time.process_time() - started < 1.0


def test_the_packaged_catalogue_is_loaded_once():
    assert load() is load()


@pytest.mark.parametrize(
    ("build", "product", "cu", "kb", "update"),
    [
        ("15.2.2562.53", "ExchangeSE", "RTM", "KB5129955", "Sep26SUv2"),
        ("15.2.1748.53", "Exchange2019", "CU15", "KB5129956", "Sep26SUv2"),
        ("15.2.1544.48", "Exchange2019", "CU14", "KB5129957", "Sep26SUv2"),
        ("15.1.2507.75", "Exchange2016", "CU23", "KB5129958", "Sep26SUv2"),
        ("15.2.2562.49", "ExchangeSE", "RTM", "KB5121608", "Sep26SU"),
        ("15.2.1748.51", "Exchange2019", "CU15", "KB5121609", "Sep26SU"),
        ("15.2.1544.46", "Exchange2019", "CU14", "KB5121610", "Sep26SU"),
        ("15.1.2507.73", "Exchange2016", "CU23", "KB5121611", "Sep26SU"),
        ("15.0.1497.12", "Exchange2013", "CU23", "KB5000871", "Mar21SU"),
        ("14.3.513.0", "Exchange2010", "SP3 UR32", "KB5000978", None),
    ],
)
def test_builds_of_the_table_and_its_corrections(catalog, build, product, cu, kb, update):
    info = catalog.find_build(Build.parse(build))
    assert (info.product, info.cu, info.kb, info.update) == (product, cu, kb, update)


@pytest.mark.parametrize("build", ["15.2.2562.56", "15.2.1748.55", "15.2.1544.50", "15.1.2507.77"])
def test_october_2026_is_marked_doubtful(catalog: Catalog, build: str):
    info = catalog.find_build(Build.parse(build))
    assert info.confidence is Confidence.DOUBTFUL
    assert info.note


def test_unlisted_build_is_not_found_but_its_cu_is(catalog: Catalog):
    build = Build.parse("15.1.2176.7")
    assert catalog.find_build(build) is None
    assert catalog.cu_of(build).cu == "CU19"


def test_preview_shares_three_parts_with_the_release_and_stays_apart(catalog: Catalog):
    assert catalog.cu_of(Build.parse("15.1.225.16")).cu == "Preview"
    assert catalog.cu_of(Build.parse("15.1.225.42")).cu == "RTM"
    assert catalog.cu_of(Build.parse("15.1.225.41")).cu == "Preview"


def test_unlisted_cumulative_update_is_none(catalog: Catalog):
    assert catalog.cu_of(Build.parse("15.1.2177.1")) is None


def test_se_and_2019_are_told_apart_although_both_are_15_2(catalog: Catalog):
    assert catalog.cu_of(Build.parse("15.2.2562.17")).product == "ExchangeSE"
    assert catalog.cu_of(Build.parse("15.2.1748.10")).product == "Exchange2019"


def test_neighbours_of_an_unknown_and_of_a_known_build(catalog: Catalog):
    below, above = catalog.neighbours(Build.parse("15.1.2176.7"))
    assert (str(below.build), str(above.build)) == ("15.1.2176.4", "15.1.2176.9")
    below, above = catalog.neighbours(Build.parse("15.1.2176.9"))
    assert (str(below.build), str(above.build)) == ("15.1.2176.4", "15.1.2176.12")
    assert catalog.neighbours(Build.parse("1.0.0.0"))[0] is None
    assert catalog.neighbours(Build.parse("99.0.0.0"))[1] is None


def test_a_month_counts_from_its_first_day(catalog: Catalog):
    info = catalog.find_build(Build.parse("15.1.2176.4"))
    assert (info.release_date, info.released) == ("2021-02", date(2021, 2, 1))


class TestPackages:
    def test_a_build_gets_the_updates_that_raise_it(self, catalog: Catalog):
        found = catalog.packages(Build.parse("15.1.2176.4"))
        assert [package.kb for package in found] == ["KB5000871", "KB5001779", "KB5003435"]
        assert {package.cu for package in found} == {"CU19"}

    def test_a_kb_has_one_package_for_each_cumulative_update(self, catalog: Catalog):
        found = catalog.packages("KB5000871")
        assert len(found) == 4 + 12 + 9
        assert len({(package.product, package.cu) for package in found}) == len(found)

    def test_one_name_may_stand_for_several_packages(self, catalog: Catalog):
        names = {p.file for p in catalog.packages("kb5000871") if p.product == "Exchange2016"}
        assert names == {"Exchange2016-KB5000871-x64-en.msp"}

    def test_names_that_no_source_gives_are_marked(self, catalog: Catalog):
        marks = {p.product: p.file_confidence for p in catalog.packages("KB5000871")}
        assert marks["Exchange2016"] is Confidence.READ
        assert marks["Exchange2013"] is Confidence.DERIVED

    def test_sha256_is_unknown_where_nobody_published_it(self, catalog: Catalog):
        known = {p.file: p.sha256 for p in catalog.packages() if p.sha256 != "unknown"}
        # The page of that KB gives it, for the .exe.
        assert known == {
            "ExchangeSubscriptionEdition-KB5129955-x64-en.exe": "40b3825435c072298896563da623e288f79a9b913e2b674ffc7ca4a38547857f"
        }

    def test_updates_are_cumulative(self, catalog: Catalog):
        may = next(p for p in catalog.packages("KB5003435") if p.cu == "CU19")
        assert may.supersedes[:2] == ("KB5001779", "KB5000871")
        assert "KB4602269" in may.supersedes

    def test_march_2021_for_an_old_cu_supersedes_nothing(self, catalog: Catalog):
        old = next(p for p in catalog.packages("KB5000871") if p.cu == "CU17")
        assert old.supersedes == ()

    def test_a_rollup_installs_on_any_rollup_of_its_service_pack(self, catalog: Catalog):
        found = catalog.packages(Build.parse("14.3.123.4"))
        assert [(p.kb, p.cu) for p in found] == [("KB5000978", "SP3")]
        assert catalog.packages(Build.parse("14.2.390.3")) == ()

    def test_paid_updates_are_marked(self, catalog: Catalog):
        assert {p.entitlement for p in catalog.packages("KB5094144")} == {"esu2"}
        assert {p.entitlement for p in catalog.packages("KB5071873")} == {"esu1"}
        assert {p.entitlement for p in catalog.packages("KB5066369")} == {"public"}

    def test_the_newest_build_has_none(self, catalog: Catalog):
        assert catalog.packages(Build.parse("15.1.2176.14")) == ()

    def test_an_unknown_build_has_none(self, catalog: Catalog):
        assert catalog.packages(Build.parse("15.1.2177.1")) == ()
