# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mistake in a file has its own message: file, line, what is wrong, and its cure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load

Edit = Callable[..., Path]

BUILDS = "builds/exchange2016.yml"
CVES = "vulnerabilities/2021.yml"
STOP = "mitigations/stop-it.yml"
DRILL = "campaigns/drill.yml"


def message(root: Path) -> str:
    with pytest.raises(CatalogError) as error:
        load(root)
    return str(error.value)


def test_the_small_catalogue_is_valid(small: Edit):
    catalog = load(small())
    assert catalog.campaign_status("drill", Build.parse("15.1.2176.2")).status == "open"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        pytest.param(
            BUILDS,
            "build: 15.1.2176.9",
            "build: 15.1.x",
            "catalog/builds/exchange2016.yml:7: build '15.1.x' is not a four-part build; "
            "write it as four numbers such as 15.1.2176.9",
            id="bad version",
        ),
        pytest.param(
            BUILDS,
            "build: 15.1.2176.9",
            "build: 15.1",
            "catalog/builds/exchange2016.yml:7: build is 15.1, not text; "
            "write it as four numbers such as 15.1.2176.9",
            id="version that YAML reads as a number",
        ),
        pytest.param(
            BUILDS,
            "build: 15.1.2176.9",
            "build: 15.1.2176.2",
            "catalog/builds/exchange2016.yml:7: build 15.1.2176.2 is listed twice "
            "(already Exchange2016 CU19); remove one of the lines",
            id="duplicate build",
        ),
        pytest.param(
            BUILDS,
            "schema: 1",
            "schema: 2",
            "catalog/builds/exchange2016.yml:2: schema version 2 is from the future, "
            "this release reads 1; upgrade the collection, or use the file of this release",
            id="schema from the future",
        ),
        pytest.param(
            BUILDS,
            "schema: 1\n",
            "",
            "catalog/builds/exchange2016.yml:2: schema version is None; write 'schema: 1'",
            id="no schema version",
        ),
        pytest.param(
            BUILDS,
            "schema: 1",
            "schema: true",
            "catalog/builds/exchange2016.yml:2: schema version is True; write 'schema: 1'",
            id="schema version that is not a number",
        ),
        pytest.param(
            BUILDS,
            "product: Exchange2016",
            "product: Exchange2020",
            "catalog/builds/exchange2016.yml:3: product 'Exchange2020' is not in the catalogue; "
            "add it to products.yml",
            id="unknown product",
        ),
        pytest.param(
            BUILDS,
            "date: 2021-03-02",
            "date: 2021-02-30",
            "catalog/builds/exchange2016.yml:7: '2021-02-30' is not a day of the calendar; "
            "correct it",
            id="no such day",
        ),
        pytest.param(
            BUILDS,
            "date: 2021-03-02",
            "date: 02.03.2021",
            "catalog/builds/exchange2016.yml:7: date '02.03.2021' is not a day or month; "
            "write it as YYYY-MM-DD, or YYYY-MM where the day is not known",
            id="other form of date",
        ),
        pytest.param(
            BUILDS,
            "kind: SU",
            "kind: XX",
            "catalog/builds/exchange2016.yml:7: kind 'XX' is not one of CU, RU, SU, HU; "
            "use one of those",
            id="unknown kind",
        ),
        pytest.param(
            BUILDS,
            "kb: KB5000871",
            "kb: 5000871",
            "catalog/builds/exchange2016.yml:7: kb is 5000871, not text; "
            "write it as KB and its digits, such as KB5000871",
            id="KB without its letters",
        ),
        pytest.param(
            BUILDS,
            "kind: SU, ",
            "",
            "catalog/builds/exchange2016.yml:7: kind is missing; "
            "add it, as the neighbouring entries do",
            id="missing key",
        ),
        pytest.param(
            BUILDS,
            "kind: SU, ",
            "kind: SU, colour: red, ",
            "catalog/builds/exchange2016.yml:7: unknown key 'colour'; known are build, cu, kind, ",
            id="unknown key",
        ),
        pytest.param(
            BUILDS,
            "kind: SU, ",
            "kind: SU, kind: CU, ",
            "catalog/builds/exchange2016.yml:7: the key 'kind' stands twice in the same mapping; "
            "keep one of them",
            id="key twice",
        ),
        pytest.param(
            BUILDS,
            "schema: 1",
            "schema: 1\nloop: &loop [*loop]",
            "catalog/builds/exchange2016.yml:3: what stands here is repeated with an alias",
            id="alias to itself",
        ),
        pytest.param(
            BUILDS,
            "schema: 1",
            "schema: 1\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
            "catalog/builds/exchange2016.yml:3: what stands here is repeated with an alias",
            id="aliases that multiply",
        ),
        pytest.param(
            BUILDS,
            "update: Mar21SU, source: s",
            "update: Mar21SU, source: t",
            "catalog/builds/exchange2016.yml:7: source 't' is not defined; "
            "define it at the top (s)",
            id="source without text",
        ),
        pytest.param(
            CVES,
            "build: 15.1.2176.9",
            "build: 15.1.2176.8",
            "catalog/vulnerabilities/2021.yml:8: CVE-2021-26855: fixed build 15.1.2176.8 is in no "
            "builds table; add it to builds/ of Exchange2016, or correct the number",
            id="fixed build in no table",
        ),
        pytest.param(
            CVES,
            "cu: CU19",
            "cu: CU18",
            "catalog/vulnerabilities/2021.yml:8: CVE-2021-26855: build 15.1.2176.9 is "
            "Exchange2016 CU19, the line says Exchange2016 CU18; correct the line",
            id="fixed build of another CU",
        ),
        pytest.param(
            CVES,
            "kb: KB5000871",
            "kb: KB5000872",
            "catalog/vulnerabilities/2021.yml:8: CVE-2021-26855: build 15.1.2176.9 is KB5000871, "
            "the line says KB5000872; correct one of the two",
            id="fixed build of another KB",
        ),
        pytest.param(
            CVES,
            "cve: CVE-2021-26855",
            "cve: CVE-21-26855",
            "catalog/vulnerabilities/2021.yml:5: cve 'CVE-21-26855' is not a CVE or ADV number; "
            "write it as CVE-2021-26855",
            id="bad CVE number",
        ),
        pytest.param(
            CVES,
            "source: s}",
            "source: s}\n      - {product: Exchange2016, cu: CU19, build: 15.1.2176.9, source: s}",
            "catalog/vulnerabilities/2021.yml:9: CVE-2021-26855: 15.1.2176.9 stands twice; "
            "remove one line",
            id="fix twice",
        ),
        pytest.param(
            CVES,
            "source: s}",
            "disputed_from: 15.1.2176.8, source: s}",
            "catalog/vulnerabilities/2021.yml:8: CVE-2021-26855: disputed_from without dispute; "
            "say who disagrees",
            id="dispute without words",
        ),
        pytest.param(
            CVES,
            "    fixes:",
            "    statements:\n      - {product: Exchange2016, status: open, reason: r, source: s}\n"
            "    fixes:",
            "catalog/vulnerabilities/2021.yml:8: CVE-2021-26855: Exchange2016 has fixes or a "
            "statement already; keep one",
            id="statement against fixes",
        ),
        pytest.param(
            DRILL,
            "cve: CVE-2021-26855",
            "cve: CVE-2021-99999",
            "catalog/campaigns/drill.yml:10: CVE 'CVE-2021-99999' is not in the catalogue; "
            "add it with its fixed builds to vulnerabilities/, or correct the number",
            id="campaign names an unknown CVE",
        ),
        pytest.param(
            DRILL,
            "mitigations: [stop-it]",
            "mitigations: [stop-that]",
            "catalog/campaigns/drill.yml:10: mitigation 'stop-that' is not in the catalogue; "
            "add a file to mitigations/, or correct the id",
            id="campaign names an unknown mitigation",
        ),
        pytest.param(
            DRILL,
            "published: 2021-03-02",
            "published: 2021-03-02\ndirective: ed-99-99",
            "catalog/campaigns/drill.yml:7: directive 'ed-99-99' is not in the catalogue; "
            "add a file to directives/, or correct the id",
            id="campaign names an unknown directive",
        ),
        pytest.param(
            DRILL,
            "published: 2021-03-02",
            "published: 2021-03-02\nindicator_sets: [none]",
            "catalog/campaigns/drill.yml:7: indicator set 'none' is not in the catalogue; "
            "add a file to indicators/, or correct the id",
            id="campaign names an unknown indicator set",
        ),
        pytest.param(
            DRILL,
            "log_window: {from: 2021-01-01",
            "log_window: {from: yesterday",
            "catalog/campaigns/drill.yml:11: from 'yesterday' is not a day; write it as YYYY-MM-DD",
            id="log window from no day",
        ),
        pytest.param(
            DRILL,
            "title: Drill",
            "title: [Drill",
            "catalog/campaigns/drill.yml:5: not valid YAML: ",
            id="YAML syntax error",
        ),
        pytest.param(
            DRILL,
            "title: Drill",
            "title:\tDrill: again: {",
            "catalog/campaigns/drill.yml:4: not valid YAML: ",
            id="another YAML syntax error",
        ),
        pytest.param(
            STOP,
            "kind: service",
            "kind: app-pool",
            "catalog/mitigations/stop-it.yml:2: a mitigation of kind app-pool has no app_pools; "
            "add app_pools",
            id="mitigation without its content",
        ),
        pytest.param(
            STOP,
            "when: fixed",
            "when: build",
            "catalog/mitigations/stop-it.yml:15: 'builds' belongs to 'when: build'; "
            "add or remove one of the two",
            id="removal at a build without builds",
        ),
        pytest.param(
            STOP,
            "cves: [CVE-2021-26855]",
            "cves: [CVE-2021-26856]",
            "catalog/mitigations/stop-it.yml:6: CVE 'CVE-2021-26856' is not in the catalogue; "
            "add it to vulnerabilities/, or correct the number",
            id="mitigation names an unknown CVE",
        ),
        pytest.param(
            "products.yml",
            "until: null",
            "until: soon",
            "catalog/products.yml:11: until 'soon' is not a day; write it as YYYY-MM-DD",
            id="support until no day",
        ),
    ],
)
def test_mistake_is_named_with_file_line_and_cure(small: Edit, file, old, new, expected):
    assert message(small(file, old, new)).startswith(expected)


def test_three_thousand_levels_are_too_deep(small: Edit):
    """Which line is named depends on who notices: PyYAML from 6.0.4 on, or the loader."""
    said = message(small(BUILDS, "schema: 1", f"schema: 1\ndeep: {'[' * 3000}{']' * 3000}"))
    assert re.match(r"catalog/builds/exchange2016\.yml:\d+: nested too deep; ", said)


def test_empty_file(small: Edit):
    root = small()
    (root / DRILL).write_text("", encoding="utf-8")
    assert message(root) == (
        "catalog/campaigns/drill.yml:1: the file is empty; write its content or remove it"
    )


def test_file_that_is_a_list(small: Edit):
    root = small()
    (root / DRILL).write_text("- a\n- b\n", encoding="utf-8")
    assert message(root) == (
        "catalog/campaigns/drill.yml:1: the file is not a mapping; start it with 'schema: 1'"
    )


def test_file_in_another_encoding(small: Edit):
    root = small()
    (root / DRILL).write_bytes("title: für alle\n".encode("latin-1"))
    assert "drill.yml:1: is not UTF-8" in message(root)


def test_control_character_in_a_file(small: Edit):
    root = small()
    (root / DRILL).write_bytes(b"title: a\x07b\n")
    assert "drill.yml:1: not valid YAML" in message(root)


def test_the_same_campaign_in_two_files(small: Edit):
    root = small()
    (root / "campaigns" / "zweite.yml").write_bytes((root / DRILL).read_bytes())
    assert message(root) == (
        "catalog/campaigns/zweite.yml:3: campaign 'drill' exists twice; "
        "rename one of the two files' id"
    )


def test_campaign_names_a_mitigation_that_is_for_another_cve(small: Edit):
    root = small(CVES, "vulnerabilities:\n", "vulnerabilities:\n  - {cve: CVE-2021-1, fixes: []}\n")
    assert "'CVE-2021-1' is not a CVE or ADV number" in message(root)
    root = small(
        CVES, "vulnerabilities:\n", "vulnerabilities:\n  - {cve: CVE-2021-1111, fixes: []}\n"
    )
    drill = root / DRILL
    drill.write_text(
        drill.read_text(encoding="utf-8").replace("CVE-2021-26855", "CVE-2021-1111"),
        encoding="utf-8",
    )
    assert message(root) == (
        "catalog/campaigns/drill.yml:10: mitigation 'stop-it' does not say that it is for "
        "CVE-2021-1111; add the CVE to its file, or drop it here"
    )


def test_product_without_builds(small: Edit):
    root = small()
    (root / BUILDS).unlink()
    (root / CVES).unlink()
    (root / STOP).unlink()
    (root / DRILL).unlink()
    assert message(root) == (
        "catalog/products.yml:1: Exchange2016 has no builds; add a file to builds/"
    )


def test_folder_that_is_no_catalogue(tmp_path: Path):
    assert "has no products.yml" in message(tmp_path)


def test_rule_needs_exactly_one_current_revision(copied: Path):
    path = copied / "mitigations" / "powershell-autodiscover.yml"
    text = path.read_text(encoding="utf-8").replace("validity: current", "validity: weaker")
    path.write_text(text, encoding="utf-8")
    found = message(copied)
    assert found.endswith(
        "rule 'powershell-inbound' has 0 revisions marked current; "
        "mark exactly one: the one to apply"
    )


def test_outbound_rule_must_match_a_server_variable(copied: Path):
    path = copied / "mitigations" / "owa-csp-outbound.yml"
    text = path.read_text(encoding="utf-8").replace(
        "server_variable: RESPONSE_Content_Security_Policy, ", "", 1
    )
    path.write_text(text, encoding="utf-8")
    assert "an outbound rule matches without server_variable; add it" in message(copied)


def test_removal_threshold_must_be_a_build_of_its_cu(copied: Path):
    path = copied / "mitigations" / "owa-csp-outbound.yml"
    text = path.read_text(encoding="utf-8").replace("build: 15.2.1748.48", "build: 15.2.1748.47")
    path.write_text(text, encoding="utf-8")
    assert "build 15.2.1748.47 is not a build of Exchange2019 CU15" in message(copied)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("build: 15.1.2176.9,", "build: 15.1.2176.8,", "is not in the table of Exchange2016"),
        (
            "kb: KB5000871, build: 15.1.2176.9,",
            "kb: KB5001779, build: 15.1.2176.9,",
            "build 15.1.2176.9 is KB5000871, the line says KB5001779; correct the line",
        ),
        ("file: Exchange2016-KB5001779", "file: ../Exchange2016-KB5001779", "not a bare file name"),
        ("source: table}", "sha256: ABC, source: table}", "sha256 'ABC' is not a SHA-256"),
    ],
)
def test_mistake_in_a_package(copied: Path, old: str, new: str, expected: str):
    path = copied / "packages" / "exchange2016.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = message(copied)
    assert found.startswith("catalog/packages/exchange2016.yml:")
    assert expected in found


def test_line_points_into_a_long_file(copied: Path):
    path = copied / BUILDS
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "15.1.2176.9," in line)
    path.write_text(
        "\n".join(lines).replace("build: 15.1.2176.9,", "build: 15.1.2176.x,"), encoding="utf-8"
    )
    assert message(copied).startswith(f"catalog/builds/exchange2016.yml:{number}: build ")
