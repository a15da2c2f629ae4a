# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of a host in the case: whole and hashed twice, or with a note of what is missing."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    ReplySchemaError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls import detection
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.detection import (
    HostFile,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.collect import (
    collect,
)

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 2500  # more than two parts


class Host:
    """Answers with the bytes that it has now, and counts."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[int] = []

    def ask(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Any:
        assert (operation, key) == ("Get-DetectionFile", None)
        offset = parameters["offset"]
        self.asked.append(offset)
        part = self.data[offset : offset + parameters["limit"]]
        text = base64.b64encode(part).decode()
        return SimpleNamespace(result={"size": len(self.data), "offset": offset, "data": text})


def listed(size: int = len(DATA), data: bytes = DATA) -> HostFile:
    return HostFile("job", "object.json", size, hashlib.sha256(data).hexdigest(), None)


def test_whole_file_arrives_in_parts(tmp_path: Path) -> None:
    host, path = Host(DATA), tmp_path / "0001.bin"
    found = collect(host, "job-1", listed(), path, 1 << 30)
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o077 == 0
    assert (found.sha256, found.size) == (listed().sha256, len(DATA))
    assert (found.truncated, found.note) == (False, None)
    assert host.asked == [0, 262_144, 524_288]


def test_file_that_grows_meanwhile_is_brought_as_it_was_listed(tmp_path: Path) -> None:
    found = collect(Host(DATA + b"more"), "job-1", listed(), tmp_path / "a", 1 << 30)
    assert (found.size, found.note) == (len(DATA), None)


@pytest.mark.parametrize(
    ("data", "limit", "truncated", "says"),
    [
        (DATA[:300_000], 1 << 30, True, "became shorter"),
        (DATA, 1000, True, "only the first 1000"),
        (DATA[:-1] + b"!", 1 << 30, False, "changed in between"),
    ],
)
def test_what_is_missing_or_another_is_said(
    data: bytes, limit: int, *, truncated: bool, says: str, tmp_path: Path
) -> None:
    found = collect(Host(data), "job-1", listed(), tmp_path / "a", limit)
    assert found.truncated is truncated
    assert says in (found.note or "")


def test_case_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        collect(Host(DATA), "job-1", listed(), tmp_path / "none" / "a", 1 << 30)


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"size": -1, "data": ""},
        {"size": 1, "data": "%%%"},
        {"size": 9, "data": "AAAA" * 9},
    ],
)
def test_answer_that_makes_no_sense_is_refused(result: Any) -> None:
    host: Any = SimpleNamespace(ask=lambda *_: SimpleNamespace(result=result))
    with pytest.raises(ReplySchemaError):
        detection.read_part(host, "job-1", listed(), 0, 5)


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"name": "", "size": 1},
        {"name": "a", "size": True},
        {"name": "a", "size": 1, "sha256": "x"},
    ],
)
def test_list_that_makes_no_sense_is_refused(row: Any) -> None:
    host: Any = SimpleNamespace(ask=lambda *_: SimpleNamespace(result={"files": [row]}))
    with pytest.raises(ReplySchemaError):
        detection.files(host, "job-1")


def test_state_says_what_could_not_be_read() -> None:
    unread = [SimpleNamespace(source="msert_log")]
    answer = SimpleNamespace(result={"scanners": None, "msert_log": None}, errors=unread)
    host: Any = SimpleNamespace(ask=lambda *_: answer)
    state = detection.read_state(detection.ask_state(host))
    assert (state.scanners, state.msert_log, state.log_read) == (None, None, False)
    answer.errors, answer.result = [], {"scanners": [{"name": "mrt", "id": 7}], "msert_log": None}
    state = detection.read_state(detection.ask_state(host))
    assert [(one.name, one.id) for one in state.scanners or ()] == [("mrt", 7)]
    assert state.log_read
