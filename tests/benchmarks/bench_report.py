# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory to write the report of 2,000 hosts in every format.

The fleet is assessed by one process and its results saved; another one reads them, as the
controller holds them after a run, builds the report and writes it. Only that one is measured.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.assess.run import (
    AssessRequest,
    assess_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.generator import (
    fleet,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.document import build
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.write import (
    FORMATS,
    write,
)

HOSTS = 2_000
SECONDS, MEGABYTES = 10, 500  # the limits that the figures are held against
RUN = {
    "id": "bench",
    "started": "2021-03-05T10:00:00Z",
    "finished": "2021-03-05T10:02:00Z",
    "check_mode": False,
    "campaign": {"id": "proxylogon", "title": "ProxyLogon", "directive": None},
}


def assess_fleet(file: Path) -> None:
    """Assess a simulated fleet in process, one result a line."""
    engine = ModelEngine()
    with file.open("w") as out, asyncio.Runner() as runner:
        for host in fleet(HOSTS, 1).hosts:
            transport = InProcessTransport(engine, host, runner=runner)
            out.write(json.dumps(assess_host(AssessRequest(host.name), lambda: transport)) + "\n")  # noqa: B023


def measure(file: Path) -> tuple[float, float]:
    """Build and write the report; (CPU seconds of this process, its peak memory in MB)."""
    with file.open() as lines:
        results = {(result := json.loads(line))["host"]: result for line in lines}
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        report = build(
            run=RUN,
            tool={"name": "bench", "version": "0"},
            inventory=list(results),
            results=results,
        )
        write(report, Path(folder), FORMATS)
    seconds = time.process_time() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> list[str]:
    """Run both steps, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.jsonl"
        for step in ("assess", "measure"):
            done = subprocess.run(
                [sys.executable, __file__, step, file], capture_output=True, text=True, check=True
            )
    seconds, megabytes = map(float, done.stdout.split())
    verdict = "ok" if seconds <= SECONDS and megabytes <= MEGABYTES else "OVER THE LIMIT"
    took = f"{seconds:.1f} s = {seconds / SECONDS:.2f} of the limit"
    held = f"{megabytes:.0f} MB = {megabytes / MEGABYTES:.2f} of the limit"
    return [f"report: {HOSTS} hosts in every format: {took}, {held}: {verdict}"]


if __name__ == "__main__":
    step, path = sys.argv[1], Path(sys.argv[2])
    if step == "assess":
        assess_fleet(path)
    else:
        sys.stdout.write("{} {}\n".format(*measure(path)))
