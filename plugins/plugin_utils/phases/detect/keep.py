# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a tool left, whole and in the case, under names of our own.

::

    CASE/HOST/detection/JOB/console.bin     what it printed
    CASE/HOST/detection/JOB/0001.bin        a file of the server, byte for byte
    CASE/HOST/detection/JOB/index.json      which one it was: path, size, times, both hashes

No name comes from the server (I6), no file is written twice, and each is hashed on the server and
again on arrival (I14).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base import disk
from ...base.errors import ConfigError
from ...case.masking import writable

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = "detection"


@dataclass(frozen=True, slots=True)
class Kept:
    """One file in the case. ``name``: relative to the folder of the host; ``note``: what is missing."""

    name: str
    source: str  # job | msert_log ...
    origin: str  # as the server calls it
    size: int
    sha256: str
    sha256_on_host: str | None
    modified: str | None = None
    truncated: bool = False
    note: str | None = None


@dataclass(slots=True)
class KeptFiles:
    """The files of one job in the case of one host."""

    host_folder: Path
    job: str
    secrets: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.host_folder / _FOLDER / self.job

    def prepare(self) -> None:
        """Make the folder, for the operator alone."""
        try:
            disk.make_folder(self.folder)
        except OSError as error:
            raise ConfigError(f"{self.folder} cannot be made: {error.strerror}") from error

    def path(self, number: int) -> Path:
        """Where the file with a number goes."""
        return self.folder / f"{number:04}.bin"

    def put(self, path: Path, data: bytes) -> None:
        """Write one file whole, onto the disk."""
        _write(path, data)

    def name(self, path: Path) -> str:
        """What the case calls a file."""
        return path.relative_to(self.host_folder).as_posix()

    def console(self, data: bytes, name: str = "console.bin") -> Kept:
        """Keep what the tool printed; ``name``: of our own."""
        path = self.folder / name
        _write(path, data)
        digest = hashlib.sha256(data).hexdigest()
        return Kept(self.name(path), "console", "what it printed", len(data), digest, None)

    def index(self, kept: tuple[Kept, ...], about: dict[str, Any]) -> None:
        """Write which file is which."""
        rows = [{slot: getattr(one, slot) for slot in Kept.__slots__} for one in kept]
        told = writable({"schema": 1, **about, "files": rows}, self.secrets)
        text = json.dumps(told, indent=1, sort_keys=True)
        _write(self.folder / "index.json", f"{text}\n".encode())


def _write(path: Path, data: bytes) -> None:
    try:
        disk.replace(path, data)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; check it") from error
