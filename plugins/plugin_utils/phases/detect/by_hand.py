# SPDX-License-Identifier: GPL-3.0-or-later
"""What a detection tool left that somebody else has run: read as a run of our own, and kept in a case.

How the run ended is what the operator states; unstated, it is not known, and then nothing that was not
found counts as not there (I1). Whoever states it is recorded with the reason.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base import disk
from ...base.dates import utc_text
from ...base.errors import ConfigError
from ...base.names import case_name
from ...catalog.records.detection_tools import DetectionMode
from ...judge.compromise.serialize import check_to_dict, verdict_to_dict
from ...judge.compromise.verdict import compromise_of
from ...microsoft.detection.healthchecker import read_healthchecker
from ...microsoft.detection.read import read_run
from ...microsoft.detection.records import CollectedFile, HostView, RunEnd, ToolRun
from ...microsoft.detection.text import LARGEST, shown
from .keep import Kept, KeptFiles
from .probe import exposure_to_dict
from .result import NAME, keep, read_kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ...catalog.records.detection_tools import DetectionTool
    from ...catalog.records.tools import ScriptVersion
    from ...judge.compromise.records import CompromiseVerdict, ExposureCheck, ToolReading

_FILES = 2000
_ALL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class RunStatement:
    """What the operator says of the run. ``ended``: on the server's clock; ``reason``: where it comes from.

    ``exit_code``, ``events_from`` (oldest record of the Application log): None where nobody knows.
    """

    host: str
    campaign: str
    since: datetime
    ended: datetime
    by: str
    reason: str = ""
    exit_code: int | None = None
    events_from: datetime | None = None
    file_sha256: str | None = None
    file_dated: datetime | None = None
    computer: str = ""  # the server's own name, where the inventory has another


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What was read. ``kept``: what goes into the case, with its bytes."""

    tool: DetectionTool
    mode: DetectionMode
    version: ScriptVersion | None
    reading: ToolReading
    exposure: tuple[ExposureCheck, ...]
    verdict: CompromiseVerdict
    kept: tuple[tuple[Kept, bytes], ...]


def mode_of(tool: DetectionTool, name: str | None) -> DetectionMode:
    """Return the command line that was run; a tool that is only read has one question of its own.

    :raises ConfigError: it has several and none is named, or none of that name.
    """
    if not tool.modes:
        return DetectionMode("default", (), False, 0, 0, f"{tool.id}/scan", {}, tool.source)  # noqa: FBT003
    known = [mode.name for mode in tool.modes]
    wanted = name or (known[0] if len(known) == 1 else "")
    if wanted not in known:
        raise ConfigError(f"--mode: say which run of {tool.id} it was: {' or '.join(known)}")
    return tool.mode(wanted)


def read_by_hand(
    tool: DetectionTool,
    mode: DetectionMode,
    version: ScriptVersion | None,
    paths: Sequence[Path],
    console: Path | None,
    said: RunStatement,
) -> HandedOver:
    """Read files and folders that were copied from a server; ``console``: what the tool printed.

    :raises ConfigError: one cannot be read, is no plain file, or there are too many.
    """
    if tool.where != "server":
        raise ConfigError(f"--tool: {tool.id} is asked from here; run it with the playbook detect")
    if said.since > said.ended:
        raise ConfigError(
            "--since: it is later than the end of the run, which then saw nothing of it"
        )
    found, room = [], _ALL_BYTES
    for path in _files(paths):
        data = _bytes(path)
        room -= len(data)
        if room < 0:
            most = f"{_ALL_BYTES >> 20} MiB"
            raise ConfigError(f"the files are larger than {most} together; give those of one run")
        found.append((path, data))
    kept = [_kept(path, data, number) for number, (path, data) in enumerate(found, start=1)]
    files = tuple(_collected(one, data) for one, data in kept)
    printed = _kept(console, _bytes(console), 0) if console else None
    text = CollectedFile("", "console", b"", "", "what it printed is not here")
    if printed is not None:
        text = replace(_collected(*printed), origin="console")
    run = ToolRun(
        tool=tool,
        version=version,
        mode=mode,
        era=tool.era(version),
        ended=RunEnd.FINISHED if said.exit_code is not None else RunEnd.UNKNOWN,
        exit_code=said.exit_code,
        console=text,
        files=files,
        host=HostView(said.ended, said.events_from, said.computer or said.host, said.ended),
    )
    exposure: tuple[ExposureCheck, ...] = ()
    if tool.id == "healthchecker":
        exposure = tuple(check for file in files for check in read_healthchecker(file))
    reading = read_run(run, said.since)
    if exposure:  # it looks for holes and not for intruders: no question of that kind was asked
        reading = replace(reading, checks=())
    verdict = compromise_of(reading.checks, (), said.since)
    everything = [*([printed] if printed else []), *kept]
    return HandedOver(tool, mode, version, reading, exposure, verdict, tuple(everything))


def keep_by_hand(read: HandedOver, said: RunStatement, case: Path, job: str) -> Path:
    """Keep the files under names of ours, and add what they say to ``detection.json``; returns its path.

    :raises ConfigError: nothing can be written, or what is there cannot be read.
    """
    folder = case / case_name(said.host, "host")
    read_kept(folder / NAME)  # what is wrong with it is said before anything is copied
    place = KeptFiles(folder, job)
    place.prepare()
    rows = []
    for one, data in read.kept:
        path = place.folder / one.name
        place.put(path, data)
        rows.append(replace(one, name=place.name(path)))
    stated = {
        "by": said.by, "reason": said.reason, "exit_code": said.exit_code,
        "events_from": utc_text(said.events_from) if said.events_from else None,
    }  # fmt: skip
    place.index(tuple(rows), {"job": job, "stated": stated})
    names = {one.name: row.name for (one, _), row in zip(read.kept, rows, strict=True)}
    record = {
        "schema": 1,
        "host": said.host,
        "run": job,
        "campaign": said.campaign,
        "tools": [_entry(read, said, job, rows, names)] if read.reading.checks else [],
        "exposure": [_renamed(exposure_to_dict(one), names) for one in read.exposure],
        "verdict": verdict_to_dict(read.verdict) if read.reading.checks else None,
    }
    keep(folder / NAME, record, said.since, ())
    return folder / NAME


def _entry(
    read: HandedOver, said: RunStatement, job: str, rows: list[Kept], names: dict[str, str]
) -> dict[str, Any]:
    """The same members as a run of our own has."""
    return {
        "tool": read.tool.id,
        "title": read.tool.title,
        "version": str(read.version) if read.version else None,
        "mode": read.mode.name,
        "file": read.tool.file,
        "file_sha256": said.file_sha256,
        "file_dated": utc_text(said.file_dated) if said.file_dated else None,
        "pinned_by": None,
        "arguments": list(read.mode.arguments),
        "job": job,
        "ended": "stated" if said.exit_code is not None else "not-known",
        "exit_code": said.exit_code,
        "started": None,
        "finished": utc_text(said.ended),
        "complete": read.reading.finished,
        "said": read.reading.said,
        "by": said.by,
        "campaign": said.campaign,
        "since": utc_text(said.since),
        "reason": said.reason,
        "checks": [_renamed(check_to_dict(check), names) for check in read.reading.checks],
        "notes": list(read.reading.notes),
        "files": [
            {"name": row.name, "origin": row.origin, "size": row.size, "sha256": row.sha256}
            for row in rows
        ],
        "whole": True,
    }


def _renamed(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The same with evidence named as the case names it."""
    evidence = [*row.get("evidence", ()), *(one["evidence"] for one in row.get("findings", ()))]
    for one in evidence:
        one["file"] = names.get(one["file"], one["file"])
    return row


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files that are named, and those below the folders, in order.

    What cannot be looked into may hold what was found: it is an error, and so is a link.
    """
    seen = 0
    for path in paths:
        if not path.is_dir():
            yield path
            seen += 1
        else:
            for folder, below, names in os.walk(path, onerror=_unseen):
                below.sort()
                here = Path(folder)
                for link in [one for one in below if (here / one).is_symlink()]:
                    raise ConfigError(f"{here / link} is a link; give what it leads to")
                for name in sorted(names):
                    yield here / name
                    seen += 1
                    if seen > _FILES:
                        break
        if seen > _FILES:
            raise ConfigError(f"{path}: more than {_FILES} files; give those of one run")


def _unseen(error: OSError) -> None:
    raise ConfigError(f"{error.filename} cannot be read: {error.strerror}; check it") from error


def _bytes(path: Path) -> bytes:
    try:
        data = disk.read_plain(path, LARGEST + 1)
    except ValueError as error:
        raise ConfigError(f"{path} is no plain file; give files that were copied") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check it") from error
    if len(data) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST >> 20} MiB; is it a file of the tool?")
    return data


def _kept(path: Path, data: bytes, number: int) -> tuple[Kept, bytes]:
    name = f"{number:04}.bin" if number else "console.bin"
    digest = hashlib.sha256(data).hexdigest()
    return Kept(name, "handed-over", shown(path), len(data), digest, None), data


def _collected(kept: Kept, data: bytes) -> CollectedFile:
    return CollectedFile(kept.name, kept.origin, data, kept.sha256)
