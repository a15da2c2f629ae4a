# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated fleet for the session, and real ansible-playbook runs against it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet import start
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.inventory import (
    AUTHORITY,
    INVENTORY,
    inventory_text,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.ports import (
    Ports,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Iterator

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
        ModelEngine,
    )

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = "exchange.remediation.assess"
SCENARIO = Path(__file__).parent / "assess_fleet.yml"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many runs the sweeps were: a sweep is one test for many."""
    reports = terminalreporter.getreports("passed")
    known = [dict(report.user_properties) for report in reports if report.when == "call"]
    if counts := [found["swept"] for found in known if "swept" in found]:
        runs = f"{sum(counts):,} runs with a fault each, in {len(counts)} tests"
        terminalreporter.write_line(f"sweeps over WinRM: {runs}")


def environment(**more: str) -> dict[str, str]:
    """The environment of a run: this checkout's collection and configuration, no colour."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": "5",
        "PYTHONPATH": str(ROOT / ".dev"),
        **more,
    }


def toolkit(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the project's own command with this interpreter."""
    module = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
    return warm_ansible.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        timeout=180, cwd=options.get("cwd", ROOT), env=environment(**options.get("env", {})),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running fleet: its state folder, its inventory, its counters."""

    state: Path

    @property
    def inventory(self) -> Path:
        return self.state / "inventory.yml"

    @property
    def variables(self) -> dict[str, Any]:
        known: dict[str, Any] = yaml.safe_load(self.inventory.read_text())["exchange"]["vars"]
        return known

    def status(self) -> dict[str, dict[str, Any]]:
        """Host -> what the endpoint has counted for it."""
        done = toolkit("rehearse", "status", "--state", self.state, "--json")
        assert done.returncode == 0, done.stderr
        return {host["host"]: host for host in json.loads(done.stdout)["hosts"]}

    def http_port(self) -> int:
        return int(json.loads((self.state / "state.json").read_text())["http_port"])


def start_fleet(state: Path, scenario: Path) -> Fleet:
    up = toolkit("rehearse", "up", "--state", state, "--port", "0", "--stop-after", "20",
                 "--scenario", scenario)  # fmt: skip
    assert up.returncode == 0, up.stdout + up.stderr
    return Fleet(state)


@contextmanager
def served(folder: Path, hosts: Iterable[str], engine: ModelEngine) -> Iterator[Path]:
    """Serve vulnerable servers with an engine of the test's own, in a thread; yields the inventory."""
    document = {
        "schema": 1,
        "title": "Hostile hosts",
        "defaults": {"domain": "rehearsal.example"},
        "hosts": {
            name: {
                "description": "hostile",
                "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
            }
            for name in hosts
        },
    }
    scenario, users = folder / "hostile.yml", folder / "users"
    scenario.write_text(yaml.safe_dump(document))
    users.mkdir()
    loop = asyncio.new_event_loop()
    running = start.Fleet(start.load(str(scenario)), engine, users)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ports = asyncio.run_coroutine_threadsafe(running.start(Ports(0, 0)), loop).result(60)
    (folder / AUTHORITY).write_bytes(running.authority.pem())
    (folder / INVENTORY).write_text(inventory_text(running, ports, folder))
    yield folder / INVENTORY
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The small fleet of ``assess_fleet.yml``, over the model engine."""
    state = tmp_path_factory.mktemp("fleet")
    yield start_fleet(state, SCENARIO)
    down = toolkit("rehearse", "down", "--state", state)
    assert down.returncode == 0, down.stderr


@dataclass(frozen=True, slots=True)
class Run:
    """One ansible-playbook run and the report that it wrote, if it wrote one."""

    code: int
    output: str
    report: dict[str, Any] | None
    folder: Path | None

    def host(self, name: str) -> dict[str, Any]:
        assert self.report, self.output
        found: dict[str, Any] = next(h for h in self.report["hosts"] if h["host"] == name)
        return found


@pytest.fixture
def play(fleet: Fleet, tmp_path: Path) -> Callable[..., Run]:
    """Run the playbook over an inventory (default: the fleet's) with extra options."""

    def run(
        *options: str,
        inventory: Path | None = None,
        playbook: str = PLAYBOOK,
        env: dict[str, str] | None = None,
    ) -> Run:
        cases = tmp_path / f"cases{len(list(tmp_path.iterdir()))}"
        done = warm_ansible.run(
            [sys.executable, "-m", "ansible", "playbook", playbook,
             "--inventory", str(inventory or fleet.inventory),
             "--extra-vars", json.dumps({"report_cases": str(cases)}), *options],
            merged=True, timeout=180, cwd=ROOT, env=environment(**(env or {})),
        )  # fmt: skip
        reports = sorted(cases.glob("*/report/report.json"))
        report = json.loads(reports[0].read_text()) if reports else None
        return Run(done.returncode, done.stdout, report, reports[0].parent if reports else None)

    return run


@pytest.fixture
def inventory_with(fleet: Fleet, tmp_path: Path) -> Callable[..., Path]:
    """Write an inventory: the fleet's connection with other hosts and variables."""

    def write(hosts: dict[str, dict[str, Any]], **variables: Any) -> Path:
        path = tmp_path / f"inventory{len(list(tmp_path.iterdir()))}.yml"
        known = fleet.variables | variables
        document = {
            "exchange": {"hosts": hosts, "vars": {k: v for k, v in known.items() if v is not None}}
        }
        path.write_text(yaml.safe_dump(document))
        return path

    return write
