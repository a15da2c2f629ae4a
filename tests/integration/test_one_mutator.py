# SPDX-License-Identifier: GPL-3.0-or-later
"""One server, several who want to change it, over real WinRM with real Ansible: one does (I16)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import NAME
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from drill import changes, end_state
from endpoint import PASSWORD, USER, Endpoint

from .conftest import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration
SERVER = {
    "exchange": {"product": "Exchange2013", "cu": "CU23", "build": "15.0.1497.2"},
    "now": "2021-03-05T10:00:00Z",
}
LONGEST = 240  # seconds for one playbook on a loaded machine


@dataclass
class Site:
    """One server, and controllers that each have a folder of their own."""

    endpoint: Endpoint
    folder: Path

    def begin(self) -> None:
        self.endpoint.begin(build_world(SERVER, "EX01"))

    @property
    def world(self) -> Any:
        return self.endpoint.host.world

    def inventory(self, **hosts: dict[str, Any]) -> Path:
        path = self.folder / "hosts.yml"
        variables = {
            "ansible_connection": "exchange.remediation.winrm",
            "ansible_host": self.endpoint.host.address,
            "ansible_port": self.endpoint.port,
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_ca_trust_path": str(self.endpoint.authority),
        }
        group = {"hosts": hosts or {"ex01": {}}, "vars": variables}
        path.write_text(yaml.safe_dump({"exchange": group}))
        return path

    def start(self, place: str, book: str = "mitigate", **variables: Any) -> subprocess.Popen[str]:
        """Start a playbook of the controller at a place."""
        home = self.folder / place
        home.mkdir(exist_ok=True)
        given = {"mitigate_confirm": True, "mitigate_case": str(home / "case"), **variables}
        return subprocess.Popen(
            [sys.executable, "-m", "ansible", "playbook", f"exchange.remediation.{book}",
             "--inventory", str(self.folder / "hosts.yml"), "--extra-vars", json.dumps(given)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
            env=environment(XDG_STATE_HOME=str(home / "state")),
        )  # fmt: skip

    def play(self, place: str, book: str = "mitigate", **variables: Any) -> tuple[int, str]:
        """Let one come to its end."""
        return ended(self.start(place, book, **variables))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=LONGEST)
    return process.returncode, output


def tell(process: subprocess.Popen[str], what: signal.Signals) -> None:
    """Send a signal to a playbook and all its workers, which have sessions of their own."""
    above: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = file.read_text(encoding="utf-8")
        except OSError:
            continue  # it has ended
        above[int(file.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = [process.pid]
    for one in found:
        found += [child for child, parent in above.items() if parent == one]
    for one in found:
        os.kill(one, what)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with Endpoint(tmp_path_factory.mktemp("one")) as running:
        yield running


@pytest.fixture
def site(endpoint: Endpoint, tmp_path: Path) -> Site:
    made = Site(endpoint, tmp_path)
    made.begin()
    made.inventory()
    return made


@pytest.fixture(scope="module")
def calm(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one controller makes of the server without trouble."""
    made = Site(endpoint, tmp_path_factory.mktemp("calm"))
    made.begin()
    made.inventory()
    code, output = made.play("a", mitigate_run="run-1")
    assert code == 0, output
    return {"changes": changes(made.world), "state": end_state(made.world)}


def test_one_server_under_two_names_is_changed_under_one(site: Site, calm: dict[str, Any]) -> None:
    """The names, addresses and ports differ: that it is one server it says itself."""
    plain = {"ansible_port": site.endpoint.http_port, "ansible_winrm_scheme": "http"}
    site.inventory(ex01={}, mail=plain)
    # The second in a batch of its own, and in a second run of the same case.
    for _ in range(2):
        code, output = site.play("a", mitigate_run="run-1", mitigate_serial=1)
        assert code != 0, output
        assert "mail and ex01 are one server, ex01.rehearsal.example" in output
        assert changes(site.world) == calm["changes"]
        assert end_state(site.world) == calm["state"]
    cases = site.folder / "reports"
    code, output = site.play("a", "assess", report_cases=str(cases))
    (report,) = cases.glob("*/report/report.json")
    for host in json.loads(report.read_text())["hosts"]:
        found = [c for c in host["assessment"]["checks"] if c["check"] == "inventory.double"]
        assert [check["status"] for check in found] == ["finding"], output


def test_a_name_written_twice_is_refused_before_anything_is_sent(site: Site) -> None:
    site.inventory(ex01={}, EX01={"ansible_port": str(site.endpoint.port)}, ex02={})
    before = len(site.world.mutations)
    code, output = site.play("a")
    assert code != 0
    assert "and so is EX01, ex02; the same server would be counted twice" in output
    assert (len(site.world.mutations), (site.folder / "a" / "case").exists()) == (before, False)


@pytest.mark.parametrize("other_run", ["run-1", "run-2"])
def test_of_two_controllers_of_one_owner_the_paused_one_changes_nothing_more(
    other_run: str, site: Site, calm: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a common owner nor a common run lets the second in; the operator's reason does."""
    paused = threading.Event()
    process: list[subprocess.Popen[str]] = []
    real, struck = site.endpoint.engine.answer, []

    def answer(world: Any, text: str) -> Any:
        name = json.loads(text)["operation"]
        done = real(world, text)
        if name.startswith("Set-") and json.loads(text).get("lock"):
            struck.append(name)
            if len(struck) == 1:  # its answer waits for whoever wakes up
                tell(process[0], signal.SIGSTOP)
                paused.set()
        return done

    monkeypatch.setattr(site.endpoint.engine, "answer", answer)
    first = site.start("a", mitigate_run="run-1")
    process.append(first)
    try:
        assert paused.wait(LONGEST)
        code, output = site.play("b", mitigate_run=other_run)
        assert code != 0
        assert "locked by" in output
        assert len(struck) == 1, "nobody changed anything meanwhile"
        reason = "controller a does not answer, CHG7"
        code, output = site.play("b", mitigate_run=other_run, mitigate_lock_takeover=reason)
        assert code == 0, output
        before = changes(site.world)
    finally:
        tell(first, signal.SIGCONT)
    code, output = ended(first)
    assert code != 0
    assert "unknown: lock-lost: " in output
    assert f"(run {other_run})" in output
    assert changes(site.world) == before == calm["changes"]
    assert end_state(site.world) == calm["state"]
    for place in ("a", "b"):
        assert verify(site.folder / place / "case" / NAME).problem is None
