# SPDX-License-Identifier: GPL-3.0-or-later
"""A script of Microsoft that the operator brought: read, identified, ready for delivery."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import ConfigError, RefusedError
from .identify import choose

if TYPE_CHECKING:
    from pathlib import Path

    from .identify import Pin, ToolFile

_LARGEST = 4 << 20  # bytes; the largest of them has 0.1 MB
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"))


@dataclass(frozen=True, slots=True)
class RemoteScript:
    """What ``packages.delivery`` brings to a host."""

    file: str
    sha256: str
    size: int
    identity: ToolFile


def open_tool(name: str, source: Path, pin: Pin | None = None) -> RemoteScript:
    """Read a file of the operator once and say which tool it is.

    :raises ConfigError: it cannot be read, or is no script.
    :raises RefusedError: it is another tool, or nobody vouches for its bytes.
    """
    try:
        with source.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{source} cannot be read: {error.strerror}; check the path") from error
    if len(data) > _LARGEST:
        raise RefusedError(f"{source} is larger than any script of Microsoft ({_LARGEST} bytes)")
    digest = hashlib.sha256(data).hexdigest()
    identity = choose(name, digest, _text(data), pin)
    return RemoteScript(identity.tool.file, digest, len(data), identity)


def _text(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")
