# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of one server: mitigate, install the update, take the mitigations off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    MitigateRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateResult,
    MitigateState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.run import (
    mitigate_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.runtime import (
    MitigateRuntime,
)
from patched_host import PatchedHost

if TYPE_CHECKING:
    from pathlib import Path


def run(host: PatchedHost, intent: str) -> MitigateResult:
    transport = ExecTransport(
        host.execute, peer="ex01", sleep=host.sleep, token=lambda: next(host.tokens)
    )
    tools = MitigateRuntime(
        load(), sleep=host.sleep, now=host.now, token=host.token, life=host.life
    )
    return mitigate_host(MitigateRequest("ex01", "run-1", "controller-a", intent), transport, tools)


def state(host: PatchedHost) -> dict[str, Any]:
    data = host.world.snapshot()
    pools = data["iis_runtime"]
    starts = {name: host.start(name) for name in ("MSExchangeUM", "MSExchangeHM")}
    text = host.world.text("C:\\inetpub\\wwwroot\\web.config")
    return {"services": data["services"], "pools": pools, "starts": starts, "rules": text}


def test_update_on_a_mitigated_server_is_proven_and_what_was_stopped_comes_back(
    tmp_path: Path,
) -> None:
    host = PatchedHost(tmp_path)
    before = state(host)
    assert run(host, "mitigate").state is MitigateState.MITIGATED
    # Stopped on purpose: neither a reason not to start, nor one to call the update unproven.
    patched = host.patch()
    assert patched.outcome.state is InstallState.PATCHED, patched.outcome.reason
    assert host.start("MSExchangeHM") == 4
    assert run(host, "mitigate").state is MitigateState.NOT_NEEDED
    assert run(host, "unmitigate").state is MitigateState.REMOVED
    assert state(host) == before
