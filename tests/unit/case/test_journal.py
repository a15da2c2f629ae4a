# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: append-only, complete, whoever writes and whoever is killed (I14, I15)."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import stat
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import disk
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.head import head_file
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.lines import JournalError
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from journals import AT, filled, journal

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_are_canonical_numbered_chained_and_private(tmp_path: Path) -> None:
    made = filled(tmp_path)
    prev = "0" * 64
    for number, raw in enumerate(made.path.read_bytes().splitlines(), start=1):
        line = json.loads(raw)
        assert raw == rfc8785.dumps(line)
        assert (line["seq"], line["prev"], line["at"]) == (number, prev, AT.isoformat())
        assert (line["host"], line["run"], line["event"]) == ("ex01", "run-1", "intent")
        prev = line.pop("hash")
        assert hashlib.sha256(rfc8785.dumps(line)).hexdigest() == prev
    modes = {stat.S_IMODE(path.stat().st_mode) for path in made.case.iterdir() if path.is_file()}
    assert (modes, stat.S_IMODE(made.case.stat().st_mode)) == ({0o600}, 0o700)
    answer = verify(made.path)
    assert (answer.ok, answer.lines, answer.hash, answer.torn_bytes) == (True, 3, prev, 0)
    assert f"3 lines as written, the last one is {prev}" in str(answer)


def test_every_change_of_one_bit_is_found_with_its_line_i14(tmp_path: Path) -> None:
    made = filled(tmp_path)
    good = made.path.read_bytes()
    starts = [0] + [at + 1 for at, byte in enumerate(good) if byte == 0x0A]
    for at in range(len(good)):
        changed = bytearray(good)
        changed[at] ^= 1 << (at % 8)
        made.path.write_bytes(changed)
        answer = verify(made.path)
        line = sum(start <= at for start in starts)
        assert answer.problem is not None, f"byte {at}"
        assert answer.problem.line in (line, line + (good[at] == 0x0A)), f"byte {at}: {answer}"
    made.path.write_bytes(good)
    assert verify(made.path).ok


DAMAGE: dict[str, tuple[Any, int]] = {
    "first removed": (lambda lines: lines[1:], 1),
    "middle removed": (lambda lines: [lines[0], *lines[2:]], 2),
    "last removed": (lambda lines: lines[:-1], 4),
    "all removed": (lambda _lines: [], 1),
    "reordered": (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
    "doubled": (lambda lines: [*lines, lines[-1]], 5),
    "foreign": (lambda lines: [*lines[:3], b'{"event": "mine"}\n'], 4),
    "not json": (lambda lines: [*lines[:3], b"\xff\n"], 4),
    "spaces": (lambda lines: [*lines[:3], lines[3].replace(b":", b": ", 1)], 4),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused_with_the_line(name: str, tmp_path: Path) -> None:
    made = filled(tmp_path, 4)
    change, line = DAMAGE[name]
    made.path.write_bytes(b"".join(change(made.path.read_bytes().splitlines(keepends=True))))
    damaged = made.path.read_bytes()
    answer = verify(made.path)
    assert answer.problem is not None
    assert answer.problem.line == line
    assert f"journal.jsonl:{line}: the journal was changed" in str(answer)
    with pytest.raises(JournalError, match="the journal was changed"):
        list(events(made.path))
    if name != "reordered":  # of the same size: an append looks at the end only
        with pytest.raises(JournalError, match=f"jsonl:{line}: the journal was changed"):
            made.record("done", {})
        assert made.path.read_bytes() == damaged


def test_rewritten_tail_with_good_hashes_does_not_fit_the_head(tmp_path: Path) -> None:
    made = filled(tmp_path)
    other = journal(tmp_path / "other")
    for number in range(3):
        other.record("intent", {"number": number, "text": "forged"})
    made.path.write_bytes(other.path.read_bytes())
    answer = verify(made.path)
    assert answer.problem is not None
    assert answer.problem.line == 3
    with pytest.raises(JournalError, match="jsonl:3:"):
        made.record("done", {})
    head_file(made.path).write_text("3 x\n")
    assert "does not hold number, hash and size" in str(verify(made.path))


def _write_many(folder: Path, host: str, count: int) -> None:
    made = journal(folder, host)
    for number in range(count):
        made.record("done", {"number": number, "result": "x" * 5000})


def test_many_processes_write_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    hosts = [f"ex{number:02}" for number in range(8)]
    workers = [context.Process(target=_write_many, args=(tmp_path, host, 15)) for host in hosts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    found = list(events(journal(tmp_path).path))
    assert len(found) == 8 * 15
    for host in hosts:
        mine = [line.content["data"]["number"] for line in found if line.content["host"] == host]
        assert mine == list(range(15))


def test_append_reads_the_last_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled(tmp_path, 1)
    for _ in range(4):
        made.record("done", {"result": "x" * 900_000})
    for number in range(20):
        made.record("intent", {"number": number})
    read = 0
    real = os.pread

    def counted(number: int, length: int, offset: int) -> bytes:
        nonlocal read
        data = real(number, length, offset)
        read += len(data)
        return data

    monkeypatch.setattr(os, "pread", counted)
    made.record("done", {})
    assert read < 200_000
    assert made.path.stat().st_size > 3_000_000


def test_verifying_needs_memory_for_one_line_only_i5(tmp_path: Path) -> None:
    made = journal(tmp_path)
    for _ in range(30):
        made.record("done", {"result": "x" * 1_000_000})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert verify(made.path).lines == 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


HOSTILE = {
    "large": 1 << 70,
    "small": -(1 << 60),
    "nan": float("nan"),
    "surrogate": "\ud800",
    "control": "\x1b[2J\u202e",
    "bytes": b"\xff",
    7: {"set": {1}},
    "nested": [[None, True, 1.5]],
}


def test_whatever_a_host_sends_can_be_recorded_i4(tmp_path: Path) -> None:
    made = journal(tmp_path)
    made.record("done", {"result": HOSTILE})
    raw = made.path.read_text()
    assert verify(made.path).ok
    assert "\x1b" not in raw
    assert json.loads(raw)["data"]["result"]["large"] == str(1 << 70)


def test_no_secret_gets_in_i8(tmp_path: Path) -> None:
    secrets = ("Passw0rd!", "Passw0rd!-and-more", 'quo"ted\\pass')
    made = journal(tmp_path, secrets=secrets)
    made.record(
        "intent",
        {
            "parameters": {"source": "https://user:S3cret@share.example/packages"},
            "echo": f"logged on with {secrets[1]}",
            "list": [{"deep": [secrets[0], secrets[2]]}],
            secrets[0]: 1,
        },
    )
    raw = made.path.read_bytes()
    for secret in (*secrets, "and-more", "S3cret"):
        assert secret.encode() not in raw
        assert json.dumps(secret)[1:-1].encode() not in raw
    assert b"https://user:********@share.example/packages" in raw
    assert all(secret not in repr(made) for secret in secrets)


def test_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "case").write_text("a file")
    with pytest.raises(ConfigError, match="the journal cannot be written"):
        journal(tmp_path).record("intent", {})


def test_journal_that_is_a_link_is_refused_i6(tmp_path: Path) -> None:
    made = filled(tmp_path, 1)
    other = tmp_path / "elsewhere"
    made.path.rename(other)
    made.path.symlink_to(other)
    before = other.read_bytes()
    with pytest.raises(ConfigError, match="cannot be written"):
        made.record("done", {})
    assert other.read_bytes() == before


def test_journal_that_is_not_there_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        verify(tmp_path / "journal.jsonl")


def test_replaced_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    disk.replace(path, b"one")
    (tmp_path / ".x.new").write_bytes(b"left by a killed one, and longer")
    disk.replace(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
