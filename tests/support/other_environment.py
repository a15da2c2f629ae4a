# SPDX-License-Identifier: GPL-3.0-or-later
"""Run commands in a virtual environment that is not ours, as its user would."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What says how to reach packages, and where a user's own folders are.
_KEPT = ("HOME", "LANG", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "XDG_CONFIG_HOME", "TMPDIR")


def run(
    *command: str | Path,
    cwd: Path,
    path: Path,
    codes: tuple[int, ...] = (0,),
    seconds: float = 600,
    **environment: str,
) -> str:
    """Run it with the ``bin`` of ``path`` first; returns standard output and error, in this order."""
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    own = {"PATH": f"{path / 'bin'}:/usr/bin:/bin", "ANSIBLE_HOME": str(cwd / ".ansible")}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=kept | own | environment, capture_output=True, text=True,
        timeout=seconds, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode in codes, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr
