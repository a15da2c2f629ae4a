# SPDX-License-Identifier: GPL-3.0-or-later
"""Put what was rendered into a folder: only what differs, as a whole, for the operator alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base import disk
from ..base.errors import ConfigError
from ..base.names import case_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .render import RenderedPart


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """One file: what was there (empty: nothing) and what is there now, or would be."""

    path: Path
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


def folder_of(root: Path, server: str, template: str, level: str) -> Path:
    """``<root>/<server>/<template>/<level>``; raises :class:`ConfigError` for a name that could leave it."""
    return root / case_name(server, "server") / case_name(template, "template") / level


def place(folder: Path, parts: Iterable[RenderedPart], *, check: bool) -> tuple[PlacedFile, ...]:
    """Write the parts below a folder; nothing is written where nothing differs, or in check mode.

    An undo that is there stays as it is: it may be the way back from what is on the device.

    :raises ConfigError: the folder or a file cannot be read or written; the undo that is there would
        be replaced, or left behind by an apply of other values; steps of another server have the same
        names on the device.
    """
    parts = tuple(parts)
    _check_undo(folder, parts)
    _check_names(folder, parts)
    placed = _placed(folder, parts, check=check)
    if not check:
        _check_names(folder, parts)  # of two that are written at once, one sees the other
    return placed


def _placed(folder: Path, parts: Iterable[RenderedPart], *, check: bool) -> tuple[PlacedFile, ...]:
    placed = []
    for part in parts:
        path = folder / part.file
        try:
            file = PlacedFile(path, _text(path), part.text)
            if file.changed and not check:
                disk.make_folder(folder)
                disk.replace(path, part.text.encode())
        except OSError as error:
            raise ConfigError(
                f"{error.filename or path}: cannot be written ({error.strerror}); correct the "
                "rights, or name another folder"
            ) from None
        placed.append(file)
    return tuple(placed)


def _check_undo(folder: Path, parts: tuple[RenderedPart, ...]) -> None:
    made = {part.file: part.text for part in parts if part.part == "undo"}
    try:
        there = {path.name: _text(path) for path in folder.glob("undo.*")}
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be read ({error.strerror}); correct the rights"
        ) from None
    for name, text in there.items():
        if made.get(name) != text:
            raise ConfigError(
                f"{folder / name}: other values than these made it, and it may be the only way back "
                "from what was entered; enter it, or make sure that nothing was entered, then move "
                f"the folder {folder} away and render again"
            )


def _check_names(folder: Path, parts: tuple[RenderedPart, ...]) -> None:
    """Two servers with one name on a device: the second apply would take the first one's away."""
    wanted = {f"  - {name}".casefold(): name for part in parts for name in part.names}
    if not wanted:
        return
    server, template = folder.parents[1], folder.parents[0].name
    for path in sorted(server.parent.glob(f"*/{template}/*/about.txt")):
        if path.parents[2] == server:
            continue
        shared = wanted.keys() & {line.casefold() for line in _read(path).splitlines()}
        if shared:
            raise ConfigError(
                f"{folder}: {wanted[min(shared)]} is of {path.parents[2].name} already ({path}): what "
                "is entered for one would undo the other; choose another name"
            )


def _read(path: Path) -> str:
    try:
        return _text(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); correct the rights"
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
