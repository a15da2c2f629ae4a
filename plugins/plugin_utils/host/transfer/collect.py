# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring one file of a host into a file of the case: in parts, hashed on the host and on arrival."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base import disk
from ...base.errors import ConfigError
from ..calls import detection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..calls.asking import Asks
    from ..calls.detection import HostFile

_PART = 262_144


@dataclass(frozen=True, slots=True)
class Collected:
    """What arrived. ``truncated``: not all of it; ``note``: what is wrong with it, if anything."""

    sha256: str
    size: int
    truncated: bool
    note: str | None = None


def collect(host: Asks, job: str, file: HostFile, path: Path, limit: int) -> Collected:
    """Bring up to ``limit`` bytes of a file; what the host made of the file meanwhile is a note.

    Its size as it was listed is what is brought: what is written to it meanwhile is later.

    :raises ConfigError: the file of the case cannot be written.
    """
    wanted = min(file.size, limit)
    arriving = _Arriving(host, job, file, wanted)
    try:
        disk.replace_by_parts(path, arriving.parts())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; check it") from error
    found = arriving.digest.hexdigest()
    note = _note(file, found, arriving.size, wanted)
    return Collected(found, arriving.size, arriving.size < file.size, note)


class _Arriving:
    """The bytes of one file on their way."""

    def __init__(self, host: Asks, job: str, file: HostFile, wanted: int) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._host, self._job, self._file, self._wanted = host, job, file, wanted

    def parts(self) -> Iterator[bytes]:
        """Ask for one part after the other, until all has come or there is no more."""
        while self.size < self._wanted:
            most = min(_PART, self._wanted - self.size)
            _, data = detection.read_part(self._host, self._job, self._file, self.size, most)
            if not data:
                return
            self.digest.update(data)
            self.size += len(data)
            yield data


def _note(file: HostFile, found: str, size: int, wanted: int) -> str | None:
    if size < wanted:
        return f"it became shorter while it was read: {size} of {file.size} bytes arrived"
    if size < file.size:
        return f"only the first {size} of {file.size} bytes were collected"
    if file.sha256 is None:
        return "the server could not hash it"
    if file.sha256 != found:
        return (
            f"the server hashed {file.sha256}, what arrived is {found}: it was changed in between"
        )
    return None
