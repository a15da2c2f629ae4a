# SPDX-License-Identifier: GPL-3.0-or-later
"""One life of a run: the process that is at work for it now, and which earlier ones have ended.

Owner and run name what is done, not who does it: two processes may have both. The host lock is of
one life. While it lasts it holds a file of this controller; the system gives that back when the
process dies, however it dies, so whoever can take it has proven that this life is over. A life of
which there is no file here was lived elsewhere: of it nothing is known (I19).
"""

from __future__ import annotations

import re
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ..trust.packages.seen import default_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_DAYS = 90
_ID = re.compile(r"[0-9a-f]{32}")  # it comes back from a host, and becomes part of a path


def _nothing_is_known(_life: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Life:
    """``id``: 32 hex digits; ``ended`` tells whether another life is proven to be over."""

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    ended: Callable[[str], bool] = _nothing_is_known


@contextmanager
def alive() -> Iterator[Life]:
    """Be a life of which other processes of this user on this controller can tell when it ends.

    Its file stays: a life that ends in order may leave the lock of a server on which something is at
    work, and the next one has to know that it is over.
    """
    life = Life(ended=ended)
    path = _path(life.id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget(path.parent)
    with FileLock(path, timeout=0, mode=0o600):
        yield life


def _forget(folder: Path) -> None:
    """Remove files of lives that ended long ago; a lock that is older was taken over or given up."""
    oldest = time.time() - _DAYS * 86400
    for path in folder.glob("*.lock"):
        with suppress(OSError):  # another process forgets too
            if path.stat().st_mtime < oldest and ended(path.stem):
                path.unlink()


def ended(life: str) -> bool:
    """Tell whether a life was lived with this state folder and is over."""
    path = _path(life) if _ID.fullmatch(life) else None
    if path is None or not path.exists():
        return False
    try:
        with FileLock(path, timeout=0, mode=0o600):
            return True
    except Timeout:
        return False


def _path(life: str) -> Path:
    return default_file().parent / "lives" / f"{life}.lock"
