# SPDX-License-Identifier: GPL-3.0-or-later
"""A disputed CVE from the catalogue to the verdict, the choice of the update and the exit status."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import (
    Build,
    Exposure,
    Verdict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import ROOT, load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
    STATUSES,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import Action
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge import exposure
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.verdict import verdict_on
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.choose import choose

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Assessment
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )

_CASES = Path(__file__).parents[2] / "cases"
_AT = datetime(2026, 11, 30, tzinfo=UTC)
JUNE, JULY = "15.2.2562.43", "15.2.2562.45"
DRILL = """---
schema: 1
as_of: 2026-11-30
id: drill
title: Drill
summary: A CVE whose threshold Microsoft raised.
published: 2026-07-20
source: s
sources: {s: "a source"}
cves:
  - {cve: CVE-2026-45502, kind: ssrf, exploited: true, fix: update, authentication: user}
log_window: {from: 2026-06-01, reason: r, source: s}
"""


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    root = tmp_path_factory.mktemp("drill") / "catalog"
    shutil.copytree(ROOT, root)
    (root / "campaigns" / "drill.yml").write_text(DRILL, encoding="utf-8")
    return load(root)


def _assess(catalog: Catalog, build: str, updates: list[str], at: datetime = _AT) -> Assessment:
    text = (_CASES / "baselines" / "exchangese.yml").read_text(encoding="utf-8")
    facts: Any = yaml.safe_load(text)
    facts["exchange"]["exsetup"]["file_version"] = build
    facts["updates"] = [
        {"source": "updates-key", "view": "64", "name": f"({kb})", "kb": kb, "installed": None}
        for kb in updates
    ]
    return assess(facts, [], catalog, "drill", at, None)


@pytest.mark.parametrize(
    ("build", "updates", "exposed", "half"),
    [
        ("15.2.2562.41", ["KB5081755"], Exposure.VULNERABLE, "pass"),
        (JUNE, ["KB5094139"], Exposure.DISPUTED, "pass"),
        # July's update in the list and June's files: no witness for the nicer reading.
        (JUNE, ["KB5094139", "KB5103212"], Exposure.DISPUTED, "finding"),
        ("15.2.2562.44", ["KB5094139"], Exposure.DISPUTED, "unknown"),
        ("15.2.2562.44", ["KB5103212"], Exposure.DISPUTED, "finding"),
        (JULY, ["KB5103212"], Exposure.FIXED, "pass"),
        (JULY, ["KB5094139"], Exposure.UNKNOWN, "finding"),
    ],
)
def test_between_the_two_builds_it_counts_as_open(
    drill: Catalog, build: str, updates: list[str], exposed: Exposure, half: str
) -> None:
    found = _assess(drill, build, updates)
    (item,) = found.exposures
    checks = {check.check: check.status.value for check in found.checks}

    assert item.exposure is exposed
    assert found.verdict is Verdict(exposed.value)
    assert checks["update.half-installed"] == half


def test_it_says_both_builds_with_their_sources_and_what_closes_it(drill: Catalog) -> None:
    (item,) = _assess(drill, JUNE, ["KB5094139"]).exposures

    for said in (JUNE, JULY, "0e45a792", "82ec24ac", "(read 2026-11-30)", "counts as open"):
        assert said in item.reason
    assert item.action is not None
    assert "Install KB5103212, which makes 15.2.2562.45" in item.action
    assert (item.fixed_build, item.update) == (JULY, "KB5103212")


def test_outside_the_campaign_it_is_listed_as_open(drill: Catalog) -> None:
    found = {item.cve: item for item in _assess(drill, JUNE, ["KB5094139"]).other_open_cves}

    assert found["CVE-2026-45504"].exposure is Exposure.DISPUTED
    assert "CVE-2026-70571" not in found
    assert "CVE-2026-42897" not in found


@pytest.mark.parametrize(("day", "listed"), [((2026, 6, 8), False), ((2026, 6, 10), True)])
def test_it_is_known_from_the_first_update_that_a_source_names(
    drill: Catalog, day: tuple[int, int, int], *, listed: bool
) -> None:
    at = datetime(*day, tzinfo=UTC)
    found = _assess(drill, "15.2.2562.41", ["KB5081755"], at)

    assert ("CVE-2026-45504" in {item.cve for item in found.other_open_cves}) is listed


def test_the_update_that_is_chosen_closes_it_by_both_sources(drill: Catalog) -> None:
    chosen = choose(drill, "drill", Build.parse(JUNE), date(2026, 11, 30))

    assert chosen.action is Action.INSTALL
    assert chosen.target is not None
    assert chosen.target >= Build.parse(JULY)
    assert chosen.closes == ("CVE-2026-45502",)


def test_the_update_of_the_lower_source_is_not_enough(drill: Catalog) -> None:
    before = Build.parse("15.2.2562.41")
    chosen = choose(drill, "drill", before, date(2026, 11, 30), kb="KB5094139")

    assert chosen.action is Action.STOP
    assert "KB5094139 closes not CVE-2026-45502" in chosen.reason


def test_with_the_higher_build_there_is_nothing_to_do(drill: Catalog) -> None:
    chosen = choose(drill, "drill", Build.parse(JULY), date(2026, 11, 30))

    assert chosen.action is Action.NOTHING


def test_each_status_of_the_catalogue_is_judged() -> None:
    assert set(exposure._BY_STATUS) == set(STATUSES)


@pytest.mark.parametrize("related", list(Exposure))
@pytest.mark.parametrize("required", list(Exposure))
def test_a_related_cve_that_is_open_takes_a_nice_verdict_away_and_nothing_else(
    required: Exposure, related: Exposure
) -> None:
    found = verdict_on([required], [related])
    nice = {Exposure.FIXED, Exposure.NOT_AFFECTED}
    still_open = related not in {*nice, Exposure.UNKNOWN}

    assert found is Verdict((related if required in nice and still_open else required).value)
