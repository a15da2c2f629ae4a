# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled shims: made once for each PowerShell and each state of the sources, then loaded.

Compiling costs two seconds and 150 MB, loading a tenth of it. The cache is the user's own
(``XDG_CACHE_HOME``, else ``~/.cache``); where that cannot be trusted or written, a folder of
the engine's serves for its lifetime.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path

from ....base.errors import ConfigError

_HERE = Path(__file__).parent
_COMPILE_SECONDS = 300


def compiled(pwsh: str, fallback: Path) -> Path:
    """Return the folder that holds ``shims.dll``; compiles it when it is not there yet."""
    folder = _own_folder(_key(pwsh)) or fallback
    if not (folder / "shims.dll").is_file():
        _compile(pwsh, folder)
    return folder


def _key(pwsh: str) -> str:
    """Name what the result depends on: the sources, and which PowerShell compiles."""
    digest = hashlib.sha256()
    for source in (*sorted((_HERE / "shims").glob("*.cs")), _HERE / "worker.ps1"):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    program = Path(pwsh).resolve()
    digest.update(f"{program}\0{program.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _own_folder(key: str) -> Path | None:
    """Return the cache folder of this key, or ``None`` when others could have written it."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    folder = root / "exchange-remediation" / f"shims-{key}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if all(_trusted(one) for one in (folder, folder.parent)) else None
    except (OSError, RuntimeError):
        return None


def _trusted(folder: Path) -> bool:
    status = folder.lstat()
    writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    mine = status.st_uid == os.getuid()
    return stat.S_ISDIR(status.st_mode) and mine and not writable and os.access(folder, os.W_OK)


def _compile(pwsh: str, folder: Path) -> None:
    command = [pwsh, "-NoProfile", "-NonInteractive", "-File", str(_HERE / "worker.ps1")]
    done = subprocess.run(  # noqa: S603 - the engine that the operator chose
        [*command, "-Cache", str(folder), "-CompileOnly"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_COMPILE_SECONDS,
        check=False,
    )
    if not (folder / "shims.dll").is_file():
        said = (done.stderr.strip() or done.stdout.strip() or "nothing")[-2000:]
        raise ConfigError(
            f"{pwsh} could not compile the rehearsal's shims (exit code {done.returncode}): {said}"
        )
