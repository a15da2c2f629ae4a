# SPDX-License-Identifier: GPL-3.0-or-later
"""Push throughput over real WinRM (NTLM, encrypted), at 0 and 50 ms of round trip.

Compared with put_file of the same connection, which is what ``ansible.builtin.win_copy`` uses:
both write the same bytes on the same simulated host, whose scripts run on a PowerShell engine.
put_file is one command that neither resumes nor is safe to repeat nor hashes on the server, so
parity is not expected; the limit holds the price of that down.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader, init_plugin_loader

if __name__ == "__main__":
    init_plugin_loader()  # before the first import of a collection, or plugins are not found

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls import core
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.asking import Direct
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer import delivery
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.order import (
    Delivery,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.ansible_connection import (
    AnsibleTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.classify import (
    classify,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.fenced import (
    FencedTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 8 * 1024 * 1024
DELAYS = (0.0, 0.05)
RATIO = 6.0  # times as long as put_file: the limit
_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = os.environ | {
    "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(_ROOT / ".dev"),
}
_BIN = Path(sys.executable).parent


class SlowLine:
    """Passes TCP on; each piece arrives half a round trip later, without narrowing the line."""

    def __init__(self, target: tuple[str, int], round_trip: float) -> None:
        self._target, self._delay = target, round_trip / 2
        self._server = socket.create_server((target[0], 0))  # the certificate names it
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                upstream = socket.create_connection(self._target)
                for ends in ((client, upstream), (upstream, client)):
                    for end in ends:
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 20):
                time.sleep(self._delay)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()


@contextmanager
def fleet(folder: Path) -> Iterator[dict[str, Any]]:
    """A simulated host on the PowerShell engine; yields its connection variables."""
    state = folder / "state"
    rehearse = [str(_BIN / "exchange-remediation"), "rehearse"]
    subprocess.run(
        [*rehearse, "up", "--scenario", "small", "--engine", "powershell", "--state", str(state),
         "--port", "0", "--stop-after", "20"], check=True, capture_output=True,
    )  # fmt: skip
    try:
        yield yaml.safe_load((state / "inventory.yml").read_text())["exchange"]
    finally:
        subprocess.run([*rehearse, "down", "--state", str(state)], check=True, capture_output=True)


def connect(group: dict[str, Any], port: int) -> Any:
    """A connection of our plugin, as a task would get it."""
    variables = {**group["vars"], **group["hosts"]["ex01"], "ansible_port": port}
    connection = connection_loader.get("exchange.remediation.winrm", PlayContext(), os.devnull)
    extras = {name: v for name, v in variables.items() if name.startswith("ansible_winrm_")}
    connection.set_options(var_options={**variables, "_extras": extras})
    return connection


def package(folder: Path) -> tuple[PackageRecord, Path]:
    """Bytes that do not compress, and their record."""
    source = folder / "Exchange2016-KB5000871-x64-en.msp"
    source.write_bytes(os.urandom(SIZE))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    build = Build.parse("15.1.2176.9")
    record = PackageRecord(
        sha256=digest, size=SIZE, file=source.name, format="msp", product="Exchange2016",
        cu="CU19", kind="SU", kb="KB5000871", build=build, applies_to=(), supersedes=(),
        signature=None, evidence=(), reason=None, added="2021-03-05T10:00:00Z",
    )  # fmt: skip
    return record, source


def put(connection: Any, source: Path) -> float:
    """Seconds of put_file."""
    began = time.perf_counter()
    connection.put_file(str(source), "C:\\Windows\\Temp\\put.bin")
    return time.perf_counter() - began


def push(connection: Any, folder: Path) -> delivery.Delivered:
    """Push another package over the connection."""
    record, source = package(folder)
    transport = FencedTransport(AnsibleTransport(connection, classify, peer="ex01"))
    holder = core.Holder("bench", "bench", "0" * 32, "bench", 900)
    transport.ticket = core.lock(Direct(transport), holder).ticket
    return delivery.push(Delivery(transport, "ex01", "bench", "bench", record), source)


def compare(folder: Path, group: dict[str, Any], delay: float) -> str:
    """Push and put_file over one line; the first command of each is not counted."""
    address = group["hosts"]["ex01"]["ansible_host"]
    line = SlowLine((address, group["vars"]["ansible_port"]), delay)
    try:
        connection = connect(group, line.port)
        warm = folder / "warm"
        warm.write_bytes(b"x")
        put(connection, warm)
        _, source = package(folder)
        plain = put(connection, source)
        pushed = push(connection, folder)
        connection.close()
    finally:
        line.close()
    ratio = pushed.seconds / plain
    rates = [SIZE / seconds / 1e6 for seconds in (pushed.seconds, plain)]
    verdict = "ok" if ratio <= RATIO else "TOO SLOW"
    return (
        f"packages: {delay * 1000:.0f} ms: push {rates[0]:.2f} MB/s in {pushed.chunks} chunks, "
        f"put_file {rates[1]:.2f} MB/s, time ratio {ratio:.2f} (limit {RATIO}): {verdict}"
    )


def measure() -> list[str]:
    """Measure and hold the figures against their limits."""
    with tempfile.TemporaryDirectory() as name, fleet(Path(name)) as group:
        return [compare(Path(name), group, delay) for delay in DELAYS]


def main() -> list[str]:
    """Measure in a process of its own: only a fresh one can find plugins of collections."""
    if not (os.environ.get("EXCHANGE_REMEDIATION_PWSH") or shutil.which("pwsh")):
        return ["packages: no PowerShell engine, so put_file cannot be compared: not measured"]
    done = subprocess.run(
        [sys.executable, __file__], env=_ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


if __name__ == "__main__":
    sys.stdout.write("\n".join(measure()) + "\n")
