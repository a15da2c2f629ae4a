# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of mitigate and unmitigate with the real scripts: same plan, same end as the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mitigation_requests
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    MitigateRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateState as State,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.run import (
    mitigate_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.runtime import (
    MitigateRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from engine_pair import AT

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "now": "2021-03-05T10:00:00Z",
}
SPECS: dict[str, dict[str, Any]] = {
    "open": {},
    "drifted": {
        "exchange": {"product": "Exchange2013", "cu": "CU23", "build": "15.0.1497.2"},
        "site_name": "Front End",
        "mitigations": [
            {"id": "backend-cookie", "variant": "altered"},
            {"id": "um-services", "variant": "partial"},
        ],
    },
}


class Side:
    """One host on one engine."""

    def __init__(self, engine: Any, spec: dict[str, Any]) -> None:
        world = build_world({**SPEC, **spec}, "EX01", at=AT)
        self.host = SimulatedHost("ex01", "127.0.0.1", world)
        self._engine = engine

    def run(self, intent: str, **changes: Any) -> MitigateResult:
        request = MitigateRequest("ex01", "run-1", "controller-a", intent, **changes)
        numbers = iter(range(1, 1000))
        with InProcessTransport(self._engine, self.host) as transport:
            tools = MitigateRuntime(load(), now=lambda: AT, token=lambda: f"{next(numbers):016x}")
            return mitigate_host(request, transport, tools)

    @property
    def state(self) -> dict[str, Any]:
        return mitigation_requests.state(self.host.world)


@pytest.mark.parametrize("name", SPECS)
def test_whole_way_there_and_back_is_the_same_on_both_engines(
    name: str, shim_engine: PowerShellEngine
) -> None:
    model, real = (Side(engine, SPECS[name]) for engine in (ModelEngine(), shim_engine))
    before = real.state
    way: list[tuple[str, dict[str, Any], State]] = [
        ("mitigate", {"check": True}, State.PLANNED),
        ("mitigate", {}, State.MITIGATED),
        ("mitigate", {}, State.MITIGATED),
        ("unmitigate", {}, State.STOPPED),
        ("unmitigate", {"although_open": "test", "check": True}, State.PLANNED),
        ("unmitigate", {"although_open": "test"}, State.REMOVED),
        ("unmitigate", {"although_open": "test"}, State.NOT_NEEDED),
    ]
    for intent, changes, expected in way:
        wanted, found = (side.run(intent, **changes) for side in (model, real))
        assert found.state is expected, found.reason
        assert found.plan == wanted.plan
        assert (found.standings, found.left_open) == (wanted.standings, wanted.left_open)
        assert found.probes == wanted.probes
        assert [row["step"] for row in found.done] == [row["step"] for row in wanted.done]
        assert (found.changed, found.reason) == (wanted.changed, wanted.reason)
        assert real.state == model.state
    assert real.state == before


def test_service_that_does_not_stop_ends_as_partial_on_both_engines(
    shim_engine: PowerShellEngine,
) -> None:
    results = []
    for engine in (ModelEngine(), shim_engine):
        side = Side(engine, {})
        side.host.world.data["services"]["MSExchangeUM"]["refuses"] = "stop"
        result = side.run("mitigate")
        results.append((result.state, result.left_open, [row["step"] for row in result.done]))
    assert results[0] == results[1]
    assert results[0][0] is State.PARTIAL
