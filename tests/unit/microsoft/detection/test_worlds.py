# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up runs of both tools: what a second, table-driven implementation says, the readers say as well.

A world is drawn from a seed: what was there to be found, which sources show it, and everything that can
keep a tool from seeing it. ``no-indicator`` is right for one row of the table alone.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.records import (
    ORDER,
    CompromiseState,
    DetectionCheck,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.serialize import (
    check_from_dict,
    check_to_dict,
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
from detected_host import AGES, CLEAN_TEXT, HIT, HIT_TEXT, ages_csv, found_object, scan_log
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2021, 3, 10, 12, tzinfo=UTC)
SINCE = datetime(2021, 1, 1, tzinfo=UTC)
FAR, NEAR = "90.5", "9,1"
# Read here: the first example of a property must not be the slow one that reads the catalogue.
TEST, SCANNER = detection_tool("test-proxylogon"), detection_tool("msert")


def collected(name: str, data: bytes, damage: str | None = None) -> CollectedFile:
    digest = hashlib.sha256(data).hexdigest()
    return CollectedFile(name, f"C:\\out\\{name}", data, digest, damage)


@dataclass
class World:
    """What is so; everything as it is here: nothing to be found, and all of it was looked at."""

    hit: bool = False
    shown_by: set[str] = field(default_factory=lambda: {"object", "files", "text"})
    ages: dict[str, str] = field(default_factory=lambda: dict.fromkeys(AGES, FAR))
    event_log: datetime | None = NOW - timedelta(days=200)
    ended: RunEnd = RunEnd.FINISHED
    exit_code: int | None = 0
    object_cut: bool = False
    closed: bool = True
    error: str | None = None
    skipped: bool = False
    text_cut: bool = False
    damage: str | None = None
    version: str | None = "21.03.18.1900"
    encoding: str = "utf-8"

    def run(self) -> ToolRun:
        tool = TEST
        stamp = ScriptVersion.parse(self.version) if self.version else None
        seen = self.hit and "object" in self.shown_by
        hits = {"Hits": [HIT] if seen else [], "FileList": []}
        found = json.dumps(found_object(Cve26855=hits, IssuesFound=seen, LogAgeDays=self.ages))
        data = found.encode()
        files = [collected("object.json", data[: len(data) // 2] if self.object_cut else data)]
        if self.hit and "files" in self.shown_by:
            row = ",".join(f'"{value}"' for value in HIT.values())
            csv = f"#TYPE x\r\n{','.join(HIT)}\r\n{row}\r\n"
            files.append(collected("EX01-Cve-2021-26855.csv", csv.encode()))
        files.append(collected("EX01-LogAgeDays.csv", ages_csv(self.ages).encode(), self.damage))
        if self.closed:
            errors = [{"id": self.error, "message": "x"}] if self.error else []
            end = {"schema": 1, "objects": 1, "report": True, "errors": errors}
            files.append(collected("complete.json", json.dumps(end).encode()))
        text = HIT_TEXT if self.hit and "text" in self.shown_by else CLEAN_TEXT
        if self.skipped:
            text = f"  Exchange 2013 or later not found. Skipping CVE-2021-26858 test.\r\n{text}"
        if self.text_cut:
            text = text.partition("\n")[0]
        return ToolRun(
            tool, stamp, tool.mode("default"), tool.era(stamp), self.ended, self.exit_code,
            collected("console", text.encode(self.encoding)), tuple(files),
            HostView(NOW, self.event_log, "EX01"),
        )  # fmt: skip


# Each row: what is changed of a world, and what the verdict of such a world is at best.
INCONCLUSIVE, CONFLICT, FOUND = (
    CompromiseState.INCONCLUSIVE,
    CompromiseState.CONFLICT,
    CompromiseState.INDICATOR_FOUND,
)
TABLE: list[tuple[str, dict[str, Any], CompromiseState]] = [
    ("young event log", {"event_log": NOW - timedelta(days=20)}, INCONCLUSIVE),
    ("unread event log", {"event_log": None}, INCONCLUSIVE),
    ("timed out", {"ended": RunEnd.TIMED_OUT}, INCONCLUSIVE),
    ("interrupted", {"ended": RunEnd.INTERRUPTED}, INCONCLUSIVE),
    ("lost", {"ended": RunEnd.UNKNOWN, "exit_code": None}, INCONCLUSIVE),
    ("exit 1", {"exit_code": 1}, INCONCLUSIVE),
    ("object cut off", {"object_cut": True}, INCONCLUSIVE),
    ("no closing mark", {"closed": False}, INCONCLUSIVE),
    ("error", {"error": "PathNotFound,x"}, INCONCLUSIVE),
    ("no events", {"error": "NoMatchingEventsFound,x"}, CompromiseState.NO_INDICATOR),
    ("skipped", {"skipped": True}, INCONCLUSIVE),
    ("text cut off", {"text_cut": True}, INCONCLUSIVE),
    ("damaged file", {"damage": "cut"}, INCONCLUSIVE),
    ("unknown version", {"version": None}, INCONCLUSIVE),
    ("older version", {"version": "20.01.01.0000"}, INCONCLUSIVE),
    ("utf-16 text", {"encoding": "utf-16"}, CompromiseState.NO_INDICATOR),
    ("utf-16 without mark", {"encoding": "utf-16-le"}, CompromiseState.NO_INDICATOR),
    ("oem text", {"encoding": "cp850"}, CompromiseState.NO_INDICATOR),
]


def drawn(seed: int) -> tuple[World, CompromiseState, str]:
    """A world, and what the table makes of it."""
    chance = random.Random(seed)
    world, state, names = World(), CompromiseState.NO_INDICATOR, []
    for name, change, best in chance.sample(TABLE, chance.choice((0, 0, 1, 1, 2, 4))):
        if name == "text cut off" and "skipped" in names:
            continue  # the cut is behind the first line, which is then the skipped test
        for key, value in change.items():
            setattr(world, key, value)
        names.append(name)
        state = min(state, best, key=ORDER.index)
    for column in AGES:
        if chance.random() < 0.02:
            world.ages[column] = chance.choice(("", NEAR, "0.0", "nonsense", "1?0"))
            names.append(f"{column} {world.ages[column]}")
            state = min(state, INCONCLUSIVE, key=ORDER.index)
    if chance.random() < 0.4:
        world.hit = True
        world.shown_by = set(chance.sample(("object", "files", "text"), chance.randint(1, 3)))
        names.append(f"hit in {sorted(world.shown_by)}")
        # What a cut source would have shown is lost; what another one shows is enough.
        lost = {s for s, cut in (("object", world.object_cut), ("text", world.text_cut)) if cut}
        state = min(state, FOUND if world.shown_by - lost else INCONCLUSIVE, key=ORDER.index)
    return world, state, ", ".join(names)


@pytest.mark.sweep(count=300)
@pytest.mark.parametrize("seed", range(3000))
def test_reader_agrees_with_the_table(seed: int) -> None:
    world, expected, names = drawn(seed)
    run = world.run()
    reading = read_run(run, SINCE)
    found = compromise_of(reading.checks, run.checks, SINCE)
    if expected is INCONCLUSIVE and world.hit:
        assert found.state in (INCONCLUSIVE, CONFLICT), names
    else:
        assert found.state is expected, (names, found.reasons)
    for check in reading.checks:
        assert check_from_dict(check_to_dict(check)).state is check.state


def test_worlds_of_each_verdict_are_drawn() -> None:
    states = [drawn(seed)[1] for seed in range(300)]
    for state in (CompromiseState.NO_INDICATOR, INCONCLUSIVE, FOUND):
        assert states.count(state) > 30


SCANS: list[tuple[str, CompromiseState]] = [
    (scan_log(), CompromiseState.NO_INDICATOR),
    (scan_log("Quick"), INCONCLUSIVE),
    (scan_log(threats=("A", "B")), FOUND),
    (scan_log(code=-1), INCONCLUSIVE),
    (scan_log(code=9), CONFLICT),
    (scan_log(threats=("A",), code=0), FOUND),
    (scan_log() + scan_log(), INCONCLUSIVE),
    (scan_log(threats=("A",), code=-1) + scan_log(), FOUND),
    ("", INCONCLUSIVE),
]


@pytest.mark.parametrize(("log", "expected"), SCANS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_scan_is_read_in_every_encoding(
    log: str, expected: CompromiseState, encoding: str, end: str
) -> None:
    reading = read_run(scan_of(log.replace("\r\n", end).encode(encoding)), SINCE)
    assert reading.checks[0].state is expected, reading.checks[0].reasons


def scan_of(log: bytes, **changes: Any) -> ToolRun:
    run = ToolRun(
        SCANNER, None, SCANNER.mode("full"), SCANNER.era(None), RunEnd.FINISHED, None,
        collected("console", b""), (collected("msert.log", log),), HostView(NOW, None, "EX01"),
    )  # fmt: skip
    return replace(run, **changes)


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_random_bytes_are_read_and_never_prove_anything(one: bytes, two: bytes) -> None:
    test = replace(
        World().run(), console=collected("console", one), files=(collected("object.json", two),)
    )
    for run in (test, scan_of(one)):
        for check in read_run(run, SINCE).checks:
            assert check.state is not CompromiseState.NO_INDICATOR


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(found_object(), json_values)))
def test_any_object_is_read(members: dict[str, Any]) -> None:
    run = World().run()
    data = json.dumps({**found_object(), **members}).encode()
    files = tuple(
        collected("object.json", data) if f.base == "object.json" else f for f in run.files
    )
    reading = read_run(replace(run, files=files), SINCE)
    json.dumps([check_to_dict(check) for check in reading.checks])
    if members.get("IssuesFound") not in (False, 0) and "IssuesFound" in members:
        states = {check.state for check in reading.checks}
        assert CompromiseState.NO_INDICATOR not in states


checks = st.lists(
    st.builds(
        DetectionCheck,
        st.sampled_from(["a/x", "a/y", "b/z"]),
        st.just("a"),
        st.just("A"),
        st.sampled_from(ORDER),
    ),
    max_size=6,
)


@given(checks, checks, st.lists(st.sampled_from(["a/x", "a/y", "b/z", "c/w"]), max_size=3))
def test_more_checks_never_make_a_verdict_better_but_by_answering_i2(
    some: list[DetectionCheck], more: list[DetectionCheck], required: list[str]
) -> None:
    before = compromise_of(some, required, SINCE).state
    after = compromise_of([*some, *more], required, SINCE).state
    missing = set(required) - {check.id for check in some}
    if some and not missing:
        assert ORDER.index(after) <= ORDER.index(before)
    worst = min([check.state for check in (*some, *more)], key=ORDER.index, default=None)
    if worst is not None:
        assert ORDER.index(after) <= ORDER.index(worst)


def test_nothing_looked_at_is_inconclusive() -> None:
    assert compromise_of((), (), SINCE).state is INCONCLUSIVE
    missing = compromise_of((), ("msert/full-scan",), SINCE)
    assert missing.reasons == ("msert/full-scan: it was not answered",)


def test_answer_that_is_missing_beside_a_good_one_is_inconclusive() -> None:
    good = DetectionCheck("a/x", "a", "A", CompromiseState.NO_INDICATOR)
    assert compromise_of((good,), ("a/x",), SINCE).state is CompromiseState.NO_INDICATOR
    found = compromise_of((good,), ("a/x", "b/z"), SINCE)
    assert found.state is INCONCLUSIVE
    assert "b/z: it was not answered" in found.reasons
