# SPDX-License-Identifier: GPL-3.0-or-later
"""What waiting for jobs costs the controller: 50 hosts that install for 20 minutes, or scan for six hours.

The questions of a host are counted on a virtual clock by the driver itself; one question is
measured over real WinRM (NTLM, encrypted) with our connection plugin against the model engine.
The limit is the issue's: 1 % of one core for 50 waiting hosts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader, init_plugin_loader

if __name__ == "__main__":
    init_plugin_loader()  # before the first import of a collection, or plugins are not found

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import Patience
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.ansible_connection import (
    AnsibleTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.classify import (
    classify,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    BOOTSTRAP_COMMAND,
    Operation,
    encode_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTS = 50
# What they do, and for how many seconds.
WORK = {"installs": 20 * 60, "scans": 6 * 3600}
LIMIT = 0.01  # of one core
POLLS = 40
_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(_ROOT / ".dev"),
}
_RENEWAL = 300.0  # seconds between heartbeats, as the driver has it
_QUESTION = Operation("Get-HostJob", {"job": "kb5000871"})


@contextmanager
def fleet(folder: Path) -> Iterator[dict[str, Any]]:
    """Simulated hosts of the model engine; yields the variables of their group."""
    state = folder / "state"
    rehearse = [str(Path(sys.executable).parent / "exchange-remediation"), "rehearse"]
    subprocess.run(
        [*rehearse, "up", "--scenario", "small", "--state", str(state), "--port", "0",
         "--stop-after", "10"], check=True, capture_output=True,
    )  # fmt: skip
    try:
        yield yaml.safe_load((state / "inventory.yml").read_text())["exchange"]
    finally:
        subprocess.run([*rehearse, "down", "--state", str(state)], check=True, capture_output=True)


def connect(group: dict[str, Any]) -> Any:
    """A connection of our plugin, as a task would get it."""
    variables = {**group["vars"], **group["hosts"]["ex01"]}
    connection = connection_loader.get("exchange.remediation.winrm", PlayContext(), os.devnull)
    extras = {name: v for name, v in variables.items() if name.startswith("ansible_winrm_")}
    connection.set_options(var_options={**variables, "_extras": extras})
    return connection


def questions(seconds: int) -> int:
    """How often one host is asked in the time, heartbeats of the host lock included."""
    patience, now, count = Patience(deadline=2.0 * seconds), 0.0, 0
    while now < seconds:
        now += patience.pause(count)
        count += 1
    return count + 1 + int(seconds // _RENEWAL)


def measure(group: dict[str, Any]) -> tuple[float, float]:
    """Seconds of processor and of waiting for one question, on a connection that is open."""
    transport = AnsibleTransport(connect(group), classify, peer="ex01")
    transport.run(_QUESTION)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(POLLS):
        transport.run(_QUESTION)
    return (time.process_time() - cpu) / POLLS, (time.perf_counter() - wall) / POLLS


def main() -> list[str]:
    """Return the lines of the report."""
    os.environ.update(_ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder, fleet(Path(folder)) as group:
        cpu, wall = measure(group)
    request = len(BOOTSTRAP_COMMAND) + len(
        encode_request(_QUESTION, operation_id="0" * 32, nonce="0" * 32)
    )
    lines = [
        f"jobs: a question: {request:,} bytes there, {cpu * 1000:.1f} ms of processor, {wall * 1000:.1f} ms",
    ]
    for work, seconds in WORK.items():
        asked = questions(seconds)
        share = HOSTS * asked * cpu / seconds
        verdict = "" if share <= LIMIT else "  OVER THE LIMIT"
        lines += [
            f"jobs: a host that {work} for {seconds // 60} minutes is asked {asked} times, {asked * request:,} bytes",
            f"jobs: {HOSTS} of them take {share:.2%} of one core (limit {LIMIT:.0%}){verdict}",
        ]
    return lines


if __name__ == "__main__":
    for line in main():
        sys.stdout.write(f"{line}\n")
