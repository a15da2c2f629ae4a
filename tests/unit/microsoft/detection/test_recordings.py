# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded run of Test-ProxyLogon against a table written by hand, and against one more implementation."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.records import (
    CompromiseState,
    ToolReading,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.verdict import (
    compromise_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.read import (
    read_run,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
    CollectedFile,
    HostView,
    RunEnd,
    ToolRun,
)

CASES = Path(__file__).resolve().parents[3] / "cases" / "detection"
EXPECTED: dict[str, Any] = yaml.safe_load((CASES / "expected.yml").read_text())
ALL_BACK = datetime(2021, 1, 1, tzinfo=UTC)
ALMOST = datetime(2021, 1, 3, tzinfo=UTC)
# The commit of 2026 has no stamp; it behaves as the release after its last change.
STAMPS = {"f88378b1e": "24.10.24.0000"}
QUESTIONS = {"files": "suspicious-files"}
# Of these only the console, or only the object, was recorded; alone neither proves anything.
HALF = ("+object", "+DisplayOnly")


@cache
def recorded(version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"test-proxylogon-{version}.json").read_text())
    return dict(found["runs"])


RUNS = [(version, name) for version in EXPECTED for name in recorded(version)]


def content(value: Any) -> bytes:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else str(value).encode()


def collected(name: str, data: bytes) -> CollectedFile:
    return CollectedFile(
        f"files/{name}", f"C:\\out\\{name}", data, hashlib.sha256(data).hexdigest()
    )


def run_of(version: str, name: str) -> ToolRun:
    """The recorded run as it would have been collected."""
    run = recorded(version)[name]
    tool = detection_tool("test-proxylogon")
    stamp = ScriptVersion.parse(STAMPS.get(version, version.removeprefix("v")))
    era = tool.era(stamp)
    assert era is not None
    files = [collected(file, content(value)) for file, value in run.get("files", {}).items()]
    if "object" in run:
        files.append(collected("object.json", run["object"].encode()))
    elif era.how == "objects":
        era = replace(era, how="files")  # it was recorded by -OutPath
    return ToolRun(
        tool=tool,
        version=stamp,
        mode=tool.mode("default"),
        era=era,
        ended=RunEnd.FINISHED,
        exit_code=run["exit"],
        console=collected("console", run["console"].encode()),
        files=tuple(files),
        host=HostView(
            datetime.fromisoformat(run["now"]).replace(tzinfo=UTC),
            datetime(2020, 12, 1, tzinfo=UTC),
            "EX01",
        ),
    )


def state_of(run: ToolRun, reading: ToolReading, since: datetime) -> CompromiseState:
    return compromise_of(reading.checks, run.checks, since).state


def found_in(reading: ToolReading) -> set[str]:
    return {check.id.partition("/")[2] for check in reading.checks if check.findings}


def test_all_versions_and_worlds_are_there() -> None:
    assert len(RUNS) == 138
    for version, name in RUNS:
        assert name.partition("+")[0] in EXPECTED[version]


@pytest.mark.parametrize(("version", "name"), RUNS)
def test_recorded_run_is_read_as_the_table_says(version: str, name: str) -> None:
    expected = EXPECTED[version][name.partition("+")[0]]
    run = run_of(version, name)
    reading = read_run(run, ALMOST)
    wanted = {QUESTIONS.get(str(q), f"CVE-2021-{q}") for q in expected["found"]}
    assert found_in(reading) == wanted
    for check in reading.checks:
        for finding in check.findings:
            data = {f.name: f for f in (*run.files, run.console)}[finding.evidence.file]
            assert finding.evidence.sha256 == data.sha256
            assert finding.detail
    state, strict = state_of(run, reading, ALMOST), state_of(run, read_run(run, ALL_BACK), ALL_BACK)
    if wanted:
        assert (state, strict) == (CompromiseState.INDICATOR_FOUND,) * 2
        return
    whole = expected.get("whole") and not any(half in name for half in HALF)
    assert state is (CompromiseState.NO_INDICATOR if whole else CompromiseState.INCONCLUSIVE)
    assert strict is CompromiseState.INCONCLUSIVE, "no log begins on 1 January at midnight"


@pytest.mark.parametrize(("version", "name"), [r for r in RUNS if r[1].startswith("a-clean-long")])
def test_ages_with_groups_of_thousands_are_read_whole(version: str, name: str) -> None:
    """2,149.3 is not 2.1 and not 149.3, whatever stands between the groups."""
    reading = read_run(run_of(version, name), ALMOST)
    firsts = [
        c.first
        for check in reading.checks
        for c in check.coverage
        if c.source.startswith("HttpProxy/")
    ]
    for first in firsts:
        assert first is None or first.year == 2021
    if "+object" not in name and version != "v21.03.04.0202":
        assert any(firsts)


@pytest.mark.parametrize("since", [ALL_BACK, ALMOST])
def test_nothing_suspicious_behind_a_skipped_check_is_never_no_indicator(since: datetime) -> None:
    skipping = [(v, n) for v, n in RUNS if "Skipping" in recorded(v)[n]["console"]]
    assert len(skipping) == 19
    for version, name in skipping:
        run = run_of(version, name)
        assert state_of(run, read_run(run, since), since) is not CompromiseState.NO_INDICATOR
