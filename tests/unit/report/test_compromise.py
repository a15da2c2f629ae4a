# SPDX-License-Identifier: GPL-3.0-or-later
"""Exposure and compromise are two verdicts, and every format shows both."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.document import (
    group,
    load,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.entries import (
    next_step,
    scan_reminders,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.exit_code import exit_code
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.csv_writer import (
    checks_csv,
    hosts_csv,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.html import html
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.junit import junit
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.runbook import (
    runbook_html,
    runbook_md,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.terminal import (
    terminal_table,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.write import write
from defusedxml import ElementTree

from .samples import CLEAN, HOSTILE, OPEN, compromise, report, unreached

if TYPE_CHECKING:
    from pathlib import Path


def _one(state: str | None, host: dict[str, Any] = CLEAN, **more: Any) -> dict[str, Any]:
    return report(host, compromise={host["host"]: compromise(state, **more)})


@pytest.mark.parametrize(
    ("state", "code", "pile"),
    [
        ("indicator-found", 1, "findings"),
        ("conflict", 1, "findings"),
        ("inconclusive", 3, "unknown"),
        ("no-indicator", 0, "nothing-found"),
        (None, 0, "nothing-found"),
    ],
)
def test_a_patched_server_is_judged_by_what_tools_found_too(
    state: str | None, code: int, pile: str
) -> None:
    model = _one(state)
    assert exit_code(model) == code
    assert group(model["hosts"][0]) == pile
    assert model["totals"]["by_compromise"][state or "not-examined"] == 1


def test_a_server_where_something_was_found_comes_first_and_is_an_incident() -> None:
    found = {"ex1": compromise("indicator-found")}
    model = report(CLEAN, OPEN, compromise=found)
    lines = terminal_table(model, columns=120).splitlines()
    assert lines[1].split()[:3] == ["ex1", "fixed", "indicator-found"]
    assert "Treat it as an incident" in next_step(model["hosts"][0])


def test_a_finding_on_a_server_that_cannot_be_reached_now_is_still_an_incident() -> None:
    model = _one("indicator-found", unreached("ex1"))
    assert "Treat it as an incident" in next_step(model["hosts"][0])
    assert exit_code(model) == 3


def test_a_record_that_cannot_be_read_may_tell_of_anything() -> None:
    model = report(CLEAN, unreadable={"cases/one/ex1/detection.json": "ValueError: cut"})
    assert exit_code(model) == 3
    assert "NOT READ: cases/one/ex1/detection.json: ValueError: cut" in terminal_table(
        model, columns=200
    )
    assert "cases/one/ex1/detection.json" in html(model)


@pytest.mark.parametrize("state", ["indicator-found", "conflict", "inconclusive", "no-indicator"])
def test_every_format_says_both(state: str) -> None:
    model = _one(state)
    table = terminal_table(model, columns=120).splitlines()
    assert table[0].split()[1:3] == ["EXPOSURE", "COMPROMISE"]
    assert table[1].split()[1:3] == ["fixed", state]
    (row,) = csv.DictReader(io.StringIO(hosts_csv(model)))
    assert (row["verdict"], row["compromise"]) == ("fixed", state)
    names = {row["check"]: row for row in csv.DictReader(io.StringIO(checks_csv(model)))}
    assert names["test-proxylogon/CVE-2021-26855"]["summary"].startswith(state)
    page = html5lib.parse(html(model), namespaceHTMLElements=False)
    badges = {node.get("class") for node in page.iter("span")}
    assert {"badge v-fixed", f"badge c-{state}"} <= badges
    assert f"| Verdict on compromise | {state} |" in "".join(runbook_md(model))
    assert f"<dt>Compromise</dt><dd>{state}</dd>" in "".join(runbook_html(model))
    kind = {"inconclusive": "error", "no-indicator": None}.get(state, "failure")
    (case,) = [
        case
        for case in ElementTree.fromstring(junit(model)).iter("testcase")
        if case.get("name") == "test-proxylogon/CVE-2021-26855"
    ]
    assert [child.tag for child in case] == ([kind] if kind else [])


def test_a_finding_points_to_its_evidence() -> None:
    line = next(
        row for row in csv.DictReader(io.StringIO(checks_csv(_one("indicator-found"))))
        if row["check"].startswith("test-proxylogon")
    )  # fmt: skip
    assert "run/EX1/detection/job/0001.bin, seen, SHA-256 aaaaaaaaaaaaaaaa" in line["summary"]
    assert "2021-01-01T00:00:00Z to an unknown time, missing: seen" in line["source"]


@pytest.mark.parametrize(
    ("scans", "text"),
    [
        ([("late", "2021-04-05"), ("planned", "2021-04-12")],
         "0 of 2 full scans are done; the first was due by 2021-04-05 16:00 UTC (seen)"),
        ([("done", "2021-04-05"), ("due", "2021-04-12")],
         "1 of 2 full scans are done; that of week 1 is due by 2021-04-12 16:00 UTC"),
        ([("done", "2021-04-05"), ("planned", "2021-04-12")],
         "1 of 2 full scans are done; that of week 1 comes next, by 2021-04-12 16:00 UTC"),
        ([("done", "2021-04-05"), ("done", "2021-04-12")], None),
        ([], None),
    ],
)  # fmt: skip
def test_reminders_say_what_is_late_due_or_next(
    scans: list[tuple[str, str]], text: str | None
) -> None:
    model = report(CLEAN, compromise={"ex1": compromise("no-indicator", "seen", *scans)})
    assert scan_reminders(model["hosts"][0]) == ([text] if text else [])
    (row,) = csv.DictReader(io.StringIO(hosts_csv(model)))
    assert row["scans"] == (text or "")
    assert ("**Scans:**" in "".join(runbook_md(model))) is bool(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_tool_printed_is_inert_in_the_runbook(text: str) -> None:
    def page(value: str) -> list[str]:
        model = report(
            CLEAN,
            compromise={"ex1": compromise("indicator-found", value, ("late", "2021-04-05"))},
        )
        tree = html5lib.parse("".join(runbook_html(model)), namespaceHTMLElements=False)
        return [str(node.tag) for node in tree.iter()]

    assert page(text) == page("plain")


def test_a_narrow_terminal_keeps_host_and_verdicts() -> None:
    model = _one("inconclusive", OPEN)
    head, row = terminal_table(model, columns=80).splitlines()[:2]
    assert max(len(head), len(row)) <= 80
    assert head.split() == ["HOST", "EXPOSURE", "COMPROMISE", "EXCHANGE", "BUILD", "FINDINGS", "UNKNOWN"] \
        or {"HOST", "EXPOSURE", "COMPROMISE", "FINDINGS", "UNKNOWN"} <= set(head.split())  # fmt: skip
    narrow = terminal_table(model, columns=60).splitlines()[0].split()
    assert narrow == ["HOST", "EXPOSURE", "COMPROMISE", "FINDINGS", "UNKNOWN"]


def test_a_report_of_before_is_still_read(tmp_path: Path) -> None:
    write(report(CLEAN), tmp_path, ["json"])
    path = tmp_path / "report.json"
    old = json.loads(path.read_text())
    for host in old["hosts"]:
        del host["compromise"]
    del old["totals"]["by_compromise"], old["run"]["unreadable"]
    path.write_text(json.dumps(old))
    model = load(path)
    assert "not-examined" in terminal_table(model, columns=120)
    assert "not examined" in html(model)
