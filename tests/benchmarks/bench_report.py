# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory to write the report of 2,000 hosts in every format."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOSTS = 2_000
SECONDS, MEGABYTES = 10, 500  # the limits that the figures are held against


def measure() -> tuple[float, float]:
    """Assess a simulated fleet, then time building and writing alone; (seconds, peak MB)."""
    from ansible_collections.exchange.remediation.plugins.plugin_utils.report.model import build
    from ansible_collections.exchange.remediation.plugins.plugin_utils.report.write import (
        FORMATS,
        write,
    )

    from .fleet_results import RUN, TOOL, fleet_results

    results = fleet_results(HOSTS)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = build(run=RUN, tool=TOOL, inventory=list(results), results=results)
        write(report, Path(folder), FORMATS)
    seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> list[str]:
    """Measure in a process of its own, so that the peak is the report's."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_report"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, megabytes = map(float, done.stdout.split())
    return [
        f"report, {HOSTS} hosts, all formats: {seconds:.1f} s = {seconds / SECONDS:.2f} of the limit; "
        f"peak {megabytes:.0f} MB = {megabytes / MEGABYTES:.2f} of the limit"
    ]


if __name__ == "__main__":
    print(*measure())
