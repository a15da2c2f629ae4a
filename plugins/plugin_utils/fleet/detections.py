# SPDX-License-Identifier: GPL-3.0-or-later
"""What the detection tools said of each host: ``detection.json`` of all cases under a folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.dates import within_reason
from ..base.errors import ConfigError
from ..base.model import COMPROMISE_ORDER, SUSPICIOUS, CompromiseState
from ..base.sanitize import clean
from ..judge.compromise.schedule import ScanRecord
from ..judge.compromise.serialize import check_from_dict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..judge.compromise.records import DetectionCheck

NAME = "detection.json"
SCHEMA = 1
_DEEPEST = 8  # cases/case/run/host/detection.json, and what people put above
_ENTRIES = 100_000
_FILES = 20_000
_BYTES = 8 * 1024 * 1024
_SHA256 = 64


@dataclass(frozen=True, slots=True)
class DetectionStore:
    """``records``: host -> its runs, oldest first. ``problems``: file -> why it counts for nothing."""

    records: Mapping[str, tuple[ScanRecord, ...]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def read_detections(cases: Path) -> DetectionStore:
    """Read every ``detection.json`` under a folder; of two that tell of one run, the newer counts.

    No symbolic link is followed. A file that cannot be read is a problem, by its name.

    :raises ConfigError: there is no such folder, or it holds more than can be read.
    """
    if not cases.is_dir():
        raise ConfigError(f"{cases}: no such folder; name the folder of the cases")
    found: dict[tuple[str, ...], tuple[tuple[bool, float, int], ScanRecord]] = {}
    hosts: dict[str, str] = {}  # without regard to capitals -> as it was written first
    problems: dict[str, str] = {}
    for path in _files(cases, problems):
        try:
            host, runs = _read(path, cases)
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            problems[str(clean(str(path)))] = f"{type(error).__name__}: {clean(str(error))[:200]}"
            continue
        hosts.setdefault(host.casefold(), host)
        for name, run in runs:
            # Of a finding, no other record of the same run takes it away.
            own = run.record if run.state in SUSPICIOUS and run.record else ""
            key = (host.casefold(), run.tool, run.mode, name, own)
            end = run.finished.timestamp() if run.finished else 0.0
            rank = (run.finished is not None, end, -COMPROMISE_ORDER.index(run.state))
            if key not in found or rank > found[key][0]:
                found[key] = rank, run
    records: dict[str, tuple[ScanRecord, ...]] = {}
    for folded, host in sorted(hosts.items()):
        ranked = [found[key] for key in found if key[0] == folded]
        ranked.sort(key=lambda pair: pair[0])
        records[host] = tuple(replace(run, host=host) for _, run in ranked)
    return DetectionStore(records, problems)


def _files(cases: Path, problems: dict[str, str]) -> Iterator[Path]:
    """All files of this name, in order of their path."""
    seen = files = 0
    folders = [(cases, 0)]
    while folders:
        folder, depth = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            problems[str(clean(str(folder)))] = f"{type(error).__name__}: {clean(str(error))[:200]}"
            continue
        seen += len(entries)
        for entry in entries:
            if entry.name == NAME:
                files += 1
                yield Path(entry.path)
            elif why := _skipped(entry, depth, cases):
                problems[str(clean(entry.path))] = why
            elif entry.is_dir(follow_symlinks=False):
                folders.append((Path(entry.path), depth + 1))
        if seen > _ENTRIES or files > _FILES:
            raise ConfigError(
                f"{cases}: more than {_ENTRIES} entries or {_FILES} files {NAME}; name one case"
            )


def _skipped(entry: os.DirEntry[str], depth: int, cases: Path) -> str | None:
    """Why a folder is not looked into, although it may hold records."""
    if entry.is_symlink():
        inside = Path(entry.path).resolve().is_relative_to(cases.resolve())
        return None if inside or not entry.is_dir() else "it is a link, which is not followed"
    if depth >= _DEEPEST and entry.is_dir():
        return f"it is more than {_DEEPEST} folders down; name the folder of its case"
    return None


def _read(path: Path, cases: Path) -> tuple[str, list[tuple[str, ScanRecord]]]:
    document = json.loads(_bytes(path))
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is no {NAME} of schema {SCHEMA}")
    document = clean(document)
    host, tools = _text(document, "host"), document["tools"]
    if not isinstance(tools, list):
        raise TypeError("'tools' is no list")
    verdict = document.get("verdict") or {}
    if not isinstance(verdict, dict):
        raise TypeError("'verdict' is no object")
    # Of the file, where its entries do not say it themselves; of each run it may be another.
    about = {"campaign": _text(document, "campaign"), "since": verdict.get("since")}
    record = str(clean(str(path.relative_to(cases))))
    runs = [_run(host, {**about, **row} if isinstance(row, dict) else row) for row in tools]
    return host, [
        (
            name,
            replace(
                run,
                record=record,
                checks=_placed(run.checks, record),
            ),
        )
        for name, run in runs
    ]


def _placed(checks: tuple[DetectionCheck, ...], record: str) -> tuple[DetectionCheck, ...]:
    """The checks with their evidence named from the folder of the cases on."""
    folder = PurePosixPath(record).parent
    return tuple(
        replace(
            check,
            findings=tuple(
                replace(one, evidence=replace(one.evidence, file=str(folder / one.evidence.file)))
                for one in check.findings
            ),
        )
        for check in checks
    )


def _bytes(path: Path) -> bytes:
    data = disk.read_plain(path, _BYTES + 1)
    if len(data) > _BYTES:
        raise ValueError(f"it is larger than {_BYTES} bytes")
    return data


def _run(host: str, row: Any) -> tuple[str, ScanRecord]:
    if not isinstance(row, dict):
        raise TypeError("a tool is no object")
    if not isinstance(row["checks"], list):
        raise TypeError("'checks' is no list")
    checks = tuple(check_from_dict(check) for check in row["checks"])
    complete = row["complete"]
    if not isinstance(complete, bool):
        raise TypeError("'complete' is neither true nor false")
    digest = row.get("file_sha256")
    if digest is not None and (not isinstance(digest, str) or len(digest) != _SHA256):
        raise ValueError("'file_sha256' is no SHA-256")
    started = _moment(row, "started")
    job = row.get("job")
    known = f"{job if isinstance(job, str) else ''} {started.isoformat() if started else ''}"
    return known, ScanRecord(
        host,
        _text(row, "tool"),
        _text(row, "mode"),
        _moment(row, "finished"),
        digest.lower() if digest else None,
        _moment(row, "file_dated"),
        min(
            (one.state for one in checks),
            key=COMPROMISE_ORDER.index,
            default=CompromiseState.INCONCLUSIVE,
        ),
        complete,
        started=started,
        campaign=_text(row, "campaign"),
        since=_moment(row, "since"),
        by=_text(row, "by") if row.get("by") is not None else None,
        checks=checks,
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key!r} is no text")
    return value


def _moment(row: Mapping[str, Any], key: str) -> datetime | None:
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{key!r} is no date")
    return within_reason(datetime.fromisoformat(value))
