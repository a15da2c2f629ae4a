# SPDX-License-Identifier: GPL-3.0-or-later
"""The highest version of each package catalogue that this controller has accepted.

Without this memory an old catalogue, correctly signed, could be put back to have an old and
vulnerable package installed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from filelock import FileLock

from ...base import disk
from ...base.errors import ConfigError, RefusedError


def default_file() -> Path:
    """Return where the versions are remembered when the operator names no other place."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "exchange-remediation" / "package-catalogues.json"


def check_and_remember(file: Path, catalogue: str, version: int, digest: str) -> None:
    """Refuse a version below the highest seen, or another document of the same version."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(f"{file}.lock", mode=0o600):
        seen = _read(file)
        known = seen.get(catalogue)
        if known is not None:
            _compare(file, known, version, digest)
            if known["version"] == version:
                return
        seen[catalogue] = {"version": version, "sha256": digest}
        disk.replace(file, f"{json.dumps(seen, indent=1, sort_keys=True)}\n".encode())


def _compare(file: Path, known: dict[str, object], version: int, digest: str) -> None:
    highest = int(str(known["version"]))
    if version < highest:
        raise RefusedError(
            f"the package catalogue is version {version}, this controller has seen version "
            f"{highest} ({file}): an older catalogue was put back. Get the newest one"
        )
    if version == highest and digest != known["sha256"]:
        raise RefusedError(
            f"the package catalogue is another version {version} than the one this controller has "
            f"seen ({file}): two operators changed copies of it. Keep one, add the other's "
            "packages to it again"
        )


def _read(file: Path) -> dict[str, dict[str, object]]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(k): {"version": int(v["version"]), "sha256": v["sha256"]} for k, v in data.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{file}: unreadable ({error}), so an older catalogue could not be told from the "
            "newest; restore it, or remove it after looking at the catalogue's version yourself"
        ) from error
