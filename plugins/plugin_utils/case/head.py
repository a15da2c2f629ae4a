# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a journal has got to, beside it: shows lines that are missing at its end, which hashes cannot.

One line: number, hash and end of the last line. A writer that is killed leaves it one line behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base import disk
from .lines import FIRST, JournalError

if TYPE_CHECKING:
    from pathlib import Path

    from .lines import Line


@dataclass(frozen=True, slots=True)
class JournalHead:
    """The last line that was written, and the size of the journal behind it."""

    seq: int = 0
    hash: str = FIRST
    end: int = 0

    @classmethod
    def of(cls, line: Line | None, end: int) -> JournalHead:
        return cls(line.seq, line.hash, end) if line else cls()

    def write(self, path: Path) -> None:
        disk.replace(head_file(path), f"{self.seq} {self.hash} {self.end}\n".encode())


def head_file(path: Path) -> Path:
    """Return the file with the head of a journal."""
    return path.with_name(f"{path.name}.head")


def read_head(path: Path) -> JournalHead:
    """Return the head of a journal; an empty one where nothing was written yet."""
    file = head_file(path)
    try:
        seq, digest, end = file.read_text(encoding="ascii").split()
        return JournalHead(int(seq), digest, int(end))
    except FileNotFoundError:
        return JournalHead()
    except ValueError as error:
        raise JournalError(file, 1, "it does not hold number, hash and size") from error
