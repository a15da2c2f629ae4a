# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated Exchange server to be mitigated."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import StalePlan
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    MitigateRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.run import (
    mitigate_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.runtime import (
    MitigateRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_to_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from rehearsed_host import RehearsedHost

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.models import (
        IisModuleRuntime,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
        MitigateResult,
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
class MitigatedHost(RehearsedHost):
    """The server of March 2021 that the mitigations are for."""

    AT = AT
    SPEC = SPEC
    spec: dict[str, Any] = field(default_factory=dict)

    def run(self, intent: str = "mitigate", run: str = "run-1", **changes: Any) -> MitigateResult:
        approved: tuple[str, ...] | None = changes.pop("approved", None)

        def admit(plan: HostPlan) -> None:
            self.journal.append(("plan", plan_to_dict(plan)))
            if approved is not None and tuple(step.id for step in plan.steps) != approved:
                raise StalePlan("another step")

        module: IisModuleRuntime | None = changes.pop("module", None)
        request = MitigateRequest(
            "ex01", run, changes.pop("owner", "controller-a"), intent, **changes
        )
        tools = MitigateRuntime(
            load(),
            sleep=self.sleep,
            now=self.now,
            record=self.record,
            admit=admit,
            module=module,
            token=self.token,
            life=self.life,
        )
        return mitigate_host(request, self.transport(), tools)

    def mitigate(self, run: str = "run-1", **changes: Any) -> MitigateResult:
        return self.run("mitigate", run, **changes)

    def unmitigate(self, run: str = "run-1", **changes: Any) -> MitigateResult:
        return self.run("unmitigate", run, **changes)

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
