# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a script of Microsoft keeps on the controller, one file an attempt.

It is on the disk before the job is ordered: what stood on the host before decides afterwards which
of the tool's texts are new, and the order has to be the same one when it is sent again. A file
without a verdict is an attempt that was cut off; the same run goes on with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.errors import ConfigError, RefusedError
from ..case.masking import writable
from ..case.vocabulary import ATTEMPT

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = 1
_MOST = 1000  # attempts of one run; each needs somebody who asks again


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt. ``facts`` and ``before`` are JSON of the host from ahead of the order."""

    job: str
    host: str
    run: str
    path: str  # of the script on the host
    deadline_utc: str
    arguments: list[str]
    facts: dict[str, Any]
    before: dict[str, Any]
    verdict: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecords:
    """The attempts at one request of one run on one host.

    ``name``: what the jobs are called, without the number of the attempt.
    """

    folder: Path
    name: str
    host: str
    run: str
    secrets: tuple[str, ...] = ()

    def job(self, attempt: int) -> str:
        """The name of the job of an attempt, from 1."""
        return f"{self.name}-{attempt}"

    def path(self, attempt: int) -> Path:
        """The file of an attempt."""
        return self.folder / f"tool-{self.job(attempt)}.json"

    def last(self) -> tuple[int, AttemptRecord | None]:
        """The last attempt that was kept: its number, 0 without one, and its record.

        :raises RefusedError: the file cannot be read, so nobody knows what was ordered.
        """
        attempt = 0
        while attempt < _MOST and self.path(attempt + 1).exists():
            attempt += 1
        if attempt == _MOST:
            raise RefusedError(
                f"{self.folder}: {_MOST} attempts of this run are kept; start another run"
            )
        return attempt, self._read(attempt) if attempt else None

    def write(self, attempt: int, record: AttemptRecord) -> None:
        """Put a record on the disk; whoever is killed leaves the old one or this one.

        :raises ConfigError: the folder cannot be written.
        """
        data = {"schema": _SCHEMA}
        data |= {field.name: getattr(record, field.name) for field in fields(record)}
        text = json.dumps(writable(data, self.secrets, ATTEMPT), indent=1, sort_keys=True)
        path = self.path(attempt)
        try:
            disk.make_folder(self.folder)
            disk.replace(path, f"{text}\n".encode())
            disk.sync_folder(self.folder)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}; check it") from error

    def keep_output(self, attempt: int, data: bytes) -> Path:
        """Keep what the script printed, as it is: bytes of the host's choice, never read here."""
        path = self.path(attempt).with_suffix(".log")
        try:
            disk.replace(path, data)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}; check it") from error
        return path

    def _read(self, attempt: int) -> AttemptRecord:
        path = self.path(attempt)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            schema = data.pop("schema")
            record = AttemptRecord(**data)
            if schema != _SCHEMA or not _shaped(record):
                raise ValueError("it has another shape")  # noqa: TRY301 - one message for all
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RefusedError(
                f"{path} cannot be read ({error}), so it is not known what was ordered; look for "
                f"the job {self.job(attempt)} on the host, then start another run"
            ) from error
        if (record.job, record.host, record.run) != (self.job(attempt), self.host, self.run):
            raise RefusedError(
                f"{path} is of job {record.job} of run {record.run} on {record.host}, not of this "
                "one; give each host and run its own folder"
            )
        return record


def _shaped(record: AttemptRecord) -> bool:
    texts = (record.job, record.host, record.run, record.path, record.deadline_utc)
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(record.arguments, list)
        and isinstance(record.facts, dict)
        and isinstance(record.before, dict)
        and (record.verdict is None or isinstance(record.verdict, dict))
    )
