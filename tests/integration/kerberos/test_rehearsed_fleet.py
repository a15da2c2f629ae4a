# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal with a realm of its own, and real Ansible that logs in with tickets of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.preflight import (
    RULES,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.realm import (
    REALM,
)
from kerberos_client import Tickets, require_kerberos

from ..conftest import ROOT, Fleet, environment, toolkit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.integration
SCENARIO = ROOT / "tests" / "integration" / "assess_fleet.yml"
CONNECTIONS = ("exchange.remediation.winrm", "ansible.builtin.winrm", "ansible.builtin.psrp")
# The rule that lets actions use other connections than ours, where there is one.
WAIVER = json.dumps({"exchange_allow_insecure": [n for n in RULES if n == "stock_connection"]})
PATIENCE = 60.0


@dataclass(frozen=True)
class Realm:
    fleet: Fleet
    tickets: Tickets

    def environment(self, cache: str) -> dict[str, str]:
        """Always the same one, so that Ansible is started once; the tickets change."""
        current = self.tickets.path("current")
        current.unlink(missing_ok=True)
        if self.tickets.path(cache).exists():
            shutil.copy(self.tickets.path(cache), current)
        return environment(**self.tickets.environment("current"))

    def raw(
        self, cache: str, *options: str, host: str = "open"
    ) -> subprocess.CompletedProcess[str]:
        return warm_ansible.run(
            [sys.executable, "-m", "ansible", "adhoc", host, "-i", str(self.fleet.inventory),
             "-m", "ansible.builtin.raw", "-a", "hostname", *options],
            timeout=120, cwd=ROOT, env=self.environment(cache),
        )  # fmt: skip

    def counters(self, host: str = "open") -> dict[str, Any]:
        return self.fleet.status()[host]


def tickets_of(state: Path) -> Tickets:
    account = json.loads((state / "state.json").read_text())["principal"].partition("@")[0]
    return Tickets(state / "kerberos", account, state / "kerberos" / "krb5.conf")


def up(state: Path, *options: str) -> str:
    command = [sys.executable, "-m", warm_ansible.TOOLKIT, "rehearse", "up", "--kerberos"]
    done = subprocess.run(
        [*command, "--port", "0", "--state", str(state), "--stop-after", "20", *options],
        capture_output=True, text=True, timeout=180, check=False, cwd=ROOT,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    require_kerberos()
    state = tmp_path_factory.mktemp("fleet") / "state"
    up(state, "--scenario", str(SCENARIO))
    running = Realm(Fleet(state), tickets_of(state))
    running.tickets.take("valid", "-f")
    running.tickets.take_expired("expired")
    yield running
    port = kdc_port(state)
    assert toolkit("rehearse", "down", "--state", state).returncode == 0
    assert not (state / "kerberos").exists(), "keys and tickets outlive their fleet"
    assert not listens(port)


def kdc_port(state: Path) -> int:
    found = re.search(r"kdc = 127\.0\.0\.1:(\d+)", (state / "kerberos" / "krb5.conf").read_text())
    assert found
    return int(found[1])


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("connection", CONNECTIONS)
def test_every_connection_logs_in_with_a_ticket(realm: Realm, connection: str, scheme: str) -> None:
    """Over HTTP the endpoint takes sealed messages only (AllowUnencrypted is false)."""
    before = realm.counters()
    more = {"ansible_connection": connection, "ansible_password": None}
    if scheme == "http":
        more |= {
            "ansible_port": str(realm.fleet.http_port()),
            "ansible_winrm_scheme": "http",
            "ansible_psrp_protocol": "http",
        }
    done = realm.raw("valid", "-e", json.dumps(more))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OPEN" in done.stdout
    after = realm.counters()
    assert after["kerberos"] == before["kerberos"] + 1
    assert after["delegated"] == before["delegated"]


def test_host_outside_of_the_account_refuses_the_ticket_once(realm: Realm) -> None:
    done = realm.raw("valid", host="password")
    assert "UNREACHABLE" in done.stdout
    assert "the host refused the ticket of" in done.stdout
    assert realm.counters("password")["refused"] == 1


def test_managed_ticket_needs_no_cache(realm: Realm) -> None:
    done = realm.raw("none", "-e", "ansible_winrm_kinit_mode=managed")
    assert "OPEN" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_delegation_is_refused_by_every_action_before_the_first_packet(
    realm: Realm, connection: str, tmp_path: Path
) -> None:
    before = realm.counters()["connections"]
    more = {
        "ansible_connection": connection,
        "ansible_winrm_kerberos_delegation": True,
        "ansible_psrp_negotiate_delegate": True,
    }
    host = assessed(realm, "valid", tmp_path, "-e", WAIVER, "-e", json.dumps(more))
    assert host["state"] == "refused"
    assert "delegation gives the host a ticket that works everywhere" in host["reason"]
    assert realm.counters()["connections"] == before


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_report_says_how_the_login_went(realm: Realm, connection: str, tmp_path: Path) -> None:
    more = json.dumps({"ansible_connection": connection, "ansible_password": None})
    host = assessed(realm, "valid", tmp_path, "-e", WAIVER, "-e", more)
    assert (host["state"], host["peer"]["authentication"]) == ("assessed", ["kerberos"])


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_expired_ticket_leaves_the_host_unseen_with_the_cure(
    realm: Realm, connection: str, tmp_path: Path
) -> None:
    before = realm.counters()
    more = json.dumps({"ansible_connection": connection, "ansible_password": None})
    host = assessed(realm, "expired", tmp_path, "-e", WAIVER, "-e", more)
    assert host["state"] == "authentication-failed"
    assert re.search(r"ticket has expired; get a new one with `kinit", host["reason"])
    after = realm.counters()
    assert after["kerberos"] == before["kerberos"]
    if connection == CONNECTIONS[0]:
        assert after["connections"] == before["connections"]


def assessed(
    realm: Realm, cache: str, folder: Path, *options: str, limit: str = "open"
) -> dict[str, Any]:
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", "exchange.remediation.assess", "--limit",
         limit, "-i", str(realm.fleet.inventory), "-e", f"report_cases={folder}", *options],
        timeout=180, cwd=ROOT, env=realm.environment(cache),
    )  # fmt: skip
    reports = sorted(folder.glob("*/report/report.json"))
    assert reports, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(reports[0].read_text())["hosts"][0]
    return found


@pytest.mark.engine
@pytest.mark.usefixtures("pwsh")
def test_real_scripts_answer_behind_a_ticket(tmp_path: Path) -> None:
    require_kerberos()
    state = tmp_path / "state"
    up(state, "--scenario", "small", "--engine", "powershell")
    try:
        fleet = Realm(Fleet(state), tickets_of(state))
        fleet.tickets.take("valid")
        host = assessed(fleet, "valid", tmp_path / "cases", "-e", WAIVER, limit="ex01")
        assert (host["state"], host["peer"]["authentication"]) == ("assessed", ["kerberos"])
        assert fleet.counters("ex01")["kerberos"] >= 1
        host = assessed(fleet, "none", tmp_path / "without", "-e", WAIVER, limit="ex01")
        assert host["state"] == "authentication-failed"
        assert "there is no Kerberos ticket; get one with `kinit" in host["reason"]
    finally:
        toolkit("rehearse", "down", "--state", state)


def test_realm_is_announced_private_and_ends_with_its_fleet(tmp_path: Path) -> None:
    require_kerberos()
    state = tmp_path / "a folder"
    told = up(state, "--scenario", "small")
    try:
        assert f"export KRB5_CONFIG='{state / 'kerberos' / 'krb5.conf'}'" in told
        assert re.search(rf"kinit -k -t '.+' administrator@{REALM}", told)
        assert (state / "kerberos").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o077 for path in (state / "kerberos").iterdir()} == {0}
        tickets_of(state).take("valid")
        again = up(state, "--scenario", "small")
        assert "runs already" in again
        other = toolkit("rehearse", "up", "--state", state, "--scenario", "small", "--port", "0")
        assert other.returncode == 2
        assert "with Kerberos; stop it" in other.stderr
        port = kdc_port(state)
        os.kill(json.loads((state / "state.json").read_text())["pid"], signal.SIGKILL)
        assert until(lambda: not listens(port)), "the key distribution centre outlives its fleet"
    finally:
        toolkit("rehearse", "down", "--state", state)
    assert not (state / "kerberos").exists()
    assert not (state / "inventory.yml").exists()


def test_password_is_on_no_command_line(realm: Realm, tmp_path: Path) -> None:
    """Who lists processes, or reads what the fleet says of itself, finds no password and no key."""
    password = realm.fleet.variables["ansible_password"]
    texts = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(password.encode() in text for text in texts)
    logs = ("krb5kdc.out", "kdc.log", "krb5.conf", "kdc.conf")
    folder = realm.fleet.state / "kerberos"
    assert not any(password in (folder / name).read_text() for name in logs)
