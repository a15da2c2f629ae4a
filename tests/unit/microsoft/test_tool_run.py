# SPDX-License-Identifier: GPL-3.0-or-later
"""A script of Microsoft as a job on a modelled server, from the first look to the verdict."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    RefusedError,
    TransportError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import Patience
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import JobDriver
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft import identify
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft import run as tool_run
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.command import (
    ScriptOptions,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import Pin
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.result import (
    ScriptOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from holders import HeldTransport, Holders

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.run import (
        ScriptOrder,
        ScriptReport,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

AT = datetime(2021, 3, 10, 12, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "now": "2021-03-10T12:00:00Z",
    "url_rewrite": "7.2.1993",
}
CONFIG = "C:\\inetpub\\wwwroot\\web.config"
SCRIPT = "param ([switch] $DoNotAutoUpdateEOMT, [switch] $DoNotRunMSERT)"
OTHER = "param ($ApplyBackendCookieMitigation, $RollbackBackendCookieMitigation)"
FOLDER = "C:\\ProgramData\\ExchangeRemediation\\packages"
KEY = "HKLM\\SOFTWARE\\MSERTBootstrap\\PatchState"
RULES = build_world({**SPEC, "mitigations": ["backend-cookie"]}, at=AT).text(CONFIG)
GOOD = {
    "EOMTStart": "1 EOMT.ps1 completed successfully",
    "MitigationProcess": "1 Mitigation complete",
    "Timestamp": "2564-03-10 12.00.01",
}
BAD = {"EOMTStart": "0 EOMT.ps1 failed to complete", "Timestamp": "2564-03-10 12.00.01"}


def behaviour(values: dict[str, str], *, rules: bool, exit_code: int = 0) -> dict[str, Any]:
    """What the script does: its registry values, and the rules or not."""
    effects: list[dict[str, Any]] = [
        {"kind": "registry", "key": KEY, "name": name, "value": value}
        for name, value in values.items()
    ]
    if rules:
        effects.append({"kind": "file", "path": CONFIG, "text": RULES})
    return {"duration_seconds": 60, "exit_code": exit_code, "effects": effects}


@dataclass
class Server:
    """One server; the line breaks at the commands named in ``broken``."""

    world: World
    broken: set[int] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    slept: float = 0.0

    def __post_init__(self) -> None:
        self.engine = ModelEngine()
        self.holders = Holders()
        self.transport().run(Operation("Lock-Host", {"owner": "c", "run": "r", "purpose": "eomt"}))
        self.asked.clear()

    def transport(self) -> HeldTransport:
        line = ExecTransport(self.execute, peer="ex01", sleep=self.sleep)
        return HeldTransport(line, self.holders)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        machine.advance_clock(self.world, seconds)

    def execute(self, _command: str, stdin: bytes) -> ExecResult:
        number = len(self.asked)
        self.asked.append(json.loads(stdin)["operation"])
        done = self.engine.answer(self.world, stdin.decode())
        if number in self.broken:
            raise TransportError("the line broke")
        return ExecResult(done.stdout, done.stderr, done.exit_code)

    def driver(self) -> JobDriver:
        return JobDriver(self.transport(), self.sleep, lambda: self.slept, lambda: 0.5)

    def facts(self) -> Any:
        return self.transport().run(Operation("Get-ExchangeServerInfo", {})).result

    @property
    def launches(self) -> list[str]:
        return [m["target"] for m in self.world.mutations if m["kind"] == "program"]


def server(does: dict[str, Any], text: str = SCRIPT) -> Server:
    world = build_world(SPEC, at=AT)
    world.write_text(path(text), text, by="test")
    world.data["programs"] = [{"match": ".ps1", "behaviour": does}]
    return Server(world)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def path(text: str) -> str:
    name = "EOMT.ps1" if text == SCRIPT else "ExchangeMitigations.ps1"
    return f"{FOLDER}\\{digest(text)}\\{name}"


def order(tool: str = "eomt", intent: ScriptIntent = ScriptIntent.MITIGATE) -> ScriptOrder:
    text = SCRIPT if tool == "eomt" else OTHER
    file = identify.choose(tool, digest(text), text, Pin(digest(text), "21.05.27.0855"))
    return tool_run.ScriptOrder(
        file=file,
        path=path(text),
        options=ScriptOptions(intent, ("backend-cookie",)),
        job="eomt-1",
        deadline_utc="2021-03-10T14:00:00Z",
        owner="c",
        run="r",
    )


def run(host: Server, wanted: ScriptOrder, facts: Any = None, before: Any = None) -> ScriptReport:
    facts = facts or host.facts()
    driver = host.driver()
    before = before or tool_run.first_look(driver, wanted)
    return tool_run.run_tool(
        driver, wanted, facts, before, patience=Patience(7200.0), catalog=load(), at=AT
    )


def test_mitigated_and_read_back() -> None:
    host = server(behaviour(GOOD, rules=True))
    report = run(host, order())
    assert report.result.outcome is ScriptOutcome.SUCCEEDED, report.result.reasons
    (launch,) = host.launches
    assert launch.endswith("EOMT.ps1 -DoNotAutoUpdateEOMT -DoNotRunMSERT")


@pytest.mark.parametrize(
    ("values", "rules", "outcome"),
    [
        (GOOD, False, ScriptOutcome.CONFLICT),
        (BAD, True, ScriptOutcome.FAILED),
        (BAD, False, ScriptOutcome.FAILED),
        ({}, False, ScriptOutcome.NOT_RUN),
        ({"EOMTStart": "1 EOMT preCheck complete"}, False, ScriptOutcome.UNFINISHED),
    ],
)
def test_word_and_read_back_disagree(
    values: dict[str, str],
    rules: bool,  # noqa: FBT001
    outcome: ScriptOutcome,
) -> None:
    report = run(server(behaviour(values, rules=rules)), order())
    assert report.result.outcome is outcome, report.result.reasons
    assert report.result.in_place is rules


@pytest.mark.parametrize(
    ("rules", "exit_code", "outcome"),
    [
        (True, 0, ScriptOutcome.SUCCEEDED),
        (False, 0, ScriptOutcome.FAILED),
        (False, 1, ScriptOutcome.FAILED),
        (True, 1, ScriptOutcome.FAILED),
    ],
)
def test_the_tool_without_a_word_is_judged_by_the_host(
    rules: bool,  # noqa: FBT001
    exit_code: int,
    outcome: ScriptOutcome,
) -> None:
    host = server(behaviour({}, rules=rules, exit_code=exit_code), OTHER)
    report = run(host, order("exchange_mitigations"))
    assert report.result.outcome is outcome, report.result.reasons
    assert '-WebSiteNames "Default Web Site" -Verbose' in host.launches[0]


def test_a_killed_controller_continues_with_what_the_case_kept() -> None:
    host = server(behaviour(GOOD, rules=True))
    facts, driver = host.facts(), host.driver()
    before = tool_run.first_look(driver, order())
    kept = json.loads(json.dumps(before))
    host.broken = {len(host.asked) + number for number in (2, 3, 4)}
    first = run(host, order(), facts, before)
    again = run(host, order(), facts, kept)
    assert first.result.outcome is again.result.outcome is ScriptOutcome.SUCCEEDED
    assert len(host.launches) == 1
    # Without it nobody can tell what is new, so nothing is guessed.
    with pytest.raises(RefusedError, match="on the host already"):
        tool_run.first_look(host.driver(), order())


def test_another_file_on_the_host_is_not_run() -> None:
    host = server(behaviour(GOOD, rules=True))
    host.world.write_text(path(SCRIPT), f"{SCRIPT}\n", by="test")
    with pytest.raises(RefusedError, match="deliver the file again"):
        run(host, order())
    assert host.launches == []


def test_a_file_that_is_swapped_after_the_look_is_not_run() -> None:
    host = server(behaviour(GOOD, rules=True))
    facts, before = host.facts(), tool_run.first_look(host.driver(), order())
    host.world.write_text(path(SCRIPT), f"{SCRIPT}\n", by="test")
    report = run(host, order(), facts, before)
    assert (report.result.outcome, host.launches) == (ScriptOutcome.NOT_RUN, [])


def test_check_mode_and_refused_hosts_send_nothing() -> None:
    host = server(behaviour(GOOD, rules=True))
    facts = host.facts()
    host.asked.clear()
    with pytest.raises(RefusedError, match="check mode"):
        tool_run.plan(order(), facts, check=True)
    facts["url_rewrite"]["installed"] = False
    with pytest.raises(RefusedError, match="unverified"):
        run(host, order(), facts, {"log": None})
    assert (host.asked, host.launches) == ([], [])
