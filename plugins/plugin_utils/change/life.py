# SPDX-License-Identifier: GPL-3.0-or-later
"""One life of a run: the process that is at work for it now, and which earlier ones have ended.

Owner and run name what is done, not who does it: two processes may have both. The host lock is of
one life. While it lasts it holds a file of this controller; the system gives that back when the
process dies, however it dies, so whoever can take it has proven that this life is over. A restart of
this controller proves it as well. A life of which there is no file here, or only a copy of one, was
lived elsewhere: of it nothing is known (I19).
"""

from __future__ import annotations

import json
import re
import secrets
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ..base import disk
from .controller import boot, controller, state_folder, state_path, unusable

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

    Its files stay: a life that ends in order may leave the lock of a server on which something is at
    work, and the next one has to know that it is over.
    """
    life = Life(ended=ended)
    folder = state_folder("lives")
    _forget(folder)
    path = _path(life.id)
    with ExitStack() as held:
        try:
            held.enter_context(FileLock(path, timeout=0, mode=0o600))
            disk.replace(_birth(path), json.dumps(_here(path)).encode())
        except OSError as error:
            raise unusable(path, error) from error
        yield life


def _forget(folder: Path) -> None:
    """Remove files of lives that ended long ago; a lock that is older was taken over or given up."""
    oldest = time.time() - _DAYS * 86400
    for path in folder.glob("*.lock"):
        with suppress(OSError):  # another process forgets too
            if path.stat().st_mtime < oldest and ended(path.stem):
                path.unlink()
                _birth(path).unlink()


def ended(life: str) -> bool:
    """Tell whether a life was lived on this controller, with this state folder, and is over."""
    path = _path(life) if _ID.fullmatch(life) else None
    try:
        if path is None or not path.exists():
            return False
        born, here = _born(path), _here(path)
        known = born.keys() == here.keys() and born["inode"] == here["inode"]
        if not known:
            return False  # a copy: whoever holds the first file does not hold this one
        if None not in (born["boot"], here["boot"]) and born["boot"] != here["boot"]:
            return born["controller"] == here["controller"]  # no process outlives a restart
        if born != here:
            return False
        with FileLock(path, timeout=0, mode=0o600):
            return True
    except (Timeout, OSError):
        return False


def _here(path: Path) -> dict[str, object]:
    """Where the file of a life is, and what would give it back."""
    status = path.stat()
    return {
        "controller": controller(),
        "boot": boot(),
        "device": status.st_dev,
        "inode": status.st_ino,
    }


def _born(path: Path) -> dict[str, object]:
    try:
        born = json.loads(_birth(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return born if isinstance(born, dict) else {}


def _birth(path: Path) -> Path:
    return path.with_suffix(".json")


def _path(life: str) -> Path:
    return state_path("lives") / f"{life}.lock"
