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


def folder_of(root: Path, server: str, template: str) -> Path:
    """``<root>/<server>/<template>``; raises :class:`ConfigError` for a name that could leave it."""
    return root / case_name(server, "server") / case_name(template, "template")


def place(folder: Path, parts: Iterable[RenderedPart], *, check: bool) -> tuple[PlacedFile, ...]:
    """Write the parts below a folder; nothing is written where nothing differs, or in check mode.

    Files of an earlier rendering that are not made any more are left: whoever entered them may need
    their undo.

    :raises ConfigError: the folder or a file cannot be read or written.
    """
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


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
