# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the group that denies Exchange, or contradicts itself, is never done and never a pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import toolkit

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.integration
EDGE = {"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\EdgeTransportRole": {}}
HOSTS: dict[str, tuple[dict[str, Any], str]] = {
    "denies": ({"exchange": None}, "it says that Exchange is not installed"),
    "contradicts": (
        {"override": {"registry": EDGE}},
        "none of the services ADAM_MSExchange, MSExchangeEdgeCredential exists",
    ),
    # By the build that it says itself, nothing would be left to do.
    "contradicts-and-says-fixed": (
        {
            "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"},
            "override": {"registry": EDGE},
        },
        "none of the services ADAM_MSExchange, MSExchangeEdgeCredential exists",
    ),
}


@pytest.mark.parametrize(
    ("intent", "host"),
    [
        ("mitigate", "denies"),
        ("unmitigate", "denies"),
        ("patch", "denies"),
        ("upgrade", "denies"),
        ("mitigate", "contradicts"),
        ("upgrade", "contradicts"),
        ("patch", "contradicts-and-says-fixed"),
    ],
)
def test_conflict_makes_every_plan_unknown(site: Site, intent: str, host: str) -> None:
    changes, says = HOSTS[host]
    site.becomes(**changes)
    variables = json.dumps({"upgrade_prepared_by": "jane"})
    done = site.run("plan", intent, "-i", site.inventory(), "-e", variables)
    assert done.returncode == 3, done.stdout + done.stderr
    words = " ".join(done.stdout.split())
    assert says in words
    assert "ex01: stopped" in words
    assert site.changes == []


def test_server_that_denies_exchange_after_the_plan_is_not_done(site: Site) -> None:
    plan = site.plan()
    site.becomes(exchange=None)
    applied = site.run("apply", plan, "-i", site.inventory(), "--confirm")
    assert applied.returncode == 3, applied.stdout + applied.stderr
    assert "take it out of the group" in " ".join(applied.stdout.split())
    assert site.changes == []


def test_assessment_is_no_pass_in_any_output(site: Site) -> None:
    site.becomes(exchange=None)
    done = toolkit("assess", "-i", site.inventory(), "--cases", site.cases, env={"COLUMNS": "400"})
    assert done.returncode == 3, done.stdout + done.stderr
    words = " ".join(done.stdout.split())
    assert "1 not fully known" in words
    assert "take it out of the group" in words
    report = next(site.cases.glob("*/report"))
    junit = (report / "junit.xml").read_text()
    assert "<error" in junit
    saved = json.loads((report / "report.json").read_text())
    assert saved["totals"]["by_verdict"]["not-affected"] == 0
    assert saved["totals"]["by_group"]["unknown"] == 1
