# SPDX-License-Identifier: GPL-3.0-or-later
"""Each word for an exposure has its place in every format, and what is open counts as open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import (
    OPEN_EXPOSURES,
    Exposure,
    Verdict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report import document, entries
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.exit_code import exit_code
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats import terminal
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.csv_writer import (
    hosts_csv,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.html import html
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.junit import junit

from .samples import CLEAN, exposure, host_result, report

_FORMATS = Path(terminal.__file__).parent
_NICE = {Exposure.FIXED, Exposure.NOT_AFFECTED}


def test_verdicts_and_exposures_are_the_same_words() -> None:
    assert {item.value for item in Verdict} == {item.value for item in Exposure}


def test_each_exposure_is_open_nice_or_unknown_and_disputed_is_open() -> None:
    assert OPEN_EXPOSURES | _NICE | {Exposure.UNKNOWN} == set(Exposure)
    assert not OPEN_EXPOSURES & _NICE
    assert Exposure.DISPUTED in OPEN_EXPOSURES


def test_the_schema_knows_each_word() -> None:
    schema = json.loads(document.SCHEMA.read_text(encoding="utf-8"))["$defs"]
    words = {item.value for item in Exposure}
    assert set(schema["assessment"]["properties"]["verdict"]["enum"]) == words
    assert set(schema["exposure"]["properties"]["exposure"]["enum"]) == words


def test_each_verdict_has_a_colour_in_the_page_and_the_table() -> None:
    css = (_FORMATS / "templates" / "report.css").read_text(encoding="utf-8")
    for verdict in Verdict:
        assert f".v-{verdict.value}" in css, verdict
        assert verdict is Verdict.UNKNOWN or verdict.value in terminal._COLOURS


def _host(word: str, *, verdict: str = "fixed") -> dict[str, object]:
    found = [exposure("CVE-2021-26855", "fixed"), exposure("CVE-2021-26412", word)]
    return host_result("ex1", verdict, found)


@pytest.mark.parametrize("word", [item.value for item in Exposure])
def test_one_exposure_decides_the_pile_and_the_exit_status(word: str) -> None:
    """Also of a CVE that the verdict does not rest on: a finding is a finding."""
    model = report(_host(word))
    (host,) = model["hosts"]
    is_open = Exposure(word) in OPEN_EXPOSURES
    lines = {line.name: line for line in entries.entries(host)}
    assert (lines["CVE-2021-26412"].status == "finding") is is_open
    wanted = "findings" if is_open else "unknown" if word == "unknown" else "nothing-found"
    assert document.group(host) == wanted
    assert model["totals"]["by_group"][wanted] == 1
    assert exit_code(model) == {"findings": 1, "unknown": 3, "nothing-found": 0}[wanted]


def test_a_disputed_host_is_shown_as_such_everywhere() -> None:
    model = report(CLEAN, _host("disputed", verdict="disputed") | {"host": "ex2"})
    assert model["totals"]["by_verdict"]["disputed"] == 1
    assert exit_code(model) == 1
    assert terminal.terminal_table(model).splitlines()[1].split()[:2] == ["ex2", "disputed"]
    assert "v-disputed" in html(model)
    line = next(row for row in hosts_csv(model).splitlines() if '"ex2"' in row)
    assert '"disputed","findings"' in line
    assert "CVE-2021-26412" in line
    assert 'failures="1"' in junit(model)


def test_what_is_disputed_is_more_urgent_than_what_is_mitigated_or_unknown() -> None:
    order = [item.value for item in Verdict]
    assert order.index("vulnerable") < order.index("disputed")
    assert order.index("disputed") < order.index("vulnerable-mitigated") < order.index("unknown")


def test_a_report_of_before_the_word_existed_is_still_read(tmp_path: Path) -> None:
    model = report(CLEAN)
    older = json.loads(json.dumps(model))
    del older["totals"]["by_verdict"]["disputed"]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(older), encoding="utf-8")
    assert document.load(path) == model
