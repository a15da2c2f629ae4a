# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin under Ansible against the endpoint: schemes, figures, lost connections."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible

from .conftest import ROOT, environment, start_fleet, toolkit

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Fleet, Run

pytestmark = pytest.mark.integration


class CountingProxy:
    """Passes TCP on to one address and counts what the client sends; the third party that measures."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.sent = bytearray()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.server.accept()
                upstream = socket.create_connection(self.target)
                for source, sink, count in ((client, upstream, True), (upstream, client, False)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, count), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, count: bool) -> None:  # noqa: FBT001 - private
        with suppress(OSError):
            while data := source.recv(65536):
                if count:
                    self.sent += data
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @property
    def requests(self) -> int:
        return len(re.findall(rb"POST /wsman HTTP/1\.1\r\n", self.sent))


@pytest.fixture
def proxy(fleet: Fleet) -> Iterator[CountingProxy]:
    running = CountingProxy(("127.77.0.1", fleet.http_port()))
    yield running
    running.server.close()


def test_an_assessment_over_ntlm_takes_9_requests_and_40_kb_upstream(
    play: Callable[..., Run], inventory_with: Callable[..., Path], proxy: CountingProxy
) -> None:
    inventory = inventory_with(
        {"ex01": {"ansible_host": "127.0.0.1", "ansible_port": proxy.port}},
        ansible_winrm_scheme="http",
    )
    run = play(inventory=inventory)
    assert run.host("ex01")["state"] == "assessed", run.host("ex01")["reason"]
    assert proxy.requests <= 9
    assert len(proxy.sent) <= 40_000
    counted = run.host("ex01")["timing"]["http"]
    assert counted["requests"] == proxy.requests
    # What the plugin counts lacks the request lines and, of the body, nothing.
    assert abs(counted["sent_bytes"] - len(proxy.sent)) < 60 * proxy.requests
    # Message encryption: neither the script nor the account's name may be readable on the way.
    assert b"EncodedCommand" not in proxy.sent
    assert b"<rsp:" not in proxy.sent


def raw(inventory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return warm_ansible.run(
        [sys.executable, "-m", "ansible", "adhoc", "exchange", "-i", str(inventory),
         "-m", "ansible.builtin.raw", "-a", "hostname", *options],
        timeout=90, cwd=ROOT, env=environment(),
    )  # fmt: skip


SCHEMES: dict[str, dict[str, Any]] = {
    "ntlm over https": {"ansible_winrm_transport": "ntlm"},
    "ntlm over http, encrypted messages": {
        "ansible_winrm_transport": "ntlm",
        "ansible_winrm_scheme": "http",
    },
    "ntlm over https, encrypted messages": {
        "ansible_winrm_transport": "ntlm",
        "ansible_winrm_message_encryption": "always",
    },
    "basic over https": {"ansible_winrm_transport": "ssl"},
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_that_is_not_refused_works(
    fleet: Fleet, inventory_with: Callable[..., Path], scheme: str
) -> None:
    variables = dict(SCHEMES[scheme])
    if variables.get("ansible_winrm_scheme") == "http":
        variables["ansible_port"] = fleet.http_port()
    done = raw(inventory_with({"ex01": {"ansible_host": "127.77.0.1"}}, **variables))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OPEN" in done.stdout


def test_a_refused_scheme_sends_nothing_and_fails_instead_of_unreachable(
    fleet: Fleet, inventory_with: Callable[..., Path]
) -> None:
    before = fleet.status()["open"]["connections"]
    done = raw(
        inventory_with(
            {"ex01": {"ansible_host": "127.77.0.1"}},
            ansible_winrm_transport="basic",
            ansible_winrm_scheme="http",
            ansible_port=fleet.http_port(),
        )
    )
    assert "ex01 | FAILED" in done.stdout
    assert "ex01: Basic over HTTP sends the password in clear" in done.stdout
    assert fleet.status()["open"]["connections"] == before


def test_the_default_authentication_is_kerberos_and_never_the_password(
    fleet: Fleet, inventory_with: Callable[..., Path]
) -> None:
    before = fleet.status()["open"]["connections"]
    done = raw(
        inventory_with({"ex01": {"ansible_host": "127.77.0.1"}}, ansible_winrm_transport=None)
    )
    assert "kerberos" in done.stdout.lower()
    assert "OPEN" not in done.stdout
    assert fleet.status()["open"]["connections"] == before


RECOVERED: dict[str, tuple[str, ...]] = {
    "receive-reset": ("--action", "Receive", "--kind", "reset"),
    "receive-reset-after": ("--action", "Receive", "--kind", "reset", "--when", "after"),
    "receive-truncated": ("--action", "Receive", "--kind", "truncate"),
    "receive-503": ("--action", "Receive", "--kind", "http503"),
    "receive-busy": ("--action", "Receive", "--kind", "optimeout", "--times", "3"),
    "send-reset": ("--action", "Send", "--kind", "reset"),
    "signal-reset": ("--action", "Signal", "--kind", "reset"),
    "delete-reset": ("--action", "Delete", "--kind", "reset"),
    "command-quota": ("--action", "Command", "--kind", "quota"),
}
LOST: dict[str, tuple[str, ...]] = {
    "create-reset": ("--action", "Create", "--kind", "reset", "--times", "0"),
    "create-500": ("--action", "Create", "--kind", "http500", "--times", "0"),
    "never-received": ("--action", "Receive", "--kind", "reset", "--times", "0"),
    "garbage": ("--action", "Receive", "--kind", "garbage", "--times", "0"),
    "busy-for-ever": ("--action", "Receive", "--kind", "optimeout", "--times", "0"),
}
STATES = {
    **dict.fromkeys(RECOVERED, "assessed"),
    "create-reset": "unreachable",
    "create-500": "unreachable",
    "never-received": "unreachable",
    "garbage": "error",
    "busy-for-ever": "error",
    "untroubled": "assessed",
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One host for each fault, so that one run meets them all."""
    folder = tmp_path_factory.mktemp("faulty")
    exchange = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}
    hosts = {name: {"description": "faulty", "exchange": exchange} for name in STATES}
    scenario = folder / "faulty.yml"
    scenario.write_text(json.dumps({"schema": 1, "title": "Faults", "hosts": hosts}))
    running = start_fleet(folder / "state", scenario)
    for host, rule in (RECOVERED | LOST).items():
        added = toolkit(
            "rehearse", "faults", "add", "--state", running.state, "--host", host, *rule
        )
        assert added.returncode == 0, added.stderr
    yield running
    assert toolkit("rehearse", "down", "--state", running.state).returncode == 0


def test_one_lost_connection_loses_nothing_and_a_lost_host_stops_nobody(
    play: Callable[..., Run], faulty: Fleet
) -> None:
    run = play(inventory=faulty.inventory, env={"ANSIBLE_TASK_TIMEOUT": "12", "ANSIBLE_FORKS": "8"})
    assert run.report, run.output
    found = {host["host"]: host["state"] for host in run.report["hosts"]}
    assert found == STATES, {host["host"]: host["reason"] for host in run.report["hosts"]}
    # Only the host whose task ran out of time makes the run fail; all others are data.
    assert run.code == 2
    assert "The task broke for busy-for-ever;" in run.output
    assert run.host("busy-for-ever")["reason"].startswith("timeout: ")
    assert run.host("never-received")["reason"].startswith("transport: ")
