# SPDX-License-Identifier: GPL-3.0-or-later
"""A perfect update is proven on a server of every role, by what such a server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    Holds,
    InstallState,
)
from patched_host import PatchedHost
from server_roles import ROLES, Role

if TYPE_CHECKING:
    from pathlib import Path


def host_of(folder: Path, role: Role, **changes: Any) -> PatchedHost:
    return PatchedHost(folder, role.installs, spec={**role.spec, **changes})


@pytest.mark.parametrize("name", ROLES)
def test_perfect_update_is_patched_on_every_role(name: str, tmp_path: Path) -> None:
    role = ROLES[name]
    host = host_of(tmp_path, role)
    result = host.patch(store=role.store)
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    holds = {c.condition: c.holds for c in result.outcome.conditions}
    assert {n for n, how in holds.items() if how is Holds.NOT_APPLICABLE} == role.aside
    assert {n for n, how in holds.items() if not how.good} == set()
    asked = {p["url"] for given in host.parameters for p in given.get("probes", ())}
    assert bool(asked) is ("probe" not in role.aside), "it is asked for what it has, and no more"
    assert host.patch("run-2", store=role.store).outcome.state is InstallState.NOTHING_TO_DO


@pytest.mark.parametrize(
    "service", ["MSExchangeTransport", "ADAM_MSExchange", "MSExchangeEdgeCredential"]
)
def test_edge_server_that_does_not_do_its_work_is_degraded(service: str, tmp_path: Path) -> None:
    role = ROLES["edge-2016"]
    stops = {"kind": "service", "name": service, "start": 2, "status": "Stopped"}
    host = host_of(tmp_path, role)
    host.world.data["programs"][0]["behaviour"] = {
        **role.installs, "exit_code": 0, "effects": [*role.installs["effects"][:2], stops],
    }  # fmt: skip
    # The service does not come back with Windows, whatever its start type says.
    host.meddle = lambda _operation: host.world.data["services"][service].update(status="Stopped")
    result = host.patch(store=role.store, usable_seconds=60.0)
    assert result.outcome.state is InstallState.DEGRADED, result.outcome.reason
    assert f"{service} is Stopped" in result.outcome.reason


CONTRADICTIONS: list[Any] = [
    pytest.param(
        "edge-2016", {"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\MailboxRole": {"ConfiguredVersion": "x"}},
        "also name the role Mailbox", id="edge-and-mailbox",
    ),
    pytest.param(
        "mailbox-2016", {"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\EdgeTransportRole": {"ConfiguredVersion": "x"}},
        "none of the services", id="mailbox-that-says-edge",
    ),
    pytest.param(
        "both-2013", {"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\CafeRole": None},
        "MSExchangeFrontEndTransport of client access exists", id="front-end-denied",
    ),
    pytest.param(
        "mailbox-2016",
        {
            **{f"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\{key}": None for key in
               ("MailboxRole", "ClientAccessRole", "HubTransportRole", "UnifiedMessagingRole", "CafeRole")},
            "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup": {"Services": None},
        },
        "management tools only, but the service", id="server-that-says-tools",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "registry", "says"), CONTRADICTIONS)
def test_signs_that_contradict_each_other_stop_it_before_anything_is_changed_i19(
    name: str, registry: dict[str, Any], says: str, tmp_path: Path
) -> None:
    role = ROLES[name]
    host = host_of(tmp_path, role, override={"registry": registry})
    result = host.patch(store=role.store)
    assert result.outcome.state is InstallState.STOPPED, result.outcome.reason
    assert says in result.outcome.reason
    assert host.world.mutations == []
