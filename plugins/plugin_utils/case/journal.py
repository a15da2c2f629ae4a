# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a case: one line of canonical JSON per event, each with the hash of the one before.

::

    CASE/journal.jsonl                 the lines; only ever added to
    CASE/journal.jsonl.head            where it has got to: shows that lines are missing
    CASE/journal.jsonl.lock            one writer at a time, over processes
    CASE/journal.jsonl.torn-N-SHA256   the beginning of line N, from a writer that was killed
    CASE/journal.jsonl.used-HOST       how much of it a host has used, where that is more than usual

A line is on the disk before ``record`` returns. Folder and files are the operator's alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ..base import disk
from ..base.clock import utc_now
from ..base.errors import ConfigError
from .bounds import SMALL_BYTES, bounded, entry_limit, size_of
from .budget import add, used
from .head import JournalHead, read_head
from .lines import JournalError, Line, encode
from .masking import writable
from .tail import broken_off, last_line
from .verify import verify
from .vocabulary import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "journal.jsonl"
_PATIENCE = 300.0  # seconds for the other writers; each needs some milliseconds
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal in one case folder, written by one run on behalf of one host.

    ``secrets`` are masked in everything that is written. Raises :class:`ConfigError` where the
    folder cannot be written, and ``JournalError`` where the journal was damaged: then nothing that
    would have to be recorded may be done.
    """

    case: Path
    host: str
    run: str
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    now: Callable[[], datetime] = utc_now

    @property
    def path(self) -> Path:
        return self.case / NAME

    def record(self, event: str, data: dict[str, Any]) -> None:
        """Append one event; it is on the disk when this returns.

        It is always written, whatever a host sends; its data has a bound for each event, and the
        data of all events of a host have one (``bounds``).
        """
        inert = writable(data, self.secrets, EVENT)
        try:
            disk.make_folder(self.case)
            kept = bounded(inert, entry_limit(used(self.path, self.host)))
            large = size_of(kept) - SMALL_BYTES
            content = self._about(event, kept)
            with FileLock(
                f"{self.path}.lock", _PATIENCE, disk.FILE_MODE, poll_interval=_POLL_SECONDS
            ):
                self._append(content)
                if large > 0:
                    add(self.path, self.host, large)
        except OSError as error:
            raise ConfigError(
                f"{error.filename or self.path}: the journal cannot be written "
                f"({error.strerror or error}); make room or correct the rights, then run again"
            ) from error

    def _append(self, content: dict[str, Any]) -> None:
        number = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, disk.FILE_MODE
        )
        try:
            size, last = self._end(number)
            torn = broken_off(number, self.path, size, last)
            if torn:
                size, last = self._add(number, size, last, self._about("recovered", {"kept": torn}))
            self._add(number, size, last, content)
        finally:
            os.close(number)
        disk.sync_folder(self.case)

    def _about(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        return {"host": self.host, "run": self.run, "event": event, "data": data}

    def _add(
        self, number: int, size: int, last: Line | None, content: dict[str, Any]
    ) -> tuple[int, Line]:
        """Write one line behind the last whole one, then note where the journal is."""
        line = Line.after(last, {**content, "at": self.now().astimezone(UTC).isoformat()})
        raw = encode(line)
        disk.write_at(number, raw, size)
        JournalHead.of(line, size + len(raw)).write(self.path)
        return size + len(raw), line

    def _end(self, number: int) -> tuple[int, Line | None]:
        """Return where the whole lines end and the last of them, if that is where it was left."""
        try:
            (size, last), head = last_line(number, self.path), read_head(self.path)
        except JournalError as error:
            raise self._first_damage(error) from error
        here = JournalHead.of(last, size)
        if head.seq > here.seq or (head.seq == here.seq and head != here):
            why = "its end is not where it was left"
            raise self._first_damage(JournalError(self.path, here.seq, why))
        return size, last

    def _first_damage(self, found: JournalError) -> JournalError:
        """Only now the whole of it is read, for the number of the first line that is wrong."""
        return verify(self.path).problem or found
