# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the world as bytes: ``data`` (base64), ``text``, or a size that stands for zeros."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from .paths import format_time

if TYPE_CHECKING:
    from .world import World


def content(entry: dict[str, Any]) -> bytes:
    """Return the bytes of a file of the world; one of which only the size is known is zeros."""
    if "data" in entry:
        return base64.b64decode(entry["data"])
    if "text" in entry:
        return str(entry["text"]).encode("utf-8", "surrogatepass")
    return bytes(int(entry.get("size") or 0))


def put_bytes(world: World, path: str, data: bytes, *, by: str) -> None:
    """Write a file of any content at the host's time."""
    entry = {
        "size": len(data),
        "data": base64.b64encode(data).decode("ascii"),
        "mtime": format_time(world.clock()),
    }
    world.put_file(path, entry, by=by)


def digest(data: bytes) -> str:
    """Return the SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
