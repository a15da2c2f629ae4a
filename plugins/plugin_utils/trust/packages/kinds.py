# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of file bytes are, whatever the file is called (I10).

A server goes by the ending of the name (an ``.exe`` is started, an ``.msp`` given to msiexec), so
name and bytes must agree before anything else is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from ...base.sanitize import clean_text
from . import compound
from .program import read_program

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from .program import ProgramFacts


class FileKind(Enum):
    """Kinds of files; the value is how messages call them."""

    PROGRAM = "a program"
    LIBRARY = "a DLL"
    DRIVER = "a driver"
    OTHER_PROGRAM = "a program that this Windows cannot start"
    PRODUCT = "a Windows Installer product (.msi)"
    PATCH = "a Windows Installer patch (.msp)"
    TRANSFORM = "a Windows Installer transform (.mst)"
    COMPOUND = "a compound file of something else than Windows Installer"
    BROKEN = "the beginning of a Windows Installer file, damaged or cut off"
    CABINET = "a cabinet (.cab)"
    ARCHIVE = "a zip archive"
    IMAGE = "a disk image (.iso)"
    PAGE = "a web page or another text"
    EMPTY = "an empty file"
    UNKNOWN = "no kind of file that is known here"


_WANTED = {
    "exe": FileKind.PROGRAM,
    "msi": FileKind.PRODUCT,
    "msp": FileKind.PATCH,
    "iso": FileKind.IMAGE,
}
_CLASSES = {
    compound.PRODUCT_CLASS: FileKind.PRODUCT,
    compound.PATCH_CLASS: FileKind.PATCH,
    compound.TRANSFORM_CLASS: FileKind.TRANSFORM,
    None: FileKind.BROKEN,
}
_BEGINNINGS = ((b"MSCF", FileKind.CABINET), (b"PK\x03\x04", FileKind.ARCHIVE))
# ECMA-119 and ECMA-167: descriptors of 2048 bytes from sector 16 on, each with its name in byte 1.
_SECTOR, _FIRST, _MOST = 2048, 16, 16
_IMAGES = (b"CD001", b"BEA01", b"NSR02", b"NSR03")
_LABEL = slice(40, 72)  # volume identifier of a primary volume descriptor
_PAGE = 512
_SHOWN = 120
_CURES = {
    FileKind.CABINET: "Unpack it (expand -F:*.msp FILE.cab FOLDER) and bring the .msp",
    FileKind.ARCHIVE: "Unpack it and bring the file that is in it",
    FileKind.PAGE: "A log-on page or an error page may have been saved in its place: it is a log-on "
    "page of a proxy, mostly. Download it again",
}
_CURE = "Download the update again from Microsoft, and keep the name that it has there"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What bytes are, with the words for people, and the facts of a PE file."""

    kind: FileKind
    described: str
    program: ProgramFacts | None = None
    label: str = ""  # of an image


def recognise(path: Path) -> Recognised:
    """Return what kind of file the bytes are; never fails for what is in them."""
    with path.open("rb") as stream:
        head = stream.read(_PAGE)
        if head.startswith(b"MZ"):
            return _program(path)
        kind, label = _other(stream, head)
    if kind is FileKind.IMAGE:
        about = f" with the label '{shown(label)}'" if label else ""
        return Recognised(kind, f"{kind.value}{about}", label=label)
    return Recognised(kind, f"{kind.value}{label}")


def check_kind(path: Path, name: str, ending: str) -> Recognised:
    """Return what the bytes are; refuses what is not of the kind that its ``ending`` says."""
    found = recognise(path)
    wanted = _WANTED[ending]
    if found.kind is not wanted:
        raise RefusedError(
            f"{name}: by its bytes it is {found.described}, by its name {wanted.value}; it is no "
            f"update of Exchange as it stands. {_CURES.get(found.kind, _CURE)}"
        )
    return found


def _program(path: Path) -> Recognised:
    program = read_program(path)
    if program is None:
        kind = FileKind.UNKNOWN
        return Recognised(kind, "the beginning of a program, damaged or cut off")
    kind = FileKind.OTHER_PROGRAM
    if program.dll:
        kind = FileKind.LIBRARY
    elif program.driver:
        kind = FileKind.DRIVER
    elif program.runnable:
        kind = FileKind.PROGRAM
    return Recognised(kind, _described(kind, program), program)


def _described(kind: FileKind, program: ProgramFacts) -> str:
    """``a DLL, 'Microsoft .NET Runtime' 8.0.1 by Microsoft Corporation``."""
    said = program.strings
    title = said.get("ProductName") or said.get("FileDescription")
    version = (
        said.get("ProductVersion") or said.get("FileVersion") or next(iter(program.versions), "")
    )
    if not title:
        return f"{kind.value} that does not say of what product it is"
    names = [shown(title), *([shown(version)] if version else [])]
    by = f" by {shown(said['CompanyName'])}" if said.get("CompanyName") else ""
    more = said.get("FileDescription", "")
    about = f" ({shown(more)})" if more and more != title else ""
    return f"{kind.value}, '{names[0]}' {' '.join(names[1:])}".rstrip() + by + about


def shown(text: str) -> str:
    """Text of a file in a message: inert and short (I4)."""
    return clean_text(text[:_SHOWN])


def _other(stream: BinaryIO, head: bytes) -> tuple[FileKind, str]:
    if not head:
        return FileKind.EMPTY, ""
    if head.startswith(compound.MAGIC):
        return _CLASSES.get(compound.root_class(stream), FileKind.COMPOUND), ""
    label = _image_label(stream)
    if label is not None:
        return FileKind.IMAGE, label
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind, ""
    printable = sum(byte >= 0x20 or byte in b"\t\r\n" for byte in head)  # noqa: PLR2004 - the first printable one
    if printable == len(head):
        return FileKind.PAGE, ""
    return FileKind.UNKNOWN, f" (it starts with {head[:4]!r})"


def _image_label(stream: BinaryIO) -> str | None:
    """Return the label of an ISO 9660 or UDF image, ``""`` without one; ``None``: no image."""
    stream.seek(_SECTOR * _FIRST)
    area = stream.read(_SECTOR * _MOST)
    found = None
    for place in range(0, len(area), _SECTOR):
        block = area[place : place + _SECTOR]
        if block[1:6] not in _IMAGES:
            break
        found = found or ""
        if block[1:6] == b"CD001" and block[0] == 1:
            found = block[_LABEL].decode("ascii", "replace").strip()
    return found
