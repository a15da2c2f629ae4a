# SPDX-License-Identifier: GPL-3.0-or-later
"""What patching one host costs: showing it, an installation of 20 minutes, and nothing to do.

The package is left out, it is pushed in chunks (bench_packages) or fetched by the host.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import host_traffic
from drill import Rehearsed
from patched_host import INSTALLS, PatchedHost

if TYPE_CHECKING:
    from line import Line


def _host(folder: Path, line: Line, *, check: bool = False, before: int = 0) -> Rehearsed:
    host = PatchedHost(folder, dict(INSTALLS))
    for _ in range(before):
        host.patch("an earlier run")
    host.execute = line.execute  # type: ignore[method-assign]

    def act(run: str) -> str:
        return str(host.patch(run, check=check).outcome.state.value)

    return Rehearsed(host.world, act, host.sleep)


def main() -> list[str]:
    """Return the lines of the report."""
    minutes = INSTALLS["duration_seconds"] // 60
    with host_traffic.service() as endpoint, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = (
            ("check", partial(_host, folder, check=True), "planned"),
            (f"install, {minutes} minutes", partial(_host, folder), "patched"),
            ("install again", partial(_host, folder, before=1), "nothing-to-do"),
        )
        return [
            host_traffic.measured(endpoint, f"patch: {name}", begin, wanted)
            for name, begin, wanted in runs
        ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(main()) + "\n")
