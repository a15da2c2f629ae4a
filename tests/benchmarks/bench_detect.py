# SPDX-License-Identifier: GPL-3.0-or-later
"""What a search of one host costs, and a full scan of six hours on fifty hosts at once.

The limit: one hundredth of one processor of the controller for all fifty, while they scan.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import host_traffic
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.msert_tool import (
    scan_log,
    scanner,
)
from detected_host import DetectedHost
from drill import Rehearsed

if TYPE_CHECKING:
    from line import Line

_SECONDS, _HOSTS, _SHARE = 6 * 3600, 50, 0.01


def _host(folder: Path, line: Line, *tools: str, check: bool = False) -> Rehearsed:
    made = Path(tempfile.mkdtemp(dir=folder))
    host = DetectedHost(made, msert=scanner(scan_log(), duration_seconds=_SECONDS))
    host.execute = line.execute  # type: ignore[method-assign]

    def act(run: str) -> str:
        return str(host.detect(*tools, run=run, check=check).state.value)

    return Rehearsed(host.world, act, host.sleep)


def main() -> list[str]:
    """Return the lines of the report."""
    with host_traffic.service() as endpoint, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = partial(_host, folder)
        scan = partial(_host, folder)
        lines = [
            host_traffic.measured(
                endpoint,
                "detect: check",
                lambda line: script(line, "test-proxylogon", "msert/full", check=True),
                "planned",
            ),
            host_traffic.measured(
                endpoint, "detect: Test-ProxyLogon",
                lambda line: script(line, "test-proxylogon"), "no-indicator",
            ),
        ]  # fmt: skip
        text, cpu = host_traffic.measured_cpu(
            endpoint,
            f"detect: full scan, {_SECONDS // 3600} hours",
            lambda line: scan(line, "msert/full"),
            "no-indicator",
        )
        share = cpu * _HOSTS / _SECONDS
        verdict = "" if share <= _SHARE else " OVER THE LIMIT"
        lines.append(text)
        lines.append(
            f"detect: {_HOSTS} such scans at once take {share:.2%} of one processor, "
            f"limit {_SHARE:.0%}{verdict}"
        )
        return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(main()) + "\n")
