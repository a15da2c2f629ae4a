# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsed server behind WinRM whose world the test can look into and change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from endpoint import PASSWORD, USER, Endpoint

from ..conftest import toolkit
from ..test_patch import store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

BIN = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin"
UNINSTALL = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\KB5000871"
NAME = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
SERVER = {"exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}}
INSTALLER = {
    "match": "KB5000871",
    "behaviour": {
        "duration_seconds": 2,
        "exit_code": 3010,
        "effects": [
            {"kind": "build", "folder": BIN, "version": "15.01.2176.009"},
            {"kind": "registry", "key": UNINSTALL, "name": "DisplayName", "value": NAME},
            {"kind": "service", "name": "MSExchangeIS", "start": 4, "status": "Stopped"},
            {"kind": "pending-reboot"},
        ],
    },
}
PASSPHRASE = "a passphrase for the tests"


@dataclass(frozen=True, slots=True)
class Site:
    """One server, an inventory, keys, a package store and a folder for cases."""

    folder: Path
    endpoint: Endpoint

    @property
    def world(self) -> World:
        return self.endpoint.host.world

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What was changed on the server, by anybody."""
        return self.endpoint.call(lambda: list(self.world.mutations))

    @property
    def cases(self) -> Path:
        return self.folder / "cases"

    def inventory(self, **hosts: dict[str, Any]) -> Path:
        """Write an inventory with these hosts, ``ex01`` if none is named."""
        path = self.folder / "hosts.yml"
        variables = {
            "ansible_connection": "exchange.remediation.winrm",
            "ansible_host": self.endpoint.host.address,
            "ansible_port": self.endpoint.port,
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_ca_trust_path": str(self.endpoint.authority),
            "patch_store": str(self.folder / "store"),
            "patch_keys": str(self.folder / "keys"),
            "patch_seen": str(self.folder / "seen.json"),
            "patch_usable_seconds": 30,
        }
        group = {"hosts": hosts or {"ex01": {}}, "vars": variables}
        path.write_text(yaml.safe_dump({"exchange": group}))
        return path

    def run(self, *arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        """Run ``exchange-remediation`` with the keys and cases of this site."""
        verbs = 2 if arguments[0] == "plan" else 1
        more = ["--keys", self.folder / "keys"]
        if arguments[1] != "show":
            more += ["--cases", self.cases]
        known = {"EXCHANGE_REMEDIATION_KEY_PASSPHRASE": PASSPHRASE, "COLUMNS": "400"}
        whole = (*arguments[:verbs], *more, *arguments[verbs:])  # what is given wins
        return toolkit(*whole, env={**known, **env})

    def becomes(self, **changes: Any) -> None:
        """Put another world behind the endpoint, as of the scenario with changes."""
        world = build_world({**SERVER, **changes}, "EX01")
        world.data["programs"] = [INSTALLER]
        self.endpoint.begin(world)

    def plan(self, *arguments: str | Path) -> Path:
        """Plan the patch of ``ex01``."""
        path = self.folder / "plan.json"
        done = self.run("plan", "patch", "-i", self.inventory(), "-o", path, *arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return path


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with Endpoint(tmp_path_factory.mktemp("endpoint")) as running:
        yield running


@pytest.fixture
def site(endpoint: Endpoint, tmp_path: Path) -> Site:
    store(tmp_path)
    made = Site(tmp_path, endpoint)
    made.becomes()
    return made
