# SPDX-License-Identifier: GPL-3.0-or-later
"""I5: a host that sends as much as a reply may hold keeps the judge neither busy nor full."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.serialize import (
    assessment_to_dict,
)

_CASES = Path(__file__).parents[2] / "cases" / "baselines"
_MANY = 30_000


def _read(name: str) -> Any:
    return yaml.safe_load((_CASES / f"{name}.yml").read_text(encoding="utf-8"))


def _flood(section: str) -> Any:
    facts = _read("exchange2016")
    rules = _read("snippets")["cookie-rules"]["url_rewrite"]["rules"]
    if section == "rules":
        facts["url_rewrite"]["rules"] = [
            rule | {"order": number, "name": f"{rule['name']} {number}"}
            for number in range(_MANY // 2)
            for rule in rules
        ]
    elif section == "sites":
        facts["url_rewrite"]["rules"] = rules
        site = facts["iis"]["sites"][0]
        facts["iis"]["sites"] = [site | {"name": f"site {number}"} for number in range(_MANY)]
    elif section == "text":
        facts["computer"]["name"] = "x" * 1_000_000
        facts["pending_reboot"] = [{"source": "x" * 4_000, "detail": ""}] * _MANY
    else:
        row = facts[section][0]
        facts[section] = [
            {key: f"{value} {number}" for key, value in row.items()} for number in range(_MANY)
        ]
    return facts


@pytest.mark.parametrize("section", ["rules", "sites", "services", "logs", "disks", "text"])
def test_a_flood_of_facts_is_judged_quickly_and_stays_small(section: str) -> None:
    facts = _flood(section)
    started = time.process_time()
    found = assess(facts, [], load(), "proxylogon", datetime(2021, 3, 5, tzinfo=UTC), None)
    took = time.process_time() - started

    assert took < 5
    assert len(json.dumps(assessment_to_dict(found))) < 1_000_000
    assert found.verdict.value == "vulnerable"


def test_a_flood_of_errors_stays_small() -> None:
    errors = [{"source": f"part {number}", "message": "x" * 4_000} for number in range(_MANY)]
    found = assess({}, errors, load(), "proxylogon", datetime(2021, 3, 5, tzinfo=UTC), None)

    assert len(json.dumps(assessment_to_dict(found))) < 500_000
