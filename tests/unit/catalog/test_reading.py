# SPDX-License-Identifier: GPL-3.0-or-later
"""Every record says when its source was read, and a table cannot promise what a build lacks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )

    Edit = Callable[..., Path]

CVES = "vulnerabilities/2021.yml"
BUILDS = "builds/exchange2016.yml"
DATED = '{s: {text: "a source", read: 2026-11-24}}'
LINE = "build: 15.1.2176.9, kb: KB5000871, source: s}"


def message(root: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        load(root)
    return str(caught.value)


def test_every_record_says_when_its_source_was_read(catalog: Catalog):
    records = [*catalog.builds(), *catalog.packages()]
    for cve in catalog.cves():
        record = catalog.vulnerability(cve)
        records += [*record.fixes, *record.statements]
    assert len(records) > 1500
    assert all(date(2026, 1, 1) <= record.read <= catalog.as_of for record in records)


def test_records_of_one_file_may_have_been_read_on_different_days(catalog: Catalog):
    days = {fix.read for fix in catalog.vulnerability("CVE-2021-26412").fixes}
    assert days == {date(2026, 11, 23), date(2026, 11, 30)}


@pytest.mark.parametrize(
    "file", [BUILDS, CVES, "mitigations/stop-it.yml", "campaigns/drill.yml"], ids=lambda f: f
)
class TestEachFile:
    def test_a_source_without_a_day_is_refused(self, small: Edit, file: str):
        said = message(small(file, DATED, '{s: "a source"}'))
        assert said.startswith(f"catalog/{file}:")
        assert "source 's' has no date of reading; write as_of: YYYY-MM-DD at the top" in said

    def test_a_source_with_text_alone_is_refused(self, small: Edit, file: str):
        said = message(small(file, DATED, '{s: {text: "a source"}}'))
        assert "read is missing; add it" in said

    def test_the_day_of_the_file_is_enough(self, small: Edit, file: str):
        root = small(file, DATED, '{s: "a source"}')
        path = root / file
        content = path.read_text(encoding="utf-8")
        path.write_text(
            content.replace("schema: 1\n", "schema: 1\nas_of: 2026-11-23\n", 1), encoding="utf-8"
        )
        load(root)

    def test_a_day_after_the_catalogues_is_refused(self, small: Edit, file: str):
        said = message(small(file, "read: 2026-11-24", "read: 2026-11-25"))
        assert "source 's' was read on 2026-11-25, after the catalogue's as_of 2026-11-24" in said
        assert "raise as_of in products.yml" in said

    def test_no_such_day(self, small: Edit, file: str):
        said = message(small(file, "read: 2026-11-24", "read: 2026-02-30"))
        assert "'2026-02-30' is not a day of the calendar" in said


def test_the_days_of_the_single_files_count_too(small: Edit):
    said = message(small("requirements.yml", "as_of: 2026-11-24", "as_of: 2026-12-01"))
    assert said.startswith("catalog/requirements.yml:3: source 's' was read on 2026-12-01, after")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("disputed_from: 15.1.2176.4", "disputed_from without dispute; say who disagrees"),
        ("dispute: d", "dispute without disputed_from; "),
        ("disputed_source: t", "disputed_source without disputed_from; "),
        (
            "disputed_from: 15.1.2176.4, dispute: d",
            "disputed_from without disputed_source; say who disagrees",
        ),
        (
            "disputed_from: 15.1.2176.9, dispute: d, disputed_source: t",
            "disputed_from 15.1.2176.9 is not below 15.1.2176.9 in the same cumulative update",
        ),
        (
            "disputed_from: 15.1.2176.12, dispute: d, disputed_source: t",
            "disputed_from 15.1.2176.12 is not below 15.1.2176.9 in the same cumulative update",
        ),
        (
            "disputed_from: 15.1.2106.8, dispute: d, disputed_source: t",
            "disputed_from 15.1.2106.8 is not below 15.1.2176.9 in the same cumulative update",
        ),
        (
            "disputed_from: 15.1.2176.4, dispute: d, disputed_source: s",
            "source 's' disagrees with itself; name the source of each of the two builds",
        ),
        (
            "disputed_from: 15.1.2176.4, dispute: d, disputed_source: nobody",
            "source 'nobody' is not defined; define it at the top (s, t)",
        ),
    ],
)
def test_a_dispute_that_is_none_is_refused(small: Edit, given: str, expected: str):
    said = message(_with_two_sources(small, f"{LINE[:-1]}, {given}}}"))
    assert said.startswith("catalog/vulnerabilities/2021.yml:8: ")
    assert expected in said


def _with_two_sources(small: Edit, line: str) -> Path:
    root = small(CVES, LINE, line)
    path = root / CVES
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            DATED,
            '{s: {text: "a source", read: 2026-11-24}, t: {text: "another", read: 2026-11-22}}',
        ),
        encoding="utf-8",
    )
    return root


def test_a_dispute_names_its_source_and_the_day_of_that(small: Edit):
    given = "disputed_from: 15.1.2176.4, dispute: d, disputed_source: t"
    found = load(_with_two_sources(small, f"{LINE[:-1]}, {given}}}"))
    (fix,) = found.vulnerability("CVE-2021-26855").fixes
    assert (fix.read, fix.disputed_read) == (date(2026, 11, 24), date(2026, 11, 22))
    assert (fix.source, fix.disputed_source) == ("a source", "another")


def test_a_build_that_fixes_other_cves_only_is_no_fix(small: Edit):
    root = small(BUILDS, "update: Mar21SU,", "update: Mar21SU, only_fixes: [CVE-2021-27065],")
    assert "CVE-2021-26855: 15.1.2176.9 fixes only CVE-2021-27065; remove the line" in message(root)


def test_only_fixes_names_known_cves(small: Edit):
    change = "only_fixes: [CVE-2021-26855, CVE-2021-99999],"
    root = small(BUILDS, "update: Mar21SU,", f"update: Mar21SU, {change}")
    assert "only_fixes of 15.1.2176.9 names CVE-2021-99999" in message(root)
    root = small(BUILDS, "update: Mar21SU,", "update: Mar21SU, only_fixes: [Mar21SU],")
    assert "'Mar21SU' is not a CVE or ADV number" in message(root)


class TestLines:
    """What a table of fixed builds must hold to, whatever the sources say."""

    def test_an_update_fixes_what_was_known_when_it_came_out(self, catalog: Catalog):
        """An update of an earlier year cannot be the fix, unless a state decides as well."""
        for cve in catalog.cves():
            record = catalog.vulnerability(cve)
            if record.state or not cve.startswith("CVE-"):
                continue
            year = int(cve.split("-")[1])
            for fix in record.fixes:
                assert catalog.released(fix.build) >= date(year, 1, 1), (cve, str(fix.build))

    def test_the_fix_is_the_update_that_the_record_names(self, catalog: Catalog):
        # Fixed again a month later; December 2018 by one source, October by another.
        known = {("CVE-2023-21707", "Feb23SU"), ("CVE-2018-8604", "Oct18SU")}
        for cve in catalog.cves():
            record = catalog.vulnerability(cve)
            for fix in record.fixes:
                info = catalog.find_build(fix.build)
                if info.kind in ("SU", "HU") and (cve, info.update) not in known:
                    assert info.update == record.update, (cve, info.title)

    def test_a_derived_line_is_a_cumulative_update_released_after_every_update(self, catalog):
        for cve in catalog.cves():
            fixes = catalog.vulnerability(cve).fixes
            for fix in fixes:
                if not fix.source.startswith("derived: first CU"):
                    continue
                info = catalog.find_build(fix.build)
                read = [
                    catalog.released(other.build)
                    for other in fixes
                    if other.product == fix.product and not other.source.startswith("derived")
                ]
                last = max(read)
                assert info.kind == "CU"
                assert info.released >= last, (cve, info.title)

    def test_no_cumulative_update_between_two_lines_is_taken_for_fixed(self, catalog: Catalog):
        """A CU without a line is fixed only above the highest line of its product."""
        for cve in catalog.cves():
            fixes = catalog.vulnerability(cve).fixes
            for product in {fix.product for fix in fixes}:
                mine = [fix for fix in fixes if fix.product == product]
                lined, top = {fix.cu for fix in mine}, max(fix.build for fix in mine)
                for cu in catalog.cumulative_updates(product):
                    if cu.cu not in lined and cu.build < top:
                        status = catalog.exposure(cve, cu.build).status
                        assert status in ("change-cu", "open", "unconfirmed"), (cve, cu)
