# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every assessment, whatever the facts say; the facts' side is tests/cases."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.check import CHECKS
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.serialize import (
    assessment_to_dict,
    jsonable,
)

_ROOT = Path(__file__).parents[3]
_DAY = datetime(2021, 3, 5, tzinfo=UTC)


def _facts(name: str) -> Any:
    path = _ROOT / "tests/cases/baselines" / f"{name}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _assess(facts: Any, campaign: str = "proxylogon") -> dict[str, Any]:
    return assessment_to_dict(assess(facts, [], load(), campaign, _DAY, None))


_BASELINES = ("exchange2010", "exchange2013", "exchange2016", "exchange2019", "exchangese")
_FACTS = [None, {}, *(_facts(name) for name in (*_BASELINES, "edge2016", "tools2016"))]


@pytest.mark.parametrize("campaign", ["proxylogon", "proxyshell", "cve-2026-42897"])
@pytest.mark.parametrize("facts", _FACTS)
def test_every_check_is_there_once_and_every_result_has_a_source(facts: Any, campaign: str) -> None:
    found = _assess(facts, campaign)
    names = [check["check"] for check in found["checks"]]
    mitigations = {f"mitigation.{name}" for name in load().campaign(campaign).mitigations}

    assert sorted(names) == sorted({*CHECKS, *mitigations})
    assert all(item["source"] for item in found["checks"] + found["exposures"])
    assert all(item["action"] and item["cves"] for item in found["other_open_cves"])
    for check in found["checks"]:
        assert (check["severity"] == "info") == (check["status"] in ("pass", "not-applicable"))
        assert check["remedy"] or check["status"] != "finding"


@pytest.mark.parametrize("facts", _FACTS)
def test_an_assessment_fits_the_report_schema(facts: Any) -> None:
    path = _ROOT / "plugins/plugin_utils/report/report.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    part = {"$ref": "#/$defs/assessment", "$defs": schema["$defs"]}

    jsonschema.Draft202012Validator(part).validate(_assess(facts))


def test_clauses_are_those_of_the_directive_and_only_under_it() -> None:
    directive = load().directive("ed-21-02")
    assert directive is not None
    known = {clause.id for clause in directive.clauses}

    for check in _assess(_facts("exchange2016"))["checks"]:
        for clause in re.split(r", (?=supplement)", check["clause"] or ""):
            assert not clause or clause.removeprefix("ED 21-02 ") in known, clause
    assert all(not check["clause"] for check in _assess({}, "cve-2026-42897")["checks"])


def test_every_open_cve_says_what_closes_it() -> None:
    for item in _assess(_facts("exchange2016"))["exposures"]:
        assert item["action"] == (
            "Install KB5000871, which makes 15.1.2176.9, or a newer one for the same cumulative "
            "update."
        )
        assert (item["fixed_build"], item["update"]) == ("15.1.2176.9", "KB5000871")


def test_equal_facts_give_equal_assessments() -> None:
    assert _assess(_facts("exchange2016")) == _assess(_facts("exchange2016"))


def test_facts_are_not_changed_by_judging_them() -> None:
    facts = _facts("exchange2016")
    _assess(facts)

    assert facts == _facts("exchange2016")


def test_the_day_without_a_zone_is_a_day_in_utc() -> None:
    found = assess({}, [], load(), "proxylogon", datetime(2021, 3, 5), None)  # noqa: DTZ001

    assert found.at == "2021-03-05T00:00:00Z"


def test_an_unknown_campaign_is_refused_by_name() -> None:
    with pytest.raises(CatalogError, match="proxylogin"):
        assess({}, [], load(), "proxylogin", _DAY, None)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="datetime"):
        jsonable({"at": _DAY})
