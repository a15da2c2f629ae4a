# SPDX-License-Identifier: GPL-3.0-or-later
"""A writer that is killed: nothing is lost, and the journal says so (I15)."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.head import JournalHead
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from journals import Killed, filled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_torn_last_line_is_kept_aside_and_said_so_i15(kept: int, tmp_path: Path) -> None:
    made = filled(tmp_path)
    lines = made.path.read_bytes().splitlines(keepends=True)
    torn = lines[2][:kept]  # -1: only the line break is missing
    made.path.write_bytes(b"".join(lines[:2]) + torn)
    end = len(lines[0]) + len(lines[1])
    JournalHead(2, json.loads(lines[1])["hash"], end).write(made.path)
    before = verify(made.path)
    assert (before.ok, before.lines, before.torn_bytes) == (True, 2, len(torn))
    assert "never finished" in str(before)

    made.record("done", {})
    found = list(events(made.path))
    assert [line.content["event"] for line in found[2:]] == ["recovered", "done"]
    (about,) = found[2].content["data"]["kept"]
    assert about["sha256"] == hashlib.sha256(torn).hexdigest()
    assert (made.case / about["file"]).read_bytes() == torn
    after = verify(made.path)
    assert (after.ok, after.recovered, after.torn_bytes) == (True, 1, 0)

    (made.case / about["file"]).write_bytes(b"other bytes")
    assert verify(made.path).problem is not None
    (made.case / about["file"]).unlink()
    assert "is missing or was changed" in str(verify(made.path))


def test_every_prefix_of_a_line_is_recovered_without_losing_a_byte_i15(tmp_path: Path) -> None:
    made = filled(tmp_path, 2)
    first, second = made.path.read_bytes().splitlines(keepends=True)
    for size in range(1, len(second)):
        made.path.write_bytes(first + second[:size])
        JournalHead(1, json.loads(first)["hash"], len(first)).write(made.path)
        made.record("done", {"size": size})
        answer = verify(made.path)
        assert (answer.ok, answer.lines, answer.recovered) == (True, 3, 1), f"{size}: {answer}"
        (kept,) = made.case.glob("*.torn-2-*")
        assert kept.read_bytes() == second[:size]
        kept.unlink()


def test_writer_killed_at_every_call_loses_no_byte_i15(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after every write, truncation, rename and sync; half of a write is written."""
    calls = ("pwrite", "ftruncate", "fsync", "replace")
    real = {name: getattr(os, name) for name in calls}
    step, kill_at, half = 0, 0, False

    def wrapped(name: str) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal step
            step += 1
            if step == kill_at:
                if half and name == "pwrite":
                    number, data, offset = arguments
                    real[name](number, bytes(data)[: len(data) // 2], offset)
                elif half:
                    real[name](*arguments)
                raise Killed
            return real[name](*arguments)

        return call

    for name in calls:
        monkeypatch.setattr(os, name, wrapped(name))
    finished = False
    while not finished:
        kill_at += 1
        for half in (False, True):
            folder = tmp_path / f"{kill_at}-{half}"
            step = -10_000
            made = filled(folder, 1)
            made.path.write_bytes(made.path.read_bytes() + b'{"torn')
            step = 0
            try:
                made.record("intent", {"number": 7})
                finished = True
            except Killed:
                step = -10_000
                made.record("again", {})
            step = -10_000
            answer = verify(made.path)
            assert answer.ok, f"killed at call {kill_at}: {answer}"
            said = [line.content for line in events(made.path)]
            kept = {row["file"] for line in said if line["event"] == "recovered"
                    for row in line["data"]["kept"]}  # fmt: skip
            assert kept == {path.name for path in made.case.glob("*.torn-*")}
            assert any((made.case / name).read_bytes() == b'{"torn' for name in kept)
            assert said[-1]["event"] in ("again", "intent")
    assert kill_at > 12
