# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect what one tool left on the server, whole, and prepare the part of it that is of this run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from ...base.errors import AuthenticationFailed, ReplyError, ScriptError, TransportError
from ...host.calls import detection
from ...host.transfer.collect import collect
from ...microsoft.detection.records import CollectedFile
from ...microsoft.detection.text import LARGEST
from .keep import Kept, KeptFiles

if TYPE_CHECKING:
    from pathlib import Path

    from ...host.calls.detection import HostFile
    from ...host.jobs.attempts import JobEnd
    from ...microsoft.record import AttemptRecord
    from .attempt import ToolAttempt

FILE_BYTES = 64 << 20  # of one file, kept in the case
_READ_BYTES = 32 << 20  # of all files of a run, handed to the reader
_ALL_BYTES = 256 << 20  # of all files of a run
# Which files besides those in its own folder a tool leaves (sources of Find-DetectionFile).
# A log that it set aside while it ran is kept as evidence; what is read is its log.
_OUTSIDE = {"msert": ("msert_log", "msert_old_log")}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was collected. ``files``: for the reader; ``kept``: what the case has."""

    console: CollectedFile
    files: tuple[CollectedFile, ...]
    kept: tuple[Kept, ...]
    notes: tuple[str, ...]
    failed: str | None = None  # why something of it is still on the server alone

    @property
    def whole(self) -> bool:
        """Whether everything is in the case as the server has it."""
        return self.failed is None and not any(one.note or one.truncated for one in self.kept)


def gather(attempt: ToolAttempt, record: AttemptRecord, end: JobEnd) -> Gathered:
    """Collect everything; what could not be collected is a note, and the reader misses it."""
    place = KeptFiles(attempt.request.folder, attempt.job, attempt.request.secrets)
    place.prepare()
    notes: list[str] = []
    failed: str | None = None
    console = CollectedFile("", "console", b"", "", "it could not be collected")
    kept: list[Kept] = []
    files: list[CollectedFile] = []
    try:
        printed = place.console(data := attempt.console())
        cut = "its end is missing" if _cut(end, len(data)) else None
        console = CollectedFile(printed.name, printed.origin, data, printed.sha256, cut)
        kept.append(printed)
        listing = detection.files(attempt.session, attempt.job)
        if listing.truncated:
            notes.append("the tool left more files than are listed; the rest was not collected")
            console = replace(console, damage="it left more files than are listed")
        mine = [
            one
            for one in listing.files
            if one.source == "job" or one.source in _OUTSIDE.get(attempt.chosen.wanted.tool.id, ())
        ]
        room, readable = _ALL_BYTES, _READ_BYTES
        for number, one in enumerate(mine, start=1):
            stored = _one(attempt, place, number, one, min(FILE_BYTES, room))
            room = max(0, room - stored.size)
            kept.append(stored)
            read = _of_this_run(stored, place.path(number), one, record, readable)
            readable -= len(read.data)
            files.append(read)
    except AuthenticationFailed:
        raise
    except (TransportError, ReplyError, ScriptError) as error:
        # The reader must not take what is here for all of it.
        failed = f"what it left could not be collected whole: {error}"
        console = replace(console, damage=console.damage or failed)
        notes.append(failed)
    about = {"job": attempt.job, "ended": end.outcome.value, "notes": notes}
    place.index(tuple(kept), about)
    return Gathered(console, tuple(files), tuple(kept), tuple(notes), failed)


def _one(attempt: ToolAttempt, place: KeptFiles, number: int, wanted: HostFile, limit: int) -> Kept:
    path = place.path(number)
    stored = collect(attempt.session, attempt.job, wanted, path, limit)
    return Kept(
        name=place.name(path),
        source=wanted.source,
        origin=wanted.name,
        size=stored.size,
        sha256=stored.sha256,
        sha256_on_host=wanted.sha256,
        modified=wanted.modified,
        truncated=stored.truncated,
        note=stored.note,
    )


def _of_this_run(
    kept: Kept, path: Path, wanted: HostFile, record: AttemptRecord, room: int
) -> CollectedFile:
    """Leave out what stood in a log before the run; one that does not begin so any more is read whole.

    ``room``: bytes that may still be read; the case has all of it.
    """
    begin = 0
    if wanted.source == "msert_log":
        before = detection.read_state(record.before).msert_log
        if before is not None and _digest(path, before.size) == before.sha256:
            begin = before.size
    most = min(LARGEST + 1, room)  # one more shows that there is more
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(most)
    damage = kept.note
    if damage is None and most <= LARGEST and begin + len(data) < kept.size:
        damage = f"all files together are larger than the {_READ_BYTES >> 20} MiB that are read"
    return CollectedFile(kept.name, kept.origin, data, kept.sha256, damage)


def _digest(path: Path, size: int) -> str:
    """The hash of the first bytes of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while size > 0 and (part := file.read(min(size, 1 << 20))):
            digest.update(part)
            size -= len(part)
    return digest.hexdigest()


def _cut(end: JobEnd, size: int) -> bool:
    """Whether the host kept less of what the tool printed than it printed."""
    return end.state is not None and end.state.output_bytes > size
