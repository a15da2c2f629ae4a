# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that Microsoft signed: those of the PowerShell engine (as .NET), those of a Python package (as itself).

None is kept in this repository. Who has not got one skips, and says which.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock
from forging import table

WHEEL = "onnxruntime==1.32.0"  # its libraries are signed as Microsoft Corporation, below the PCA of 2024
LIBRARY = "onnxruntime_providers_shared.dll"


def of_engine(name: str) -> Path:
    """A library of the runtime of the engine."""
    named = os.environ.get("EXCHANGE_REMEDIATION_PWSH") or shutil.which("pwsh")
    if not named:
        pytest.skip("no PowerShell engine, so no file signed as .NET is at hand")
    for path in sorted(Path(named).resolve().parent.rglob(name)):
        if path.stat().st_size and table(path.read_bytes())[1]:
            return path
    pytest.skip(f"this build of the PowerShell engine has no signed {name}")


def of_package() -> Path:
    """The library of the Python package, fetched once for all checkouts of a user."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "exchange-remediation-tests"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / LIBRARY
    with FileLock(folder / "lock"):
        if not target.exists():
            _fetch(folder, target)
    return target


def _fetch(folder: Path, target: Path) -> None:
    words = ["download", WHEEL, "--platform", "win_amd64", "--python-version", "3.11", "--no-deps"]
    quiet = ["--only-binary=:all:", "--retries", "0", "--timeout", "20", "-q", "-d", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *quiet],
        check=False, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        pytest.skip(
            f"pip cannot fetch {WHEEL}, so no file signed as Microsoft Corporation is at hand"
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        data = wheel.read(f"onnxruntime/capi/{LIBRARY}")
    wheels[0].unlink()
    partial = target.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(target)
