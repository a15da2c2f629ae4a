# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.document import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.entries import entries
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.csv_writer import (
    cell,
    checks_csv,
    hosts_csv,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.html import html
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.junit import junit
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.terminal import (
    terminal_table,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.write import (
    FORMATS,
    write,
)
from defusedxml import ElementTree

from .samples import (
    CLEAN,
    DARK,
    FOUND,
    HOSTILE,
    OPEN,
    check,
    compromise,
    exposure,
    host_result,
    report,
    unreached,
)

if TYPE_CHECKING:
    from pathlib import Path

FLEET = report(
    CLEAN,
    OPEN,
    FOUND,
    DARK,
    unreached("ex9"),
    inventory=["ex1", "ex2", "ex3", "ex4", "ex9", "lost"],
)


def hostile_report(text: str) -> dict[str, Any]:
    """A fleet of two, with ``text`` in every string that a host controls."""
    result = host_result(
        "ex1", "vulnerable",
        [exposure("CVE-2021-26855", "vulnerable", text)],
        [check("a.b", "finding", summary=text), check("c.d", "unknown", summary=text)],
    )  # fmt: skip
    identity = result["assessment"]["identity"]
    for key in (
        "name",
        "product",
        "cumulative_update",
        "build",
        "update",
        "dag",
        "os",
        "support_note",
    ):
        identity[key] = text
    identity["roles"] = [text]
    for line in result["assessment"]["checks"]:
        line |= {
            "title": text,
            "remedy": text,
            "clause": text,
            "source": text,
            "evidence": {text: text},
        }
    result["errors"] = [{"source": text, "class": text, "id": text, "message": text}]
    return report(
        result,
        unreached("ex2", reason=text or "?"),
        compromise={"ex1": compromise("indicator-found", text), "ex2": compromise(None, text)},
        unreadable={text: text},
    )


def elements(page: str) -> list[tuple[str, tuple[str, ...]]]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return [
        (str(node.tag), tuple(sorted(node.attrib)))
        for node in tree.iter()
        if isinstance(node.tag, str)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_host_text_makes_no_element_and_no_attribute_in_html(text: str) -> None:
    assert elements(html(hostile_report(text))) == elements(html(hostile_report("plain")))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_csv_cell_starts_a_formula(text: str) -> None:
    model = hostile_report(text)
    for table in (hosts_csv(model), checks_csv(model)):
        for row in csv.reader(io.StringIO(table, newline="")):
            for value in row:
                assert not value.lstrip(" ").startswith(tuple("=+@\t\r\n\0\uff1d")), row
                assert not value.startswith("-") or float(value) < 0


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_stays_well_formed_and_counts_stay_the_same(text: str) -> None:
    root = ElementTree.fromstring(junit(hostile_report(text)))
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "6", "failures": "3", "errors": "2",
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_terminal_gets_no_control_characters(text: str) -> None:
    shown = terminal_table(hostile_report(text), columns=300)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_report_survives_the_disk(tmp_path: Path, text: str) -> None:
    model = hostile_report(text)
    written = write(model, tmp_path, FORMATS)
    assert load(written["report.json"]) == model
    assert not list(tmp_path.glob(".*"))


def test_all_formats_hold_every_inventory_host(tmp_path: Path) -> None:
    names = {"ex1", "ex2", "ex3", "ex4", "ex9", "lost"}
    files = {name: path.read_text() for name, path in write(FLEET, tmp_path, FORMATS).items()}
    assert {row["host"] for row in csv.DictReader(io.StringIO(files["hosts.csv"]))} == names
    assert {row["host"] for row in csv.DictReader(io.StringIO(files["checks.csv"]))} == names
    assert {suite.get("name") for suite in ElementTree.fromstring(files["junit.xml"])} == names
    assert {host["host"] for host in json.loads(files["report.json"])["hosts"]} == names
    assert {
        line.split()[0] for line in files["report.txt"].split("\n\n")[0].splitlines()[1:]
    } == names
    headings = re.findall(r'<section class="host"[^>]*>\s*<h2>(\S+)', files["report.html"])
    assert set(headings) == names


def test_unknown_is_an_error_and_not_a_skip_in_junit() -> None:
    suite = next(item for item in ElementTree.fromstring(junit(FLEET)) if item.get("name") == "ex4")
    case = next(item for item in suite if item.get("name") == "CVE-2021-26855")
    assert [child.tag for child in case] == ["error"]
    assert (suite.get("errors"), suite.get("skipped")) == ("1", "0")


def test_lost_host_fails_its_junit_case() -> None:
    suite = next(
        item for item in ElementTree.fromstring(junit(FLEET)) if item.get("name") == "lost"
    )
    assert [child.tag for child in suite[0]] == ["error"]
    assert suite[0].get("name") == "host.reached"


def test_worst_line_comes_first() -> None:
    host = host_result(
        "ex1", checks=[check("p", "pass"), check("u", "unknown", "high"), check("l", "finding", "low"),
                       check("c", "finding", "critical")],
    )  # fmt: skip
    assert [line.name for line in entries(report(host)["hosts"][0])][:3] == ["c", "l", "u"]


def test_html_forbids_everything_but_its_own_style() -> None:
    page = html(FLEET)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in page
    assert not re.search(r"\sstyle=|\son[a-z]+=|(?:src|href)=\"(?!#)", page)


def test_html_shows_no_python_object() -> None:
    assert "built-in" not in html(FLEET)
    assert "0x" not in html(FLEET)


def test_filter_counts_are_the_rows_that_the_filter_shows() -> None:
    page = html(FLEET)
    shown = dict(re.findall(r'<label for="pick-([a-z-]+)">[^<0-9]*(\d+)</label>', page))
    assert shown.pop("all") == "6"
    assert {name: page.count(f'<tr class="in-{name}">') for name in shown} == {
        name: int(number) for name, number in shown.items()
    }


def test_html_shows_hosts_that_were_not_judged_before_the_fleet() -> None:
    page = html(FLEET)
    assert page.index("2 of 6 hosts were not judged") < page.index('id="fleet"')


def test_terminal_puts_the_most_urgent_host_first_and_says_what_the_exit_status_means() -> None:
    lines = terminal_table(FLEET, columns=120).splitlines()
    assert lines[1].startswith("ex2")
    assert any("Exit status 3" in line for line in lines)
    assert "\x1b[31m" in terminal_table(FLEET, columns=120, colour=True)


def test_a_report_for_another_day_than_its_run_says_so_first_of_all() -> None:
    today = report(CLEAN)
    assert "Judged as of" not in terminal_table(today)
    assert "Judged as of" not in html(today)
    earlier = {**CLEAN, "assessment": {**CLEAN["assessment"], "at": "2021-03-01T00:00:00Z"}}
    for page in (terminal_table(report(earlier)), html(report(earlier))):
        assert "Judged as of 2021-03-01, not of the day of the run" in page


def test_terminal_keeps_wide_names_in_their_columns() -> None:
    lines = terminal_table(report(CLEAN, unreached("取引所")), columns=100).splitlines()
    assert (
        lines[1].index("unreachable") == lines[0].index("EXPOSURE") - 3
    )  # three double-width signs


@pytest.mark.parametrize(("value", "text"), [(None, ""), (-1.5, "-1.5"), (True, "True"), ("-x", "'-x"), (" =1", "' =1"), ("a=1", "a=1")])  # fmt: skip
def test_cell(value: object, text: str) -> None:
    assert cell(value) == text


def test_unknown_format_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown report format pdf; choose from json, html"):
        write(FLEET, tmp_path, ["pdf"])


def test_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("")
    with pytest.raises(ConfigError, match="file: cannot be written"):
        write(FLEET, target, ["json"])


def test_a_limited_run_says_how_many_hosts_it_left_out() -> None:
    limited = FLEET | {"run": FLEET["run"] | {"limit": "ex1,ex2", "inventory_hosts": 27}}
    said = "6 of 27 inventory hosts (limited to ex1,ex2; nothing is said about the others)"
    assert said in terminal_table(limited, columns=200)
    assert said in html(limited)
    assert "limited" not in terminal_table(FLEET, columns=200) + html(FLEET)
