# SPDX-License-Identifier: GPL-3.0-or-later
"""Write so that it is on the disk, and readable for the operator alone; read what others left."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
PUBLIC_MODE = 0o666  # as far as the umask lets others read


def make_folder(folder: Path) -> None:
    """Create a folder with all above it; new ones belong to the operator alone."""
    if not folder.is_dir():
        for above in reversed(folder.parents):
            above.mkdir(exist_ok=True, mode=FOLDER_MODE)
        folder.mkdir(exist_ok=True, mode=FOLDER_MODE)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring new and changed names of a folder to the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read_plain(path: Path, most: int) -> bytes:
    """Return a file, up to ``most`` bytes of it.

    :raises OSError: it cannot be read, or is a link.
    :raises ValueError: it is no file; a device or a pipe that nobody writes to would never end.
    """
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("it is no file")
        return file.read(most)


def write_at(number: int, data: bytes, offset: int) -> None:
    """Write all bytes at an offset of an open file, and bring them to the disk."""
    view = memoryview(data)
    while view:
        written = os.pwrite(number, view, offset)
        view, offset = view[written:], offset + written
    os.fsync(number)


def replace(path: Path, data: bytes) -> None:
    """Put a file in place as a whole: whoever is killed leaves the old one or the new one.

    One writer at a time: what a killed one left is written over.
    """
    replace_by_parts(path, (data,))


def replace_by_parts(path: Path, parts: Iterable[bytes], mode: int = FILE_MODE) -> None:
    """Put a file in place as :func:`replace` does, part by part as it is made.

    ``mode``: whom the umask lets read it, for what is no secret.
    """
    temporary = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        temporary.unlink()  # what a killed one left, which may have had another mode
    try:
        with os.fdopen(os.open(temporary, flags, mode), "wb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
