# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsed Exchange server to be mitigated, a line that breaks, a controller that dies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import StalePlan
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.models import (
    Request,
    Result,
    Tools,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.run import (
    mitigate_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_to_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.models import (
        ModuleTools,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import HostPlan
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

AT = datetime(2021, 3, 6, 10, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "now": "2021-03-06T10:00:00Z",
}
FIXED: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"},
    "registry_build": "15.1.2176.2",
    "updates": ["KB5000871"],
}
ALL = ("backend-cookie", "um-services", "ecp-app-pool", "oab-app-pool")
WEB_CONFIG = "C:\\inetpub\\wwwroot\\web.config"
OURS = "c:\\programdata\\exchangeremediation"
BOOT = (
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\"
    "Memory Management\\PrefetchParameters"
)
Answer = Callable[[], ExecResult]


class Killed(BaseException):
    """The controller dies here."""


def configuration(world: World) -> dict[str, Any]:
    """All that a mitigation may touch, and everything else but our own folder."""
    files = {
        path.lower(): entry.get("text", entry.get("data"))
        for path, entry in world.data["files"].items()
        if not path.lower().startswith(OURS) and not entry.get("directory")
    }
    registry = {key: value for key, value in world.data["registry"].items() if key != BOOT}
    kept = {name: world.data[name] for name in ("services", "iis_runtime")}
    return deepcopy({**kept, "registry": registry, "files": files})


@dataclass
class MitigatedHost:
    """The world's clock is fixed and moves when the controller sleeps."""

    spec: dict[str, Any] = field(default_factory=dict)
    faults: dict[int, Callable[[Answer], ExecResult]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    journal: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    slept: float = 0.0
    reboot_at: int | None = None

    def __post_init__(self) -> None:
        self.world = build_world({**SPEC, **self.spec}, "EX01", at=AT)
        self.engine = ModelEngine()
        self.tokens = self._tokens()

    @staticmethod
    def _tokens() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"{number:032x}"

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        machine.advance_clock(self.world, seconds)

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.slept)

    def execute(self, _command: str, stdin: bytes) -> ExecResult:
        number = len(self.asked)
        if number == self.reboot_at:
            self.reboot_at = None
            machine.restart(self.world)
        request = json.loads(stdin)
        self.asked.append(request["operation"])
        self.parameters.append(request.get("parameters", {}))

        def answer() -> ExecResult:
            done = self.engine.answer(self.world, stdin.decode())
            return ExecResult(done.stdout, done.stderr, done.exit_code)

        fault = self.faults.get(number)
        return fault(answer) if fault else answer()

    def transport(self) -> ExecTransport:
        return ExecTransport(
            self.execute, peer="ex01", sleep=self.sleep, token=lambda: next(self.tokens)
        )

    def run(self, intent: str = "mitigate", run: str = "run-1", **changes: Any) -> Result:
        approved: tuple[str, ...] | None = changes.pop("approved", None)

        def admit(plan: HostPlan) -> None:
            self.journal.append(("plan", plan_to_dict(plan)))
            if approved is not None and tuple(step.id for step in plan.steps) != approved:
                raise StalePlan("another step")

        module: ModuleTools | None = changes.pop("module", None)
        request = Request("ex01", run, changes.pop("owner", "controller-a"), intent, **changes)
        tools = Tools(
            load(),
            self.sleep,
            self.now,
            record=lambda event, data: self.journal.append((event, data)),
            admit=admit,
            module=module,
            token=lambda: next(self.tokens),
        )
        return mitigate_host(request, self.transport(), tools)

    def mitigate(self, run: str = "run-1", **changes: Any) -> Result:
        return self.run("mitigate", run, **changes)

    def unmitigate(self, run: str = "run-1", **changes: Any) -> Result:
        return self.run("unmitigate", run, **changes)

    def ask(self, operation: str, parameters: dict[str, Any] | None = None) -> Any:
        return self.transport().run(Operation(operation, parameters or {})).result

    def update(self) -> None:
        """The security update is in, nothing else has changed."""
        old, new = (
            build_world({**SPEC, **self.spec, **more}, "EX01", at=AT) for more in ({}, FIXED)
        )
        data = self.world.snapshot()
        for part in ("files", "registry"):
            for name, entry in new.data[part].items():
                if old.data[part].get(name) != entry:
                    data[part][name] = entry
        self.world.replace(data)

    @property
    def configuration(self) -> dict[str, Any]:
        return configuration(self.world)

    @property
    def mutations(self) -> int:
        return len(self.world.mutations)
