# SPDX-License-Identifier: GPL-3.0-or-later
"""I1 and I2 of docs/architecture.md for the judge, on every case and on what is left of it."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import (
    OPEN_EXPOSURES,
    Assessment,
    CheckStatus,
    Exposure,
    Verdict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.serialize import (
    assessment_to_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.verdict import (
    at_least_as_bad,
    worst,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_CASES = Path(__file__).parents[2] / "cases"
_GOOD = {Exposure.FIXED, Exposure.NOT_AFFECTED}
_GOOD_VERDICTS = {Verdict.FIXED, Verdict.NOT_AFFECTED}
# Null is an answer there and not "could not be read": no precondition, no tags, not in a DAG.
_NULL_MEANS_NONE = {"precondition", "filter_by_tags", "dag"}

_run = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@cache
def _cases() -> list[Any]:
    spec = importlib.util.spec_from_file_location("assess_cases", _CASES / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    files = sorted((_CASES / "assess").glob("*.yml"))
    return [case for path in files for case in module.read_cases(path) if case.facts]


def _assess(case: Any, facts: Any, errors: list[Any] | None = None) -> Assessment:
    found = case.errors if errors is None else errors
    return assess(facts, found, load(), case.campaign, case.at, None)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the facts whose value could have been unreadable."""
    if _NULL_MEANS_NONE & set(path):
        return []
    inside: list[tuple[Any, ...]] = [path] if path else []
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        inside += _paths(item, (*path, key))
    return inside


@cache
def _places(number: int) -> list[tuple[Any, ...]]:
    return _paths(_cases()[number].facts)


def _put(facts: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with one place changed; a place that an earlier change took away stays away."""
    if not path:
        return value
    key, *rest = path
    if isinstance(facts, dict) and key in facts:
        return facts | {key: _put(facts[key], tuple(rest), value)}
    if isinstance(facts, list) and isinstance(key, int) and key < len(facts):
        return [*facts[:key], _put(facts[key], tuple(rest), value), *facts[key + 1 :]]
    return facts


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
_case = st.sampled_from(range(len(_cases())))


@st.composite
def _with_gaps(draw: st.DrawFn) -> tuple[Any, Any]:
    """A case, and its facts with some values replaced by null."""
    number = draw(_case)
    case = _cases()[number]
    facts = case.facts
    for path in draw(st.lists(st.sampled_from(_places(number)), min_size=1, max_size=4)):
        facts = _put(facts, path, None)
    return case, facts


@_run
@given(_with_gaps())
def test_what_could_not_be_read_never_makes_a_cve_fixed(pair: tuple[Any, Any]) -> None:
    case, facts = pair
    before = {item.cve: item.exposure for item in _assess(case, case.facts).exposures}
    after = _assess(case, facts)

    for item in after.exposures:
        assert item.exposure not in _GOOD or before[item.cve] in _GOOD, item


@_run
@given(_with_gaps())
def test_what_could_not_be_read_never_makes_a_cve_mitigated(pair: tuple[Any, Any]) -> None:
    case, facts = pair
    before = {item.cve: item.exposure for item in _assess(case, case.facts).exposures}

    for item in _assess(case, facts).exposures:
        if item.exposure is Exposure.VULNERABLE_MITIGATED:
            assert before[item.cve] is Exposure.VULNERABLE_MITIGATED, item


@_run
@given(_with_gaps())
def test_what_could_not_be_read_never_turns_a_check_into_a_pass(pair: tuple[Any, Any]) -> None:
    case, facts = pair
    before = {check.check: check for check in _assess(case, case.facts).checks}

    for check in _assess(case, facts).checks:
        if check.status is CheckStatus.PASS and not check.check.startswith("mitigation."):
            assert before[check.check].status in (
                CheckStatus.PASS,
                CheckStatus.NOT_APPLICABLE,
            ), (before[check.check], check)


@_run
@given(_with_gaps())
def test_a_server_is_fixed_only_with_every_required_cve_and_no_open_one(
    pair: tuple[Any, Any],
) -> None:
    case, facts = pair
    found = _assess(case, facts)
    required = {entry.cve for entry in load().campaign(case.campaign).required}
    exposures = {item.exposure for item in found.exposures if item.cve in required}
    still_open = {item.exposure for item in found.exposures} & OPEN_EXPOSURES

    assert (found.verdict in _GOOD_VERDICTS) == (exposures <= _GOOD and not still_open)


@_run
@given(_case, st.lists(_json, max_size=3))
def test_more_errors_never_make_a_verdict_better(number: int, errors: list[Any]) -> None:
    case = _cases()[number]
    before = _assess(case, case.facts)
    after = _assess(case, case.facts, [*case.errors, *errors])

    assert at_least_as_bad(after.verdict, before.verdict)


@_run
@given(st.lists(st.sampled_from(Exposure)), st.sampled_from(Exposure))
def test_one_more_verdict_never_makes_the_server_better(
    exposures: list[Exposure], more: Exposure
) -> None:
    if exposures:
        assert at_least_as_bad(worst([*exposures, more]), worst(exposures))
    assert worst([Exposure.UNKNOWN, *exposures]) not in _GOOD_VERDICTS


def test_nothing_to_go_by_is_unknown() -> None:
    assert worst([]) is Verdict.UNKNOWN


@_run
@given(_case, st.data())
def test_no_json_in_any_place_makes_the_judge_raise(number: int, data: st.DataObject) -> None:
    case = _cases()[number]
    facts = case.facts
    for path in data.draw(st.lists(st.sampled_from(_places(number)), min_size=1, max_size=3)):
        facts = _put(facts, path, data.draw(_json))

    found = assessment_to_dict(_assess(case, facts))

    json.dumps(found)


@_run
@given(_json, _json)
def test_no_json_at_all_makes_the_judge_raise(result: Any, errors: Any) -> None:
    found = assess(result, errors, load(), "proxylogon", datetime(2021, 3, 5, tzinfo=UTC), None)

    assert found.verdict is Verdict.UNKNOWN
    json.dumps(assessment_to_dict(found))
