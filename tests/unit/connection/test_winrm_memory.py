# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole connection plugin against a service that wants the controller's memory (I5), measured."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Exchange, FakeWinRM

ROOT = Path(__file__).resolve().parents[3]
CLIENT = Path(__file__).parent / "measured_client.py"
MIB = 1024 * 1024
PEAK_MB = 250
GROWTH_MB = 160  # 16 MiB of reply, its text, its tree; 64 MiB of output and its pieces


def run(
    server: FakeWinRM, plugin: str = "exchange.remediation.winrm", commands: int = 1
) -> dict[str, Any]:
    # A folder of its own: Ansible empties it at its end, and another test's client may be in there.
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [sys.executable, str(CLIENT), plugin, str(server.server_port), str(commands)],
            capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
                 "HOME": "/nonexistent", "ANSIBLE_LOCAL_TEMP": scratch, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def at(action: str, attack: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    return lambda exchange: attack(exchange) if exchange.action == action else exchange.friendly()


def gzip_bomb() -> Callable[[Exchange], None]:
    megabytes = gzip.compress(bytes(MIB)) * 1024  # members of one stream: 1 GiB when unpacked
    return lambda exchange: exchange.answer(megabytes, Content_Encoding="gzip")


def huge_body(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Content-Type", "application/soap+xml")
    exchange.send_header("Content-Length", str(300 * MIB))
    exchange.end_headers()
    for _ in range(300):
        exchange.wfile.write(b"x" * MIB)


def endless_body(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Content-Type", "application/soap+xml")
    exchange.send_header("Transfer-Encoding", "chunked")
    exchange.end_headers()
    while True:
        exchange.wfile.write(b"100000\r\n" + bytes(MIB) + b"\r\n")


def endless_output(exchange: Exchange) -> None:
    exchange.friendly(b"x" * MIB, done=False)


ATTACKS = (
    ("gzip bomb of 1 GiB", at("Receive", gzip_bomb()), "content encoding 'gzip'"),
    ("gzip bomb on the first reply", at("Create", gzip_bomb()), "content encoding 'gzip'"),
    ("reply of 300 MB", at("Receive", huge_body), "314572800 bytes is over the cap of 16777216"),
    ("body without end", at("Receive", endless_body), "is over the cap of 16777216"),
    ("output without end", at("Receive", endless_output), "output exceeds 67108864 bytes"),
    (
        "redirect",
        at("Send", lambda exchange: exchange.answer(b"", 307, Location="http://127.0.0.1:9/")),
        "answered 307 and points to 'http://127.0.0.1:9/'",
    ),
)


@pytest.mark.parametrize(
    ("attack", "reason"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS]
)
def test_an_attack_on_memory_is_refused_within_bounds(
    server: FakeWinRM, attack: Callable[[Exchange], None], reason: str
) -> None:
    server.script = attack
    outcome = run(server)
    assert reason in outcome["error"], outcome
    assert outcome["peak_mb"] < PEAK_MB, outcome
    assert outcome["peak_mb"] - outcome["before_mb"] < GROWTH_MB, outcome
    assert outcome["seconds"] < 30, outcome


def test_the_fake_service_is_real_enough_for_both_plugins(server: FakeWinRM) -> None:
    assert run(server)["stdout"] == 3
    assert run(server, "ansible.builtin.winrm")["stdout"] == 3


def test_the_cap_counts_the_output_of_each_command_for_itself(server: FakeWinRM) -> None:
    """Two commands of 40 MiB on one connection are below the cap of 64 MiB each."""
    pieces = itertools.count(1)
    server.script = at(
        "Receive", lambda exchange: exchange.friendly(b"x" * 8 * MIB, done=next(pieces) % 5 == 0)
    )
    outcome = run(server, commands=2)
    assert outcome.get("error") is None
    assert outcome["stdout"] == 40 * MIB


def test_the_stock_plugin_falls_for_what_ours_refuses(servers: Callable[[], FakeWinRM]) -> None:
    """So that the guard is known to be what makes the difference, with a bomb of 64 MB only."""
    bomb = gzip.compress(bytes(64 * MIB))
    grown = {}
    for plugin in ("exchange.remediation.winrm", "ansible.builtin.winrm"):
        server = servers()
        server.script = at(
            "Receive", lambda exchange: exchange.answer(bomb, Content_Encoding="gzip")
        )
        outcome = run(server, plugin)
        grown[plugin] = outcome["peak_mb"] - outcome["before_mb"]
    assert grown["ansible.builtin.winrm"] > grown["exchange.remediation.winrm"] + 64, grown


FAULT = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Reason>'
    "<s:Text>\u009b2J\u202eok: [everything]</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
)


@pytest.mark.parametrize("action", ["Create", "Command", "Receive"])
def test_what_a_fault_quotes_is_inert_in_the_error(server: FakeWinRM, action: str) -> None:
    server.script = at(action, lambda exchange: exchange.answer(FAULT.encode(), 500))
    error = run(server)["error"]
    assert "\\x9b2J\\u202eok: [everything]" in error
    assert error.isascii()
