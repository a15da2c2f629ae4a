# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change keeps on the controller itself: folders of its state, and what tells controllers apart."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ..base.errors import ConfigError
from ..trust.packages.seen import default_file

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = Path("/etc/machine-id")
_PROCESSES = Path("/proc")
_DAY = 86400


def state_folder(part: str) -> Path:
    """Return a folder of the state of this user on this controller, which can be written."""
    folder = state_path(part)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unusable(folder, error) from error
    return folder


def state_path(part: str) -> Path:
    """Return where such a folder is, whether or not it is there."""
    return default_file().parent / part


def unusable(place: Path, error: OSError) -> ConfigError:
    """Say that the state of this controller cannot be kept."""
    return ConfigError(
        f"{place}: cannot be written ({error.strerror or error}), and without it two runs could "
        "change one server; let XDG_STATE_HOME name a folder of your own that can be written"
    )


def boot() -> str | None:
    """Return what the system calls the time since it was started, where it has a name for it."""
    return _line(_BOOT)


def controller() -> str:
    """Return what tells this controller from others also after a restart."""
    return f"{socket.gethostname()} {_line(_MACHINE) or '-'}"


def invocation_folder(run: str) -> Path:
    """Return the folder of what one ``ansible-playbook`` has met in this run, without a case.

    Each host is asked by a process of its own, a child of that one; a later one has another folder.
    """
    parent = os.getppid()
    name = hashlib.sha256(run.encode()).hexdigest()[:16]
    return state_path("checks") / f"{parent}-{_started(parent)}-{name}"


def forget_invocations() -> None:
    """Remove what processes that are gone have left."""
    for folder in state_path("checks").glob("*-*-*"):
        number, started, _ = folder.name.split("-", 2)
        with suppress(OSError):  # another process forgets too
            if _gone(number, started) or folder.stat().st_mtime < time.time() - _DAY:
                shutil.rmtree(folder, ignore_errors=True)


def _gone(number: str, started: str) -> bool:
    if not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # another user's, so it lives
    return _started(int(number)) != started


def _started(process: int) -> str:
    """When a process was started, counted from the start of the system, which is named too."""
    try:
        row = (_PROCESSES / str(process) / "stat").read_bytes()
        since = row.rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, IndexError, ValueError):
        return "0"
    return f"{since}.{(boot() or '').partition('-')[0]}"


def _line(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None
