# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of the URL Rewrite module over the real scripts: brought, used, taken off, failed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.models import (
    IisModuleStatus,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from mitigated_host import configuration
from module_scenario import EXPECTED, world_of
from moduled_host import BRINGS, ModuledHost, msi

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine


@dataclass
class RealHost(ModuledHost):
    """The same host behind the PowerShell engine."""

    real: Any = None

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        request = json.loads(stdin)
        self.asked.append(request["operation"])
        self.parameters.append(request.get("parameters", {}))
        host = SimulatedHost("ex01", "127.0.0.1", self.world)
        done = asyncio.run(self.real.run(host, command, stdin))
        return ExecResult(done.stdout, done.stderr, done.exit_code)


@pytest.fixture
def host(tmp_path: Path, shim_engine: PowerShellEngine) -> Any:
    def make(behaviour: Any = (), **spec: Any) -> RealHost:
        return RealHost(spec=spec, folder=tmp_path, behaviour=list(behaviour), real=shim_engine)

    return make


@pytest.mark.parametrize("locale", ["en-US", "tr-TR", "de-DE"])
def test_it_comes_once_and_goes_without_trace(locale: str, host: Any) -> None:
    """Turkish: its capital of i is another letter."""
    one = host(locale=locale)
    before = configuration(one.world)
    modules = (msi(), msi("de-DE"))
    planned = one.ensure(*modules, check=True)
    assert [step.operation for step in planned.steps] == [
        "Save-RewriteRecord",
        "Add-PackageChunk",
        "Start-HostJob",
    ]
    assert configuration(one.world) == before
    assert one.ensure(*modules).status is IisModuleStatus.INSTALLED
    assert one.there
    again = one.ensure(*modules, run="run-2")
    assert (again.status, again.changed) == (IisModuleStatus.PRESENT, False)
    assert one.take_off(*modules, run="run-2").status is IisModuleStatus.REMOVED
    assert len(one.launched) == 2
    after = configuration(one.world)
    assert after["registry"] == before["registry"]
    assert after["files"].keys() == before["files"].keys()
    assert one.take_off(*modules).status is IisModuleStatus.ABSENT


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ([{"exit_code": 1603}], IisModuleStatus.FAILED),
        ([{"exit_code": 1618}, BRINGS], IisModuleStatus.INSTALLED),
        ([{**BRINGS, "exit_code": 3010}], IisModuleStatus.INSTALLED),
        ([{"exit_code": 0, "effects": BRINGS["effects"][:2]}], IisModuleStatus.FAILED),
        ([{"hang": True, "watched_seconds": 7200}], IisModuleStatus.UNKNOWN),
        ([{**BRINGS, "reboots": True}], IisModuleStatus.INSTALLED),
    ],
)
def test_every_end_of_the_installer_is_judged_alike(
    behaviour: list[dict[str, Any]], status: IisModuleStatus, host: Any
) -> None:
    assert host(behaviour).ensure().status is status


@pytest.mark.parametrize(
    "spec", [{"os": "2012R2", "ucrt": None}, {"role": "Edge"}, {"url_rewrite": "7.1.490.43"}]
)
def test_what_forbids_it_changes_nothing(spec: dict[str, Any], host: Any) -> None:
    one = host(**spec)
    before = configuration(one.world)
    assert one.ensure().status is IisModuleStatus.REFUSED
    assert configuration(one.world) == before


def test_swapped_msi_is_not_launched(host: Any) -> None:
    """I10: between delivery and launch somebody puts another file there."""
    one = host()

    def swap() -> None:
        path = f"C:\\ProgramData\\ExchangeRemediation\\packages\\{msi().sha256}\\{msi().file}"
        assert one.world.file(path) is not None
        one.world.write_text(path, "other bytes", by="somebody")

    one.on_delivery = swap
    done = one.ensure()
    assert (done.status, one.launched) == (IisModuleStatus.FAILED, [])
    assert "nothing was launched: sha256" in done.reason


def test_module_that_came_meanwhile_is_not_ours(host: Any) -> None:
    one = host()
    one.on_delivery = one.somebody
    assert one.ensure().status is IisModuleStatus.PRESENT
    assert one.take_off().status is IisModuleStatus.NOT_OURS
    assert one.launched == []


@pytest.mark.parametrize("name", EXPECTED)
def test_host_of_the_scenario_ends_as_described(name: str, host: Any) -> None:
    one = host()
    one.world = world_of(name)
    status, launches, later = EXPECTED[name]
    modules = (msi(), msi("de-DE"))
    done = one.ensure(*modules)
    assert (done.status.value, len(one.launched)) == (status, launches), done.reason
    assert one.take_off(*modules).status.value == later
