# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a host sends: the journal stays readable and bounded, and the neighbours have theirs (I4, I5)."""

from __future__ import annotations

import hashlib
import json
import math
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import disk
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.bounds import (
    CUT,
    ENTRY_BYTES,
    HOST_BYTES,
    SMALL_BYTES,
    bounded,
    holds_cut,
    number,
    size_of,
    text_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.budget import used_file
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.lines import (
    JournalError,
    Line,
    encode,
    parse,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.masking import writable
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import AT, journal

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "Passw0rd!"
OVERHEAD = 600  # host, run, event, hashes and the time of a line
TEXTS = st.text(st.characters() | st.sampled_from(f'\x00\u2028\ud800\udfff\\"~2{CUT}{SECRET}'))
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(1 << 80), 1 << 80),
    st.floats(),
    st.floats(2**52, 2e21),
    st.sampled_from([-0.0, 1e17, 2.0**53, 2.0**53 - 1, 1e21, 5e-324, 1 << 53, 10**400, True]),
)
KEYS = st.one_of(TEXTS, st.sampled_from([CUT, f"{CUT}~2", SECRET, "\x1b", "\\x1b"]), st.integers())
VALUES = st.recursive(
    st.none() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=40,
)


def recorded(folder: Path, value: Any) -> dict[str, Any]:
    """What the journal holds of one answer, between two records of another host."""
    neighbour, hostile = journal(folder, "ex02"), journal(folder, "ex01", (SECRET,))
    neighbour.record("intent", {"step": "one"})
    hostile.record("done", {"step": "two", "result": value})
    neighbour.record("done", {"step": "one", "result": {"changed": True}})
    raw = hostile.path.read_bytes()
    lines = raw.splitlines(keepends=True)
    assert verify(hostile.path).ok
    assert verify(hostile.path).lines == len(lines) == 3
    assert len(lines[1]) <= ENTRY_BYTES + OVERHEAD
    assert SECRET.encode() not in raw
    kept = [line.content["data"] for line in events(hostile.path)]
    assert kept[::2] == [{"step": "one"}, {"step": "one", "result": {"changed": True}}]
    assert kept[1]["step"] == "two"
    found: dict[str, Any] = kept[1]
    return found


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_any_value_of_a_host_is_recorded_and_read_again_i4(value: Any) -> None:
    with TemporaryDirectory() as folder:
        recorded(Path(folder), value)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_line_is_read_as_it_was_written(value: Any) -> None:
    content = {"host": "ex01", "run": "r", "event": "done", "at": AT.isoformat()}
    line = Line.after(None, content | {"data": {"result": writable(value, (SECRET,))}})
    assert encode(parse(encode(line), Path("j"), 1)) == encode(line)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.integers(512, 4096))
def test_what_is_cut_fits_and_says_so(value: Any, limit: int) -> None:
    inert = writable(value, ())
    assert size_of(inert) == len(rfc8785.dumps(inert))
    kept = bounded(inert, limit)
    assert size_of(kept) <= limit
    assert holds_cut(kept) is (size_of(inert) > limit)
    assert kept == inert or size_of(inert) > limit


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='{}[]",:0123456789eE+-.\\u \tnulltrefasNIy', max_size=60))
def test_any_json_text_of_the_wire_is_recorded(text: str) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    with TemporaryDirectory() as folder:
        recorded(Path(folder), value)


def deep(levels: int, *, mapping: bool = False) -> Any:
    value: Any = SECRET
    for _ in range(levels):
        value = {"a": value} if mapping else [value]
    return value


LARGE: dict[str, Callable[[], Any]] = {
    "float that looks like an integer": lambda: 1e17,
    "largest that is written in digits": lambda: math.nextafter(1e21, 0),
    "text that grows fivefold": lambda: "\x01" * 3_000_000,
    "text that grows tenfold": lambda: "\U000e0001" * 1_000_000,
    "line separators": lambda: "\u2028" * 1_000_000,
    "lone surrogates": lambda: "\ud800" * 1_000_000,
    "back slashes": lambda: "\\" * 3_000_000,
    "text of secrets": lambda: SECRET * 300_000,
    "huge key": lambda: {"k" * 3_000_000: 1},
    "many keys": lambda: {f"k{number}": number for number in range(200_000)},
    "keys that all become the mask": lambda: {SECRET: 1, "*" * 8: 2, f"{'*' * 8}~2": 3},
    "huge list": lambda: [[]] * 500_000,
    "deep list": lambda: deep(50_000),
    "deep mapping": lambda: deep(50_000, mapping=True),
    "number without end": lambda: 10**100_000,
    "wide and deep": lambda: {str(n): deep(60) for n in range(5_000)},
    "one large among small": lambda: {"changed": False, "output": "x" * 3_000_000, "exit_code": 5},
}


@pytest.mark.parametrize("kind", LARGE)
def test_whatever_is_large_leaves_the_journal_whole_i5(kind: str, tmp_path: Path) -> None:
    found = recorded(tmp_path, LARGE[kind]())
    assert size_of(found) <= ENTRY_BYTES


def test_marker_says_how_large_it_was_its_hash_and_how_it_began(tmp_path: Path) -> None:
    text = "C:\\Windows\x1b" + "x" * 2_000_000
    found = recorded(tmp_path, {"output": text, "exit_code": 5})["result"]
    canonical = rfc8785.dumps(text.replace("\x1b", "\\x1b"))
    about = found["output"][CUT]
    assert found["exit_code"] == 5
    assert about["bytes"] == len(canonical)
    assert about["sha256"] == hashlib.sha256(canonical).hexdigest()
    assert about["begins"].startswith("C:\\Windows\\x1bxxx")
    assert text_of(found["output"]).endswith(f"... (cut, {len(canonical)} bytes in all)")
    assert "1 line(s) hold only size and SHA-256" in str(verify(tmp_path / "case/journal.jsonl"))


def test_marker_of_what_is_too_deep_has_the_hash_of_its_canonical_json(tmp_path: Path) -> None:
    found = recorded(tmp_path, [deep(300), 1, {"b": [], "a": None}])["result"]
    inner, levels = found[0], 0
    while isinstance(inner, list):
        inner, levels = inner[0], levels + 1
    rest = 300 - levels
    canonical = b"[" * rest + b'"********"' + b"]" * rest
    assert inner == {
        CUT: {"bytes": len(canonical), "sha256": hashlib.sha256(canonical).hexdigest()}
    }
    assert found[1:] == [1, {"b": [], "a": None}]


@pytest.mark.parametrize(
    "number", [2.0**53, -(2.0**53), 1e17, 1e21, 1e300, float("nan"), float("-inf"), 1 << 53]
)
def test_number_that_readers_take_for_another_is_text(number: float, tmp_path: Path) -> None:
    assert recorded(tmp_path, {"a": [number]})["result"] == {"a": [str(number)]}


@pytest.mark.parametrize("number", [2.0**53 - 1, 1.5, 5e-324, -(2**53) + 1, 0, True])
def test_number_that_every_reader_takes_for_itself_is_a_number(
    number: float, tmp_path: Path
) -> None:
    assert recorded(tmp_path, {"a": [number]})["result"] == {"a": [number]}


def test_no_host_forges_a_marker(tmp_path: Path) -> None:
    forged = {CUT: {"bytes": 1, "sha256": "0" * 64}}
    found = recorded(tmp_path, [forged, {"x": forged}])
    assert not holds_cut(found)
    assert found["result"][0] == {f"{CUT}~2": forged[CUT]}


def test_keys_that_become_the_same_are_all_kept(tmp_path: Path) -> None:
    value = {"\x1b": 1, "\\x1b": 2, "\\x1b~2": 3, SECRET: 4, "********": 5, 7: 6, "7": 7, None: 8}
    found = recorded(tmp_path, value)["result"]
    assert sorted(found.values()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {"\\x1b", "\\x1b~2", "\\x1b~2~2", "********", "********~2", "7", "7~2", "None"} == set(
        found
    )


def test_host_that_has_used_its_part_loses_only_what_is_large(tmp_path: Path) -> None:
    made, other = journal(tmp_path), journal(tmp_path, "ex02")
    large = {"changed": True, "output": "x" * 900_000}
    for count in range(30):
        # A new process each time: what a host has used is not in memory.
        journal(tmp_path).record("done", {"number": count, "result": large})
    size = made.path.stat().st_size
    assert 0.8 * HOST_BYTES < size < HOST_BYTES + 30 * (SMALL_BYTES + OVERHEAD)
    made.record("end", {"state": "unknown", "reason": "y" * 2_000_000, "changed": True})
    other.record("done", {"result": large})
    found = list(events(made.path))
    assert [line.content["data"]["number"] for line in found[:30]] == list(range(30))
    assert [holds_cut(line.content["data"]) for line in found[:10]] == [False] * 10
    assert found[29].content["data"]["result"]["changed"] is True
    assert found[29].content["data"]["result"]["output"][CUT]["bytes"] == 900_002
    end = found[30].content["data"]
    assert (end["state"], end["changed"], holds_cut(end["reason"])) == ("unknown", True, True)
    assert found[31].content["data"]["result"] == large, "the neighbour has its own part"
    answer = verify(made.path)
    assert (answer.ok, answer.lines) == (True, 32)


def test_small_events_use_nothing_up(tmp_path: Path) -> None:
    made = journal(tmp_path)
    made.record("done", {"result": "x" * (SMALL_BYTES - 100)})
    assert not used_file(made.path, "ex01").exists()
    made.record("done", {"result": "x" * (SMALL_BYTES + 100)})
    assert int(used_file(made.path, "ex01").read_text()) == 100 + len('{"result":""}')
    disk.replace(used_file(made.path, "ex01"), b"who knows\n")
    made.record("done", {"result": "x" * (SMALL_BYTES + 100)})
    assert [holds_cut(line.content["data"]) for line in events(made.path)] == [False, False, True]


@pytest.mark.parametrize("number", [1e17, -1e17, 2.0**53, 1e20, math.nextafter(1e21, 0)])
def test_line_of_an_earlier_release_with_a_float_in_digits_is_whole(
    number: float, tmp_path: Path
) -> None:
    """It was refused as changed, and every host of the case stopped there."""
    content = {"host": "ex01", "run": "r", "event": "done", "at": AT.isoformat()}
    line = Line.after(None, content | {"data": {"result": {"size": number, "deep": [[number]]}}})
    path = tmp_path / "case" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(encode(line))
    assert verify(path).ok
    journal(tmp_path, "ex02").record("intent", {})
    assert verify(path).lines == 2


@pytest.mark.parametrize("digits", [b"9007199254740993", b"100000000000000001", b"9" * 400])
def test_digits_that_no_writer_of_canonical_json_has_are_refused(digits: bytes) -> None:
    content = {"host": "ex01", "run": "r", "event": "done", "at": AT.isoformat()}
    raw = encode(Line.after(None, content | {"data": {"size": 1e17}}))
    with pytest.raises(JournalError):
        parse(raw.replace(b"100000000000000000", digits), Path("j"), 1)


GROWING: dict[str, Callable[[int], Any]] = {
    "text": lambda size: "\x01" * (size * 10),
    "members": lambda size: {f"k{number}": [number] for number in range(size)},
    "keys that all become the same": lambda size: {
        "".join("\x1b" if number >> bit & 1 else "\\x1b" for bit in range(16)): 1
        for number in range(size)
    },
    "depth": deep,
    "deep members": lambda size: [deep(60)] * (size // 20),
}


@pytest.mark.parametrize("kind", GROWING)
def test_work_and_memory_grow_with_the_size_and_not_faster_i5(kind: str) -> None:
    def cost(size: int) -> tuple[float, int]:
        value = GROWING[kind](size)
        began = time.process_time()
        bounded(writable(value, (SECRET,)), ENTRY_BYTES)
        spent = time.process_time() - began
        tracemalloc.start()
        bounded(writable(value, (SECRET,)), ENTRY_BYTES)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return spent, peak

    cost(100)
    (short, little), (long, much) = cost(2_000), cost(20_000)  # quadratic would be 100 times
    assert long < max(short, 0.005) * 40, (short, long)
    assert much < max(little, 100_000) * 20, (little, much)


@settings(max_examples=500, deadline=None)
@given(
    st.floats(-(2.0**53), 2.0**53) | st.floats(-1e-3, 1e-3) | st.sampled_from([-0.0, 1e-6, 1e-7])
)
def test_number_is_written_as_the_library_does(value: float) -> None:
    assert number(value).encode() == rfc8785.dumps(value)


def test_millions_of_numbers_are_measured_no_further_than_the_bound() -> None:
    calls, most = 0, 5000

    class Counted(float):
        def __repr__(self) -> str:
            nonlocal calls
            calls += 1
            return float.__repr__(self)

    value = {"result": [Counted(1.5)] * 100_000}
    assert size_of(value, most) > most
    assert calls < most
    bounded(value, most)
    # Once more than each for the hash of all of it.
    assert calls < 100_000 + 5 * most
