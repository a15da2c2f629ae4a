# SPDX-License-Identifier: GPL-3.0-or-later
"""What the devices' own checkers say of the samples, where one runs here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from rendered import part, samples

if TYPE_CHECKING:
    from pathlib import Path

_NFT = [level for name, level in sorted(samples()) if name == "nftables"]
_HAPROXY = """
global
    stats socket {socket} mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
{backends}
"""


def _tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed, and a check that was not made has not passed")
        pytest.skip(f"{name} is not installed; scripts/ci.sh installs it")
    return found


def _in_a_network_of_its_own(script: str) -> subprocess.CompletedProcess[str]:
    command = [_tool("unshare"), "-rn", "sh", "-euc", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("level", _NFT)
def test_nftables_takes_it_twice_and_takes_it_back(level: str, tmp_path: Path) -> None:
    nft = _tool("nft")
    for name in ("apply", "verify", "undo"):
        (tmp_path / f"{name}.nft").write_text(part("nftables", level, name), encoding="utf-8")

    done = _in_a_network_of_its_own(
        f"cd {tmp_path}; {nft} -c -f apply.nft; {nft} -f apply.nft; {nft} -f apply.nft;"
        f"{nft} -f verify.nft; {nft} -f undo.nft; {nft} list ruleset"
    )

    assert done.returncode == 0, done.stderr
    shown = done.stdout
    assert shown.count("table inet er_cut_ex01") == 1, "shown once by verify, gone after undo"
    assert "hook forward" in shown
    assert shown.count(" drop") == part("nftables", level, "apply").count(" drop")


def test_nftables_refuses_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "apply.nft").write_text(
        part("nftables", "vpn-only", "apply").replace("counter drop", "countr drop"),
        encoding="utf-8",
    )

    assert _in_a_network_of_its_own(f"{_tool('nft')} -c -f {tmp_path}/apply.nft").returncode


class _Haproxy:
    """A process with the back ends of a sample, on a socket of its own."""

    def __init__(self, folder: Path, backends: list[str], entry: str) -> None:
        self.path = folder / "admin.sock"
        rows = "".join(f"backend {b}\n    server {entry} 127.0.0.1:9\n" for b in backends)
        config = folder / "haproxy.cfg"
        config.write_text(_HAPROXY.format(socket=self.path, backends=rows), encoding="utf-8")
        command = [_tool("haproxy"), "-f", str(config), "-db"]
        subprocess.run([*command, "-c"], check=True, capture_output=True, timeout=30)
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not self.path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def ask(self, line: str) -> str:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.path))
            link.sendall(f"{line}\n".encode())
            return b"".join(iter(lambda: link.recv(65536), b"")).decode().strip()

    def admin_state(self, backend: str) -> int:
        """8 and more: drain; 1: maintenance; 0: ready (column srv_admin_state)."""
        rows = [r.split() for r in self.ask(f"show servers state {backend}").splitlines()]
        return int(next(row for row in rows if row[1:2] == [backend])[6])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.mark.parametrize(("level", "state"), [("drained", 8), ("out-of-service", 1)])
def test_haproxy_does_it_and_takes_it_back(level: str, state: int, tmp_path: Path) -> None:
    values = samples()["haproxy", level]
    proxy = _Haproxy(tmp_path, values["backends"], values["entry"])
    try:
        for name in ("apply", "end-sessions"):
            for line in part("haproxy", level, name).splitlines():
                assert proxy.ask(line) == "", "success is silent"
        assert [proxy.admin_state(b) for b in values["backends"]] == [state] * len(
            values["backends"]
        )
        for line in part("haproxy", level, "verify").splitlines():
            assert "srv_admin_state" in proxy.ask(line)
        for line in part("haproxy", level, "undo", recorded_state="ready").splitlines():
            assert proxy.ask(line) == ""
        assert {proxy.admin_state(backend) for backend in values["backends"]} == {0}
    finally:
        proxy.end()


def test_haproxy_answers_with_a_text_where_something_is_wrong(tmp_path: Path) -> None:
    proxy = _Haproxy(tmp_path, ["owa"], "ex01")
    try:
        line = part("haproxy", "out-of-service", "apply", entry="ex02").strip()
        assert "No such server" in proxy.ask(line)
    finally:
        proxy.end()
