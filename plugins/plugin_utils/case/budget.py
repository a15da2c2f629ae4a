# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the journal a host has used, in a file beside it: its processes come and go.

Only what goes beyond a small event counts, so an honest host has no such file as a rule.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ..base import disk
from .bounds import HOST_BYTES

if TYPE_CHECKING:
    from pathlib import Path


def used_file(path: Path, host: str) -> Path:
    """Return the file that says how much of the journal ``path`` a host has used."""
    name = hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return path.with_name(f"{path.name}.used-{name}")


def used(path: Path, host: str) -> int:
    """Return how many bytes a host has used; all it may where the file is not as it was written."""
    try:
        return int(used_file(path, host).read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
    except ValueError:
        return HOST_BYTES


def add(path: Path, host: str, size: int) -> None:
    """Note that a host has used so many bytes more."""
    disk.replace(used_file(path, host), f"{used(path, host) + size}\n".encode())
