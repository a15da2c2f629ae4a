# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a journal offline, line by line, and read its events; memory for one line only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import ConfigError
from .bounds import holds_cut
from .head import read_head
from .lines import FIRST, LARGEST, JournalError, Line, parse
from .tail import kept_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """The answer about one journal. ``problem`` is the first thing wrong, with its line."""

    path: Path
    lines: int  # good ones, from the first
    hash: str  # of the last good line: whoever notes it elsewhere can show that none is missing
    torn_bytes: int  # behind the last line, of a writer that was killed; the next event keeps them
    recovered: int  # lines that say that such a beginning was kept
    cut: int  # lines in which a marker stands for what a host sent too much of
    problem: JournalError | None = None

    @property
    def ok(self) -> bool:
        """Whether every line is as it was written."""
        return self.problem is None

    def __str__(self) -> str:
        if self.problem is not None:
            return str(self.problem)
        parts = [f"{self.path}: {self.lines} lines as written, the last one is {self.hash}"]
        if self.recovered:
            parts.append(f"{self.recovered} interruption(s) recovered, their bytes are kept")
        if self.cut:
            parts.append(f"{self.cut} line(s) hold only size and SHA-256 of what was too large")
        if self.torn_bytes:
            parts.append(f"{self.torn_bytes} bytes of a line that was never finished behind them")
        return "; ".join(parts)


def verify(path: Path) -> Verified:
    """Check every line, the chain, the head and what was kept; changes nothing.

    :raises ConfigError: the file cannot be read at all.
    """
    lines, last, recovered, cut, problem = 0, FIRST, 0, 0, None
    reader = _Reader(path)
    try:
        for line in reader:
            lines, last = line.seq, line.hash
            recovered += line.content["event"] == "recovered"
            cut += holds_cut(line.content["data"])
    except JournalError as error:
        problem = error
    return Verified(path, lines, last, reader.torn, recovered, cut, problem)


def events(path: Path) -> Iterator[Line]:
    """Yield the lines, each checked with its chain; raises ``JournalError`` at the first bad one."""
    yield from _Reader(path)


class _Reader:
    """Whole lines of a journal, checked; ``torn`` is the size of what stands behind the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = 0

    def __iter__(self) -> Iterator[Line]:
        # Read first: somebody may be writing, and the head is never ahead of the lines.
        head = read_head(self.path)
        number, prev = 0, FIRST
        for raw in self._whole_lines():
            number += 1
            line = parse(raw, self.path, number)
            if line.prev != prev:
                raise JournalError(self.path, number, "the line before it is another one")
            if number == head.seq and line.hash != head.hash:
                raise JournalError(self.path, number, "another line was written there")
            _check_kept(self.path, line)
            prev = line.hash
            yield line
        if head.seq > number:
            why = f"line {head.seq} was written and is missing"
            raise JournalError(self.path, number + 1, why)

    def _whole_lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as stream:
                while raw := stream.readline(LARGEST + 1):
                    if not raw.endswith(b"\n"):
                        self.torn = len(raw)
                        return
                    yield raw
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror or error}") from error


def _check_kept(path: Path, line: Line) -> None:
    """Every beginning that a ``recovered`` line names is there with its bytes."""
    if line.content["event"] != "recovered":
        return
    here = {file.name: file for file in kept_files(path, line.seq)}
    for kept in line.content["data"]["kept"]:
        file = here.get(kept["file"])
        if file is None or _digest(file) != kept["sha256"]:
            raise JournalError(path, line.seq, f"{kept['file']} is missing or was changed")


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
