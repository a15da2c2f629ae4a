# SPDX-License-Identifier: GPL-3.0-or-later
"""One realm and one endpoint in this process for all tests of our connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import line
import pytest
from ansible.plugins.connection import winrm as stock
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.kdc import Kdc
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.realm import (
    REALM,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.connection import (
    HostConnection,
)
from endpoint import NAME, PASSWORD, USER, Endpoint, one_host
from engine_fixtures import pwsh  # noqa: F401 - a fixture
from kerberos_client import Tickets, require_kerberos, using

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "ex01.rehearsal.example"
STRANGER = "ex02.rehearsal.example"  # another host of the domain
PATIENCE = 30.0  # seconds for one answer; the machine may be busy


@dataclass
class Site:
    """The realm, the endpoint, and connections to it that log in with a cache by name."""

    kdc: Kdc
    endpoint: Endpoint
    tickets: Tickets
    opened: list[HostConnection] = field(default_factory=list)

    def connection(
        self, scheme: str = "https", extras: dict[str, Any] | None = None, **options: Any
    ) -> HostConnection:
        """A connection as an action has one; nothing is sent yet."""
        port = self.endpoint.port if scheme == "https" else self.endpoint.http_port
        usual = {
            "remote_user": f"{USER}@{REALM}",
            "remote_password": None,
            "transport": ["kerberos"],
            "kerberos_mode": "manual",
            "kinit_env_vars": ["KRB5_CONFIG"],
            "scheme": scheme,
            "port": port,
        }
        known = {"ansible_winrm_kerberos_hostname_override": SERVICE, **(extras or {})}
        plugin = line.plugin(self.endpoint, PATIENCE, known, **{**usual, **options})
        connection = HostConnection(NAME, plugin, options.get("allow_insecure", []))
        self.opened.append(connection)
        return connection

    def run(self, connection: HostConnection) -> str:
        """Ask the host its name."""
        transport: Any = connection.open()
        done = transport._exec("hostname", b"")
        return str(done.stdout.decode().strip())

    def close(self) -> None:
        for connection in self.opened:
            connection.close()
        self.opened.clear()


@pytest.fixture(scope="session")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    require_kerberos()
    other = one_host()
    other.name, other.world.data["name"] = "ex02", "EX02"
    hosts = (one_host(), other)
    running = Kdc.start(tmp_path_factory.mktemp("realm"), hosts, Credentials(USER, PASSWORD))
    yield running
    running.close()
    assert not running.realm.folder.exists()


def _site(kdc: Kdc, folder: Any, policy: AuthPolicy) -> Iterator[Site]:
    tickets = Tickets(kdc.realm.folder, USER, kdc.realm.config)
    with Endpoint(folder, realm=kdc.realm, policy=policy) as endpoint:
        yield Site(kdc, endpoint, tickets)


@pytest.fixture(scope="session")
def relaxed(kdc: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from _site(kdc, tmp_path_factory.mktemp("relaxed"), AuthPolicy())


@pytest.fixture(scope="session")
def strict(kdc: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Over TLS it wants proof of the certificate: CbtHardeningLevel Strict."""
    yield from _site(kdc, tmp_path_factory.mktemp("strict"), AuthPolicy(channel_binding=True))


@pytest.fixture(scope="session")
def valid(kdc: Kdc) -> str:
    """The name of a cache with a ticket for ten hours, which may be forwarded."""
    tickets = Tickets(kdc.realm.folder, USER, kdc.realm.config)
    tickets.take("valid", "-f", "-r", "2d")
    return "valid"


@pytest.fixture(scope="session")
def expired(kdc: Kdc) -> str:
    """The name of a cache whose ticket has run out."""
    Tickets(kdc.realm.folder, USER, kdc.realm.config).take_expired("expired")
    return "expired"


@pytest.fixture
def site(relaxed: Site, valid: str) -> Iterator[Site]:
    """The endpoint, and this process with a valid ticket."""
    with using(relaxed.tickets.environment(valid)):
        yield relaxed
        relaxed.close()


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of the stock plugin take no time."""
    monkeypatch.setattr(stock, "time", SimpleNamespace(sleep=lambda _seconds: None))
