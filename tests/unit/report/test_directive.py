# SPDX-License-Identifier: GPL-3.0-or-later
"""What the directive wants, in every format: the same words, inert, and late things first."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.directive import (
    DirectiveInputs,
    host_directive,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.sources import (
    wrong_answers,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.document import (
    build,
    check,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.exit_code import exit_code
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.csv_writer import (
    hosts_csv,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.html import (
    html_parts,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.runbook import (
    markdown_text,
    runbook_html,
    runbook_md,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.terminal import (
    terminal_table,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.attestations import (
    Attestation,
)

from .samples import RUN, TOOL, exposure, host_result

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOW = datetime(2021, 3, 6, tzinfo=UTC)


def _said(value: str) -> dict[str, Any]:
    """A host that says this of itself wherever it may say something."""
    host = host_result("ex01")
    host["assessment"]["identity"] |= {
        "name": value,
        "product": value,
        "dag": value,
        "roles": [value],
    }
    return host


def _report(
    inventory: Mapping[str, Any] | None = None,
    attestations: tuple[Attestation, ...] = (),
    missing: Mapping[str, str] | None = None,
    campaign: str = "proxylogon",
    **results: dict[str, Any],
) -> dict[str, Any]:
    catalog = load()
    inputs = DirectiveInputs(inventory or {}, attestations)
    hosts = results or {"ex01": host_result("ex01"), "ex02": host_result("ex02")}
    return build(
        run=RUN, tool=TOOL, inventory=list(hosts), results=hosts, missing=missing,
        directive=lambda entry: host_directive(
            catalog, catalog.campaign(campaign), entry, inputs, _NOW
        ),
    )  # fmt: skip


def _host(report: dict[str, Any], name: str = "ex01") -> dict[str, Any]:
    return next(host for host in report["hosts"] if host["host"] == name)


def test_inventory_server_and_persons_answer_and_are_named() -> None:
    said = Attestation(
        "ex01", "ed-21-02", {"indicator": "no"}, ("action 1 collect",), "J. Doe", "w", _NOW
    )
    other = Attestation("ex02", "ed-21-02", {"indicator": "yes"}, (), "J. Doe", "w", _NOW)
    report = _report({"ex01": {"expertise": True}}, (said, other))
    wanted = _host(report)["directive"]

    assert wanted["answered_by"]["expertise"] == "the inventory"
    assert wanted["answered_by"]["indicator"].startswith("attested by J. Doe on 2021-03-06")
    assert wanted["answered_by"]["roles"] == "the server"
    assert wanted["met_by"] == {"action 1 collect": wanted["answered_by"]["indicator"]}
    assert wanted["next"] == "action 1 inventory"
    assert _host(report, "ex02")["directive"]["situation"]["indicator"] == "yes"
    check(report, "here")


def test_a_role_that_we_do_not_know_may_be_a_server_s() -> None:
    host = host_result("ex01")
    host["assessment"]["identity"]["roles"] = ["ManagementTools", "Something"]
    wanted = _host(_report(ex01=host))["directive"]

    assert wanted["situation"]["roles"] == ["unknown"]
    assert "roles" in [row["name"] for row in wanted["questions"]]


def test_a_statement_about_nobody_is_said_in_the_report() -> None:
    said = Attestation("ex01.corp.example", "ed-21-02", {"indicator": "yes"}, (), "J.", "w", _NOW)
    report = _report(attestations=(said,))

    (note,) = _host(report)["directive"]["conflicts"]
    assert "for ex01.corp.example: no host of the inventory has that name" in note
    assert _host(report, "ex02")["directive"]["conflicts"] == []


def test_wrong_answers_of_the_inventory_lose_nothing_and_are_said() -> None:
    report = _report({"ex01": {"expertice": "yes"}, "ex02": "all fine"})

    assert "'expertice' is no answer" in _host(report)["directive"]["conflicts"][0]
    assert "not a mapping of answers" in _host(report, "ex02")["directive"]["conflicts"][0]
    assert wrong_answers("ex01", {"expertice": 1}) is not None
    assert wrong_answers("ex01", {"expertise": "no"}) is None
    assert wrong_answers("ex01", None) is None


def test_a_server_that_nobody_listed_is_in_every_format_and_never_a_pass() -> None:
    report = _report(missing={"ex09.corp.example": "the directory knows it"})

    assert exit_code(report) == 3
    assert _host(report, "ex09.corp.example")["state"] == "not-in-inventory"
    assert report["totals"]["by_state"]["not-in-inventory"] == 1
    assert "2 inventory hosts and 1 that no inventory has" in terminal_table(report)
    for text in ("".join(html_parts(report)), hosts_csv(report), "".join(runbook_md(report))):
        assert "ex09.corp.example" in text


def test_late_comes_before_next_in_all_formats() -> None:
    host = host_result("ex01")
    host["assessment"]["at"] = "2021-03-06T00:00:00Z"
    report = _report({"ex01": {"expertise": "no"}}, ex01=host)
    table = terminal_table(report, columns=100)

    assert (
        table.index("first: disconnect")
        < table.index("late: action 5")
        < table.index("next: action 3a")
    )
    row = next(csv.DictReader(io.StringIO(hosts_csv(report))))
    assert row["directive_next"] == "action 3a"
    assert row["directive_late"] == "action 5"
    assert "expertise" not in row["directive_questions"]
    page = "".join(html_parts(report))
    assert "disconnect: nothing goes before it" in page
    assert "late</strong>" in page


def test_deadlines_of_a_table_follow_from_what_is_open() -> None:
    host = host_result("ex01", "vulnerable", [exposure("CVE-2026-42897", "vulnerable")])
    host["assessment"]["at"] = "2026-06-20T00:00:00Z"
    wanted = _host(_report(campaign="cve-2026-42897", ex01=host))["directive"]

    assert wanted["directive"] == "bod-26-04"
    assert wanted["fix_deadlines"] == [
        {"cve": "CVE-2026-42897", "days": 3, "due": "2026-05-18", "triage": True, "late": True}
    ], "an asset of which it is not known counts as exposed"
    assert wanted["situation"]["triage"] == "yes"
    assert wanted["permissions"]["patch"]["allowed"] == "held-back"


def test_the_runbook_has_the_first_action_first_and_the_organisation_once() -> None:
    report = _report({"ex01": {"expertise": "no"}, "ex02": {"expertise": "no"}})
    text = "".join(runbook_md(report))

    assert text.index("action 3a: first of all") < text.index("action 3b")
    assert text.index("action 3a") < text.index("The organisation, once")
    assert text.count("] action 5\n") == 1
    assert text.count("action 3a: first of all") == 2
    assert "".join(runbook_md(report, ["ex02"])).count("## ex") == 1


def _late_report(**answers: Any) -> dict[str, Any]:
    hosts = {name: host_result(name) for name in answers}
    for host in hosts.values():
        host["assessment"]["at"] = "2021-04-20T00:00:00Z"
    return _report(answers, **hosts)


@pytest.mark.parametrize("runbook", [runbook_md, runbook_html], ids=["md", "html"])
def test_the_runbook_of_a_host_is_in_the_directives_order(runbook: Any) -> None:
    report = _report({"ex01": {"expertise": "yes", "indicator": "yes"}}, ex01=host_result("ex01"))
    text = "".join(runbook(report))
    text = text[: text.index("The organisation, once")]
    clauses = [action["clause"] for action in _host(report)["directive"]["actions"]]
    mark = re.compile(
        r'(?:### \[ \] |box"></span>|Here comes )([a-z0-9 ]+?)(?=\*\*|<|\n| \(|:)', re.IGNORECASE
    )

    assert mark.findall(text) == clauses
    assert clauses.index("action 2e") < clauses.index("action 3a") < clauses.index("action 4")


@pytest.mark.parametrize("runbook", [runbook_md, runbook_html], ids=["md", "html"])
def test_what_is_late_is_marked_and_said_first(runbook: Any) -> None:
    report = _late_report(ex01={"expertise": "no", "internet": "yes"})
    text = "".join(runbook(report))
    late = _host(report)["directive"]["late"]
    organisation = text[text.index("The organisation, once") :]

    assert late[0] == "action 5"
    assert text.index(", ".join(late)) < text.index("action 3a: first of all")
    assert "supplement 1 triage 1: LATE" in text
    assert "action 3a: first of all: LATE" not in text
    assert organisation.index("action 5: LATE") < organisation.index("action 3c")


def test_why_the_organisation_is_asked_is_the_reason_of_the_host_that_orders_it() -> None:
    report = _report({"ex02": {"indicator": "yes"}})
    text = "".join(runbook_md(report))
    entry = text[text.index("] action 4\n") :]

    assert "Why:** an indication of compromise or an anomaly was found (ex02)\n" in entry[:600]


def test_reasons_that_differ_are_each_with_their_hosts() -> None:
    report = _report({"ex01": {"expertise": "no"}, "ex02": {"indicator": "yes"}})
    text = "".join(runbook_md(report))
    entry = text[text.index("] action 3c\n") :][:900]

    assert "the forensic expertise is not there (ex01); an indication" in entry
    assert "was found (ex02)" in entry


_HOSTILE = [
    "<script>alert(1)</script>", "[x](http://evil.example)", "![x](http://evil.example/a)", "`x`", "| a | b |",
    "**bold**", "&lt;b&gt;", "https://evil.example", "www.evil.example", "a@evil.example", "{{ 7*7 }}",
    "\n# heading", "~~x~~", "\\", "<!-- ", "]]>", "\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("hostile", _HOSTILE, ids=ascii)
def test_what_a_host_says_is_text_in_the_runbook(hostile: str) -> None:
    report, plain = _report(ex01=_said(hostile)), _report(ex01=_said("harmless"))
    page, text = "".join(runbook_html(report)), "".join(runbook_md(report))
    tree = html5lib.parse(page, namespaceHTMLElements=False)

    assert {node.tag for node in tree.iter()} == {
        node.tag
        for node in html5lib.parse("".join(runbook_html(plain)), namespaceHTMLElements=False).iter()
    }
    assert text.count("\n") == "".join(runbook_md(plain)).count("\n")
    assert "\x1b" not in text + page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("EX01", "EX01"),
        ("a_b*c", r"a\_b\*c"),
        ("see https://x", r"see https\://x"),
        ("www.x.example", r"www\.x.example"),
        ("a\n\n# b", r"a \# b"),
        ("<b>&amp;", r"\<b\>\&amp;"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


def test_an_older_report_without_a_directive_is_still_read() -> None:
    report = _report()
    for host in report["hosts"]:
        host["directive"] = None

    check(report, "here")
    assert "Emergency Directive" not in terminal_table(report)
    assert "under no directive" in "".join(runbook_md(report))
