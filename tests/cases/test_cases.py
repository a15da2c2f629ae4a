# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge every case of assess/*.yml, and prove that a typo in a case cannot pass."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.check import CHECKS
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.checks.clock import ClockSample
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import moment
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.serialize import assessment_to_dict


def _judge(case: Any) -> dict[str, Any]:
    clock = case.facts.get("clock") if isinstance(case.facts, dict) else None
    host = moment(clock.get("utc")) if isinstance(clock, dict) else None
    sample = None
    if case.clock_ahead is not None:
        controller = (host or case.at) - timedelta(seconds=case.clock_ahead)
        sample = ClockSample(controller, controller)
    return assessment_to_dict(
        assess(case.facts, case.errors, load(), case.campaign, case.at, sample)
    )


def _compare(what: str, wanted: Any, have: Any, why: object = "") -> list[str]:
    return [] if wanted == have else [f"{what}: expected {wanted!r}, got {have!r} {why}"]


def _saying(
    name: str, words: str | list[str], item: dict[str, Any], *, wanted: bool = True
) -> list[str]:
    said = " ".join(str(item.get(key) or "") for key in ("summary", "reason", "remedy", "action"))
    return [
        f"{name} {'does not say' if wanted else 'says'} {word!r}: {said}"
        for word in ([words] if isinstance(words, str) else words)
        if (word in said) is not wanted
    ]


def _mistakes(expect: dict[str, Any], found: dict[str, Any]) -> list[str]:
    checks = {check["check"]: check for check in found["checks"]}
    cves = {item["cve"]: item for item in found["exposures"]}
    elsewhere = {cve for item in found["other_open_cves"] for cve in item["cves"]}
    wrong = []
    if "verdict" in expect:
        wrong += _compare("verdict", expect["verdict"], found["verdict"], found["exposures"])
    named = dict(expect.get("cves", {}))
    everywhere = dict.fromkeys(cves, named.pop("all")) if "all" in named else {}
    for cve, exposure in (everywhere | named).items():
        wrong += _compare(cve, exposure, cves[cve]["exposure"], cves[cve]["reason"])
    for name, status in expect.get("checks", {}).items():
        wrong += _compare(name, status, checks[name]["status"], checks[name]["summary"])
    for name, words in expect.get("says", {}).items():
        wrong += _saying(name, words, checks.get(name) or cves[name])
    for name, words in expect.get("silent", {}).items():
        wrong += _saying(name, words, checks.get(name) or cves[name], wanted=False)
    for name, value in expect.get("identity", {}).items():
        wrong += _compare(f"identity.{name}", value, found["identity"][name])
    for key, status in (("findings", "finding"), ("unknowns", "unknown")):
        have = sorted(name for name, check in checks.items() if check["status"] == status)
        wrong += _compare(key, sorted(expect.get(key, have)), have)
    wrong += [f"{cve} is not open" for cve in expect.get("also_open", ()) if cve not in elsewhere]
    return wrong + [f"{cve} is open" for cve in expect.get("not_open", ()) if cve in elsewhere]


def test_case(case: Any) -> None:
    wrong = _mistakes(case.expect, _judge(case))
    assert not wrong, "\n".join([case.where, *wrong])


def test_the_cases_are_many_and_have_names_of_their_own(read: Any, request: Any) -> None:
    folder = request.path.parent / "assess"
    cases = [case for path in sorted(folder.glob("*.yml")) for case in read(path)]
    single = [case for case in cases if not case.id.endswith("]")]

    assert len({case.id for case in cases}) == len(cases)
    assert len(single) >= 60


def _asserted(case: Any) -> tuple[set[str], set[str]]:
    """The checks that a case expects to fire, and those that it expects to pass."""
    checks = case.expect.get("checks", {})
    fires = {name for name, status in checks.items() if status in {"finding", "unknown"}}
    fires |= {*case.expect.get("findings", ()), *case.expect.get("unknowns", ())}
    passes = {name for name, status in checks.items() if status == "pass"}
    if "findings" in case.expect:  # the list is complete: whoever else fires breaks the case
        judged = {check["check"]: check["status"] for check in _judge(case)["checks"]}
        passes |= {name for name, status in judged.items() if status == "pass"} - fires
    return fires, passes


def test_each_check_has_a_case_that_fires_it_and_one_that_does_not(read: Any, request: Any) -> None:
    folder = request.path.parent / "assess"
    cases = [_asserted(case) for path in sorted(folder.glob("*.yml")) for case in read(path)]
    fired, passed = (set().union(*(pair[which] for pair in cases)) for which in (0, 1))
    every = {*CHECKS, *(f"mitigation.{entry.id}" for entry in load().mitigations())}

    assert every - fired == set()
    assert every - passed == set()


def test_baselines_have_the_shape_that_hosts_send(request: Any) -> None:
    root = request.config.rootpath / "plugins/plugin_utils/facts/facts.schema.json"
    validator = jsonschema.Draft202012Validator(json.loads(root.read_text(encoding="utf-8")))
    for path in sorted((request.path.parent / "baselines").glob("*.yml")):
        if path.stem != "snippets":
            validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


_GOOD = """---
cases:
  - name: x
    given: {build: 15.1.2176.9}
    expect: {verdict: fixed}
"""


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("verdict: fixed", "verdict: fixd"), 5, "unknown verdict 'fixd'; did you mean 'fixed'?"),
        (("verdict: fixed", "verdit: fixed"), 5, "unknown expectation 'verdit'"),
        (("{verdict: fixed}", "{checks: {build.knwon: pass}}"), 5, "unknown check 'build.knwon'"),
        (("{verdict: fixed}", "{checks: {build.known: passed}}"), 5, "unknown status 'passed'"),
        (("{verdict: fixed}", "{cves: {CVE-2020-1: fixed}}"), 5, "unknown CVE of the campaign"),
        (("{verdict: fixed}", "{}"), 5, "a case without expectations cannot fail"),
        (("{verdict: fixed}", "{findings: [reboot]}"), 5, "unknown check 'reboot'"),
        (("build: 15", "biuld: 15"), 4, "unknown key 'biuld'; did you mean 'build'?"),
        (("{build: 15.1.2176.9}", "{with: [umm]}"), 4, "unknown snippet 'umm'"),
        (("{build: 15.1.2176.9}", "{facts: {servces: {}}}"), 4, "unknown section of the facts"),
        (("{build: 15.1.2176.9}", "{baseline: exchange}"), 4, "unknown baseline 'exchange'"),
        (("name: x", "name: x\n    at: yesterday"), 4, "'at' must be a date"),
        (("name: x", "name: x\n    campaign: proxyl"), 4, "unknown campaign 'proxyl'"),
        (("name: x", "nmae: x"), 3, "unknown key 'nmae'; did you mean 'name'?"),
        (("cases:", "caess:"), 2, "unknown key 'caess'; did you mean 'cases'?"),
        (("{verdict: fixed}", "{verdict: fixed"), 6, "not YAML"),
    ],
)
def test_a_typo_in_a_case_is_refused_with_file_and_line(
    read: Any, tmp_path: Any, change: tuple[str, str], line: int, message: str
) -> None:
    path = tmp_path / "typo.yml"
    path.write_text(_GOOD.replace(*change), encoding="utf-8")

    with pytest.raises(AssertionError) as caught:
        read(path)

    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)


def test_a_typo_in_a_row_of_a_table_names_the_row(read: Any, tmp_path: Any) -> None:
    path = tmp_path / "table.yml"
    path.write_text(
        "---\n"
        "tables:\n"
        "  - name: t\n"
        "    columns: [given/build, expect/verdict]\n"
        "    rows:\n"
        "      - [15.1.2176.9, fixed]\n"
        "      - [15.1.2176.8, vulnerabel]\n",
        encoding="utf-8",
    )

    with pytest.raises(AssertionError, match=r"table\.yml:7: unknown verdict 'vulnerabel'"):
        read(path)


def test_a_row_with_a_cell_too_few_is_refused(read: Any, tmp_path: Any) -> None:
    path = tmp_path / "table.yml"
    path.write_text(
        "---\ntables:\n  - name: t\n    columns: [given/build, expect/verdict]\n"
        "    rows:\n      - [15.1.2176.9]\n",
        encoding="utf-8",
    )

    with pytest.raises(AssertionError, match=r"table\.yml:6: the row has 1 cells instead of 2"):
        read(path)
