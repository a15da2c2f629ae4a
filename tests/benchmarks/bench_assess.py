# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess over real WinRM (NTLM, encrypted): requests and bytes a host, controller CPU a host.

The CPU of assessing 200 hosts is compared with that of one ``ansible.builtin.raw`` task over the
same connection plugin and the same hosts, in the same run. Start-up is subtracted by running each
once against one host: (CPU of 200 - CPU of 1) / 199. The lower of two rounds counts for both.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.generator import (
    document,
)

ROOT = Path(__file__).resolve().parents[2]
HOSTS, ROUNDS, FORKS = 200, 2, 25
CPU_RATIO, REQUESTS, UPSTREAM = 1.5, 9, 40_000  # the limits
_ENVIRONMENT = os.environ | {
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
    "ANSIBLE_FORKS": str(FORKS),
}
_BIN = Path(sys.executable).parent


def _cpu(command: list[str], allowed: tuple[int, ...] = (0,)) -> float:
    """User and system seconds of a command and all its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, env=_ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode not in allowed:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _per_host(command: list[str]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        all_hosts = _cpu(command)
        one_host = _cpu([*command, "--limit", "ex0001"])
        best = min(best, (all_hosts - one_host) / (HOSTS - 1))
    return best


def measure(folder: Path) -> dict[str, float]:
    """Start the fleet, assess it, ask it with raw."""
    scenario, state, cases = folder / "fleet.yml", folder / "state", folder / "cases"
    scenario.write_text(json.dumps(document(HOSTS, 1)))
    rehearse = str(_BIN / "exchange-remediation")
    _cpu([rehearse, "rehearse", "up", "--scenario", str(scenario), "--state", str(state),
          "--port", "0", "--stop-after", "20"])  # fmt: skip
    try:
        inventory = str(state / "inventory.yml")
        assess = [str(_BIN / "ansible-playbook"), "-i", inventory, "exchange.remediation.assess",
                  "--tags", "assess"]  # fmt: skip
        raw = [str(_BIN / "ansible"), "exchange", "-i", inventory, "-m", "ansible.builtin.raw",
               "-a", "hostname"]  # fmt: skip
        figures = {"raw": _per_host(raw), "assess": _per_host(assess)}
        _cpu([*assess[:-2], "-e", f"report_cases={cases}"], allowed=(0, 2))
    finally:
        _cpu([rehearse, "rehearse", "down", "--state", str(state)])
    (report,) = cases.glob("*/report/report.json")
    traffic = [host["timing"]["http"] for host in json.loads(report.read_text())["hosts"]]
    figures["requests"] = max(item["requests"] for item in traffic)
    figures["sent"] = max(item["sent_bytes"] for item in traffic)
    figures["received"] = statistics.median(item["received_bytes"] for item in traffic)
    return figures


def main() -> list[str]:
    """Measure and hold the figures against their limits."""
    with tempfile.TemporaryDirectory() as folder:
        got = measure(Path(folder))
    ratio = got["assess"] / got["raw"]
    cost = f"{got['assess'] * 1000:.0f} ms, raw {got['raw'] * 1000:.0f} ms, ratio {ratio:.2f}"
    quick = "ok" if ratio <= CPU_RATIO else "TOO SLOW"
    sent = f"{got['sent']:,.0f} bytes up (limit {UPSTREAM:,}), {got['received']:,.0f} down"
    small = got["requests"] <= REQUESTS and got["sent"] <= UPSTREAM
    fits = "ok" if small else "OVER THE LIMIT"
    return [
        f"assess: controller CPU a host {cost} (limit {CPU_RATIO}): {quick}",
        f"assess: at most {got['requests']:.0f} requests (limit {REQUESTS}), {sent}: {fits}",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(main()) + "\n")
