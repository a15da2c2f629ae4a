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
from .keep import Kept, KeptFiles

if TYPE_CHECKING:
    from ...host.calls.detection import HostFile
    from ...host.jobs.attempts import JobEnd
    from ...microsoft.record import AttemptRecord
    from .attempt import ToolAttempt

FILE_BYTES = 64 << 20  # of one file
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
        room = _ALL_BYTES
        for number, one in enumerate(mine, start=1):
            stored, data = _one(attempt, place, number, one, min(FILE_BYTES, room))
            room = max(0, room - stored.size)
            kept.append(stored)
            files.append(_of_this_run(stored, data, one, record))
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


def _one(
    attempt: ToolAttempt, place: KeptFiles, number: int, wanted: HostFile, limit: int
) -> tuple[Kept, bytes]:
    path = place.path(number)
    stored = collect(attempt.session, attempt.job, wanted, path, limit)
    kept = Kept(
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
    return kept, path.read_bytes()


def _of_this_run(kept: Kept, data: bytes, wanted: HostFile, record: AttemptRecord) -> CollectedFile:
    """Leave out what stood in a log before the run; one that does not begin so any more is read whole."""
    if wanted.source == "msert_log":
        before = detection.read_state(record.before).msert_log
        same = before is not None and sha256(data[: before.size]).hexdigest() == before.sha256
        if before is not None and same:
            data = data[before.size :]
    return CollectedFile(kept.name, kept.origin, data, kept.sha256, kept.note)


def _cut(end: JobEnd, size: int) -> bool:
    """Whether the host kept less of what the tool printed than it printed."""
    return end.state is not None and end.state.output_bytes > size
