# SPDX-License-Identifier: GPL-3.0-or-later
"""The state folder of a fleet: which process serves it, and the files that clients need."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...base import disk
from ...base.errors import ConfigError

FOLDER = ".rehearsal"
DEFAULT_SCENARIO = "proxylogon"
ENGINES = ("model", "powershell")
_STATE = "state.json"
_SCHEMA = 1
_GRACE_SECONDS = 15.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class FleetState:
    """What a running fleet says about itself in ``state.json``."""

    pid: int
    started: str  # when the process started, as the kernel tells it: identity with the pid
    scenario: str
    digest: str  # of the scenario's file
    engine: str
    http_port: int
    https_port: int
    control: str
    started_at: str
    stops_at: str | None
    hosts: list[dict[str, Any]] = field(default_factory=list)
    principal: str | None = None  # the account in the fleet's own Kerberos realm, if it has one
    schema: int = _SCHEMA


def default_folder() -> Path:
    """Return ``.rehearsal`` here, or below XDG_RUNTIME_DIR where here is not writable."""
    here = Path.cwd() / FOLDER
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and not here.exists() and not os.access(Path.cwd(), os.W_OK):
        return Path(runtime) / "exchange-remediation" / "rehearsal"
    return here


def prepare(folder: Path) -> None:
    """Make a new or empty folder private; raises ConfigError when it is somebody else's.

    A folder with other things in it keeps its mode: the files of a fleet are private anyway.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = folder.stat().st_uid
        if owner == os.getuid() and not any(folder.iterdir()):
            folder.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"state folder {folder}: {error.strerror}; give another --state."
        ) from None
    if owner != os.getuid():
        raise ConfigError(f"state folder {folder} belongs to uid {owner}; give another --state.")


def process_start(pid: int) -> str | None:
    """Return the start time of a process (clock ticks since boot), None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        try:  # no /proc: the process id alone has to do
            os.kill(pid, 0)
        except OSError:
            return None
        return "unknown"
    # The second field is the name in parentheses and may hold anything; state follows it.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def save(folder: Path, state: FleetState) -> None:
    """Write ``state.json``."""
    disk.replace(folder / _STATE, f"{json.dumps(asdict(state), indent=2)}\n".encode())


def remove(folder: Path, *names: str) -> None:
    """Remove ``state.json`` and the named files."""
    for name in (_STATE, *names):
        with suppress(FileNotFoundError):
            (folder / name).unlink()


def running(folder: Path) -> FleetState | None:
    """Return the state of the fleet that really runs from this folder, None if none does."""
    try:
        document = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        state = FleetState(**document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{folder / _STATE}: not readable ({error}); remove it.") from None
    return state if process_start(state.pid) == state.started else None


def end(state: FleetState) -> bool:
    """Ask the fleet's process, and only it, to stop; True once it is gone.

    The process is pinned first and identified then, so that a recycled id is never signalled.
    """
    if hasattr(os, "pidfd_open"):
        try:
            pinned = os.pidfd_open(state.pid)
        except ProcessLookupError:
            return True
        try:
            if process_start(state.pid) != state.started:
                return True
            signal.pidfd_send_signal(pinned, signal.SIGTERM)
        finally:
            os.close(pinned)
    elif process_start(state.pid) == state.started:
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while process_start(state.pid) == state.started:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
