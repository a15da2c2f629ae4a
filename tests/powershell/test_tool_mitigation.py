# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a script of Microsoft, driven by the role's controller over the real scripts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.life import Life
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.runtime import Runtime
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import moment
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import Pin
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.request import (
    ScriptRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
    ByScriptResult,
    ByScriptState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.run import (
    run_tool_on,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
        Transport,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
        Operation,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.reply import (
        Reply,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine

KEY = "HKLM\\SOFTWARE\\MSERTBootstrap\\PatchState"
CONFIG = "C:\\inetpub\\wwwroot\\web.config"
PACKAGES = "C:\\ProgramData\\ExchangeRemediation\\packages"
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "now": "2021-03-10T12:00:00Z",
    "url_rewrite": "7.2.1993",
}
# Ours: it declares the parameters by which the tool is known, and does nothing.
STAND_IN = "param ([switch] $DoNotAutoUpdateEOMT, [switch] $DoNotRunMSERT)\r\n'stand-in'\r\n"
GOOD = {
    "EOMTStart": "1 EOMT.ps1 completed successfully",
    "MitigationProcess": "1 Mitigation complete",
    "Timestamp": "2564-03-10 12.00.01",
}
BAD = {"EOMTStart": "0 EOMT.ps1 failed to complete", "Timestamp": "2564-03-10 12.00.01"}


class Killed(BaseException):
    """The controller dies here."""


@dataclass
class Line:
    """The way to the host, with somebody who may act ahead of a command."""

    inner: InProcessTransport
    meddle: Callable[[str], None] = lambda _operation: None
    asked: list[str] = field(default_factory=list)

    @property
    def peer(self) -> str:
        return self.inner.peer

    def run(self, operation: Operation) -> Reply:
        self.meddle(operation.name)
        self.asked.append(operation.name)
        return self.inner.run(operation)


@dataclass
class Fleet:
    """One server on the real engine and its controller."""

    engine: PowerShellEngine
    folder: Path
    values: dict[str, str]
    rules: bool

    def __post_init__(self) -> None:
        self.world = build_world(SPEC)
        effects: list[dict[str, Any]] = [
            {"kind": "registry", "key": KEY, "name": name, "value": value}
            for name, value in self.values.items()
        ]
        if self.rules:
            wanted = build_world({**SPEC, "mitigations": ["backend-cookie"]}).text(CONFIG)
            effects.append({"kind": "file", "path": CONFIG, "text": wanted})
        does = {"duration_seconds": 60, "exit_code": 0, "output": "did it", "effects": effects}
        self.world.data["programs"] = [{"match": "EOMT.ps1", "behaviour": does}]
        self.line = Line(
            InProcessTransport(self.engine, SimulatedHost("ex01", "127.77.0.1", self.world))
        )
        self.source = self.folder / "EOMT.ps1"
        self.source.write_bytes(STAND_IN.encode())
        self.sha256 = hashlib.sha256(STAND_IN.encode()).hexdigest()

    def act(self, **changes: Any) -> ByScriptResult:
        given: dict[str, Any] = {
            "host": "ex01",
            "tool": "eomt",
            "source": self.source,
            "intent": ScriptIntent.MITIGATE,
            "kept": self.folder / "case" / "ex01",
            "pin": Pin(self.sha256, "21.05.27.0855"),
        }
        line: Transport = self.line
        session = HostSession(
            line,
            "run-1",
            "c",
            lambda seconds: machine.advance_clock(self.world, seconds),
            life=Life(ended=lambda _: True),
        )
        facts = session.facts()
        now = moment(facts.host.clock)
        assert now is not None
        world = Runtime(load(), now=lambda: now)
        return run_tool_on(session, ScriptRequest(**{**given, **changes}), facts, world)

    @property
    def launches(self) -> list[str]:
        return [m["target"] for m in self.world.mutations if m["kind"] == "program"]


@pytest.fixture
def fleet(shim_engine: PowerShellEngine, tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    made: list[Fleet] = []

    def make(values: dict[str, str], *, rules: bool) -> Fleet:
        made.append(Fleet(shim_engine, tmp_path, values, rules))
        return made[-1]

    yield make
    for one in made:
        one.line.inner.close()


def test_from_the_plan_to_the_proof(fleet: Callable[..., Fleet]) -> None:
    host = fleet(GOOD, rules=True)
    planned = host.act(check=True)
    assert (planned.state, host.world.mutations) == (ByScriptState.PLANNED, [])
    answer = host.act()
    assert (answer.state, answer.ok) == (ByScriptState.MITIGATED, True), answer.reasons
    assert answer.plan == planned.plan
    (launch,) = host.launches
    assert launch.endswith("EOMT.ps1 -DoNotAutoUpdateEOMT -DoNotRunMSERT")
    assert answer.proofs == {"backend-cookie": "our request was refused"}
    assert answer.output is not None
    assert host.folder.joinpath(answer.output).read_bytes() == b"did it"
    mutations = len(host.world.mutations)
    again = host.act()
    assert (again.state, again.changed) == (ByScriptState.MITIGATED, False)
    assert len(host.world.mutations) == mutations


@pytest.mark.parametrize(
    ("values", "rules", "state"),
    [(BAD, False, "not-mitigated"), (BAD, True, "unknown"), (GOOD, False, "not-mitigated")],
)
def test_failures(
    values: dict[str, str],
    rules: bool,  # noqa: FBT001
    state: str,
    fleet: Callable[..., Fleet],
) -> None:
    host = fleet(values, rules=rules)
    answer = host.act()
    assert (answer.state.value, answer.ok, len(host.launches)) == (state, False, 1)


@pytest.mark.parametrize("at", ["Get-ToolState", "Start-HostJob"])
def test_a_file_swapped_on_the_host_is_not_run_i10(at: str, fleet: Callable[..., Fleet]) -> None:
    host = fleet(GOOD, rules=True)

    def swap(operation: str) -> None:
        if operation == at:
            path = f"{PACKAGES}\\{host.sha256}\\EOMT.ps1"
            host.world.write_text(path, f"{STAND_IN}evil", by="test")

    host.line.meddle = swap
    answer = host.act()
    assert (answer.state, host.launches) == (ByScriptState.REFUSED, []), answer.reasons


@pytest.mark.parametrize("at", ["Get-ToolState", "Start-HostJob", "Test-FrontEnd"])
def test_one_launch_after_a_kill_i15(at: str, fleet: Callable[..., Fleet]) -> None:
    host = fleet(GOOD, rules=True)

    def kill(operation: str) -> None:
        if operation == at:
            raise Killed

    host.line.meddle = kill
    with pytest.raises(Killed):
        host.act()
    host.line.meddle = lambda _operation: None
    answer = host.act()
    assert (answer.state, len(host.launches)) == (ByScriptState.MITIGATED, 1), answer.reasons


def test_a_removed_job_is_noticed_by_its_key(fleet: Callable[..., Fleet]) -> None:
    host = fleet(BAD, rules=False)

    def kill(operation: str) -> None:
        if operation == "Get-ToolState" and host.launches:
            raise Killed

    host.line.meddle = kill
    with pytest.raises(Killed):
        host.act()
    host.line.meddle = lambda _operation: None
    session = HostSession(
        host.line, "run-1", "c", lambda _seconds: None, life=Life(ended=lambda _: True)
    )
    session.lock("clean")
    (kept,) = host.folder.joinpath("case", "ex01").glob("*.json")
    job = kept.stem.removeprefix("tool-")
    session.change("Remove-HostJob", {"job": job}, "clean")
    answer = host.act()
    assert (answer.state, len(host.launches)) == (ByScriptState.UNKNOWN, 1)
    assert "is gone" in answer.reasons[0]
