# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the case files: YAML in, one test a case out. How to write one: README.md beside this."""

from __future__ import annotations

import copy
import difflib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.check import CHECKS
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import SECTIONS
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import CheckStatus, Exposure, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CASES = HERE / "assess"
BASELINES = HERE / "baselines"

# A list of records can be changed by the name of a record: this key holds the name.
_NAMED = {
    "services": "name",
    "app_pools": "name",
    "sites": "name",
    "rules": "name",
    "preconditions": "name",
    "disks": "root",
    "logs": "id",
    "event_logs": "name",
    "antimalware": "service",
}
_CASE_KEYS = {"name", "why", "given", "campaign", "at", "expect"}
_GIVEN_KEYS = {"baseline", "build", "registry", "updates", "with", "facts", "errors", "clock_ahead"}
_EXPECT_KEYS = {"verdict", "cves", "checks", "says", "findings", "unknowns", "identity"}
_EXPECT_KEYS |= {"silent", "also_open", "not_open"}
_TABLE_KEYS = {"name", "why", "columns", "rows", *_CASE_KEYS}


class CaseError(AssertionError):
    """A case file is wrong; the message begins with file:line."""


@dataclass(frozen=True)
class Case:
    """One case, ready to judge."""

    id: str
    where: str  # file:line
    campaign: str
    at: datetime
    facts: Any
    errors: list[dict[str, str]]
    clock_ahead: float | None
    expect: dict[str, Any] = field(default_factory=dict)


class Lines:
    """The values of a YAML file together with the line of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8")
        try:
            self.data = yaml.safe_load(text)
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            raise CaseError(
                f"{path}:{line}: not YAML: {getattr(error, 'problem', error)}"
            ) from error

    def where(self, *keys: object) -> str:
        node = self._root
        for key in keys:
            children: dict[object, Any] = {}
            if isinstance(node, yaml.MappingNode):
                # The line of a key, not of its value, which may begin further down.
                children = {k.value: (k, v) for k, v in node.value}
            elif isinstance(node, yaml.SequenceNode):
                children = {i: (v, v) for i, v in enumerate(node.value)}
            if key not in children:
                break
            mark, node = children[key]
            line = mark.start_mark.line + 1
        else:
            return f"{self.path}:{line if keys else 1}"
        return f"{self.path}:{node.start_mark.line + 1 if node else 1}"

    def fail(self, message: str, *keys: object) -> CaseError:
        return CaseError(f"{self.where(*keys)}: {message}")


def _known(lines: Lines, given: Any, allowed: Any, what: str, *keys: object) -> None:
    """Refuse a key or value that nothing reads: a typo must not turn into a passing case."""
    for name in given:
        if name not in allowed:
            near = difflib.get_close_matches(str(name), [str(item) for item in allowed], 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {sorted(allowed)}"
            raise lines.fail(f"unknown {what} {name!r}{hint}", *keys, name)


@cache
def _baseline(name: str) -> Any:
    return yaml.safe_load((BASELINES / f"{name}.yml").read_text(encoding="utf-8"))


@cache
def _snippets() -> Any:
    return yaml.safe_load((BASELINES / "snippets.yml").read_text(encoding="utf-8"))


def overlay(base: Any, change: Any, key: str = "") -> Any:
    """Lay ``change`` over ``base``: mappings merge, named records merge, all else replaces."""
    if isinstance(base, list) and isinstance(change, dict) and key in _NAMED:
        name = _NAMED[key]
        found = [copy.deepcopy(row) for row in base]
        for wanted, values in change.items():
            place = next((i for i, row in enumerate(found) if row[name] == wanted), None)
            if values is None:
                found = [row for row in found if row[name] != wanted]
            elif place is None:
                found.append({name: wanted, **values})
            else:
                found[place] = overlay(found[place], values)
        return found
    if isinstance(base, dict) and isinstance(change, dict):
        merged = dict(base)
        for name, value in change.items():
            merged[name] = overlay(base.get(name), value, name)
        return merged
    return change


def _facts(lines: Lines, given: dict[str, Any], keys: tuple[object, ...]) -> Any:
    if "facts" in given and given["facts"] is None:
        return None  # no reply at all
    baselines = {path.stem for path in BASELINES.glob("*.yml")} - {"snippets"}
    baseline = given.get("baseline", "exchange2016")
    if baseline not in baselines:
        raise lines.fail(
            f"unknown baseline {baseline!r}; known: {sorted(baselines)}", *keys, "baseline"
        )
    facts = copy.deepcopy(_baseline(baseline))
    if "build" in given:
        build = given["build"]
        facts["exchange"]["exsetup"] |= {"file_version": build, "product_version": build}
        facts["exchange"]["registry_version"] = build
    if "registry" in given:
        facts["exchange"]["registry_version"] = given["registry"]
    for kb in given.get("updates") or ():
        row = {"source": "updates-key", "view": "64", "name": f"Update ({kb})", "kb": kb}
        facts["updates"].append({**row, "installed": "2021-03-04"})
    names = given.get("with", [])
    _known(lines, names, _snippets(), "snippet", *keys, "with")
    for name in names:
        facts = overlay(facts, _snippets()[name])
    change = given.get("facts", {})
    if isinstance(change, dict):
        _known(lines, change, {*SECTIONS, "unheard_of"}, "section of the facts", *keys, "facts")
    return overlay(facts, copy.deepcopy(change))


def _check_ids(campaign: str) -> set[str]:
    return {*CHECKS, *(f"mitigation.{name}" for name in load().campaign(campaign).mitigations)}


def _expectation(
    lines: Lines, campaign: str, expect: dict[str, Any], keys: tuple[object, ...]
) -> None:
    _known(lines, expect, _EXPECT_KEYS, "expectation", *keys)
    if not expect:
        raise lines.fail("a case without expectations cannot fail", *keys)
    checks = _check_ids(campaign)
    cves = {entry.cve for entry in load().campaign(campaign).cves}
    statuses, exposures = {s.value for s in CheckStatus}, {e.value for e in Exposure}
    if "verdict" in expect:
        verdicts = {verdict.value for verdict in Verdict}
        _known(lines, [expect["verdict"]], verdicts, "verdict", *keys, "verdict")
    for key in ("checks", "says", "silent"):
        _known(
            lines,
            expect.get(key, {}),
            checks | (set() if key == "checks" else cves),
            "check",
            *keys,
            key,
        )
    for key in ("findings", "unknowns"):
        _known(lines, expect.get(key, []), checks, "check", *keys, key)
    for key in ("also_open", "not_open"):
        _known(lines, expect.get(key, []), set(load().cves()), "CVE", *keys, key)
    _known(lines, expect.get("cves", {}), cves | {"all"}, "CVE of the campaign", *keys, "cves")
    for name, status in expect.get("checks", {}).items():
        _known(lines, [status], statuses, "status", *keys, "checks", name)
    for name, exposure in expect.get("cves", {}).items():
        _known(lines, [exposure], exposures, "exposure", *keys, "cves", name)


def _moment(lines: Lines, value: Any, keys: tuple[object, ...]) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, 12, tzinfo=UTC)
    raise lines.fail(f"'at' must be a date such as 2021-03-05, not {value!r}", *keys, "at")


def _case(lines: Lines, raw: dict[str, Any], keys: tuple[object, ...], suffix: str = "") -> Case:
    _known(lines, raw, _CASE_KEYS, "key", *keys)
    for needed in ("name", "expect"):
        if needed not in raw:
            raise lines.fail(f"the case has no {needed!r}", *keys)
    given = raw.get("given") or {}
    _known(lines, given, _GIVEN_KEYS, "key", *keys, "given")
    campaign = raw.get("campaign", "proxylogon")
    _known(
        lines, [campaign], {entry.id for entry in load().campaigns()}, "campaign", *keys, "campaign"
    )
    _expectation(lines, campaign, raw["expect"], (*keys, "expect"))
    return Case(
        id=f"{lines.path.stem}: {raw['name']}{suffix}",
        where=lines.where(*keys),
        campaign=campaign,
        at=_moment(lines, raw.get("at", date(2021, 3, 5)), keys),
        facts=_facts(lines, given, (*keys, "given")),
        errors=given.get("errors", []),
        clock_ahead=given.get("clock_ahead", 0),
        expect=raw["expect"],
    )


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split("/")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value


def _table(lines: Lines, raw: dict[str, Any], index: int) -> Iterator[Case]:
    """One case a row; a column names the place in the case that its cells go to."""
    keys = ("tables", index)
    _known(lines, raw, _TABLE_KEYS, "key", *keys)
    for number, row in enumerate(raw["rows"]):
        if len(row) != len(raw["columns"]):
            wanted = len(raw["columns"])
            raise lines.fail(
                f"the row has {len(row)} cells instead of {wanted}", *keys, "rows", number
            )
        case = copy.deepcopy({k: v for k, v in raw.items() if k not in ("columns", "rows")})
        for column, value in zip(raw["columns"], row, strict=True):
            if column != "-":
                _put(case, column, copy.deepcopy(value))
        cells = " ".join(str(cell) for cell in row if cell not in (None, []))
        try:
            yield _case(lines, case, keys, f" [{cells}]")
        except CaseError as error:
            _, _, message = str(error).partition(": ")
            raise lines.fail(message, *keys, "rows", number) from error


def read_cases(path: Path) -> list[Case]:
    """The cases of one file; raises CaseError with file and line."""
    lines = Lines(path)
    if not isinstance(lines.data, dict):
        raise lines.fail("a case file is a mapping with 'cases' and/or 'tables'")
    _known(lines, lines.data, {"cases", "tables"}, "key")
    found = [
        _case(lines, raw, ("cases", index))
        for index, raw in enumerate(lines.data.get("cases") or ())
    ]
    for index, raw in enumerate(lines.data.get("tables") or ()):
        found += _table(lines, raw, index)
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = [case for path in sorted(CASES.glob("*.yml")) for case in read_cases(path)]
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])


@pytest.fixture
def read() -> Any:
    """The reader itself, for tests of its messages."""
    return read_cases


@pytest.fixture
def facts_of() -> Any:
    """``facts_of(path, given, keys)``: the facts that a ``given`` of any case file describes."""
    return lambda path, given, keys: _facts(Lines(path), given, keys)
