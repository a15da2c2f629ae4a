# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are brought to a host: what it has of one, a chunk more of it, or fetch it yourself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.errors import RefusedError
from .asking import mapping

if TYPE_CHECKING:
    from .asking import Asks

_MOST = 1 << 44  # bytes; a host that says more is broken


@dataclass(frozen=True, slots=True)
class FileState:
    """What the host has of a file: ``complete``, ``partial`` or ``absent``."""

    state: str
    size: int  # bytes
    sha256: str | None  # of these bytes
    path: str | None

    @property
    def complete(self) -> bool:
        """Whether it is there, with the size and hash that were asked for."""
        return self.state == "complete"


def state(host: Asks, name: str, file: dict[str, Any]) -> FileState:
    """Return what the host called ``name`` has of a file (package, sha256, size).

    :raises RefusedError: what it says cannot be so.
    """
    result = host.ask("Get-PackageState", file).result
    found = mapping(result)
    size = found.get("bytes")
    if not isinstance(size, int) or not 0 <= size <= _MOST or "state" not in found:
        raise RefusedError(f"{name}: Get-PackageState makes no sense: {result!r}")
    path = found.get("path")
    return FileState(
        str(found["state"]), size, found.get("sha256"), None if path is None else str(path)
    )


def add_chunk(host: Asks, chunk: dict[str, Any], key: str) -> tuple[bool, str | None]:
    """Add bytes to a file: (an earlier life of the run had sent them, path once it is complete)."""
    reply = host.ask("Add-PackageChunk", chunk, key)
    result = mapping(reply.result)
    complete = mapping(result.get("after")).get("state") == "complete"
    return reply.replayed, str(result["path"]) if complete else None


def fetch(host: Asks, order: dict[str, Any], key: str) -> bool:
    """Have the host fetch a file itself; whether the answer is that of an earlier life of the run.

    :raises ScriptError: it could not, or the file is another.
    """
    return host.ask("Receive-Package", order, key).replayed
