# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations on a server without the URL Rewrite module, and the way back to that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateState as State,
)
from moduled_host import ModuledHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from pathlib import Path

THERE = ["rewrite-module/record", "rewrite-module/package", "rewrite-module/install"]
BACK = ["rewrite-module/remove", "rewrite-module/forget"]
RULES = "backend-cookie/rules/Default Web Site"
OPEN = {"although_open": "test of the way back"}


@pytest.fixture
def host(tmp_path: Path) -> ModuledHost:
    return ModuledHost(folder=tmp_path)


def mitigate(host: ModuledHost, **changes: Any) -> MitigateResult:
    return host.mitigate(module=host.tools(), **changes)


def unmitigate(host: ModuledHost, **changes: Any) -> MitigateResult:
    return host.unmitigate(module=host.tools(), **OPEN, **changes)


def done(result: MitigateResult) -> list[str]:
    return [row["step"] for row in result.done]


def test_module_comes_before_the_rules_and_goes_after_them(host: ModuledHost) -> None:
    before = host.configuration
    planned = mitigate(host, check=True)
    assert (planned.state, host.mutations) == (State.PLANNED, 0)
    steps = [step.id for step in planned.plan.steps]
    assert steps[:4] == [*THERE, RULES]
    assert "rewrite-module/install" in planned.plan.steps[3].needs
    result = mitigate(host)
    assert (result.state, result.left_open) == (State.MITIGATED, ()), result.reason
    assert result.plan == planned.plan
    assert done(result) == steps

    mutations = host.mutations
    back = unmitigate(host, check=True)
    assert host.mutations == mutations
    assert [step.id for step in back.plan.steps][-2:] == BACK
    result = unmitigate(host)
    assert result.state is State.REMOVED, result.reason
    assert result.plan == back.plan
    assert done(result) == [step.id for step in back.plan.steps]
    after = host.configuration
    assert {k: after[k] for k in ("services", "iis_runtime")} == {
        k: before[k] for k in ("services", "iis_runtime")
    }
    assert "rewrite.dll" not in " ".join(after["files"])
    again = unmitigate(host)
    assert (again.state, again.changed) == (State.NOT_NEEDED, False)


def test_module_that_does_not_install_leaves_out_the_rules_alone(tmp_path: Path) -> None:
    host = ModuledHost(folder=tmp_path, behaviour=[{"exit_code": 1603, "effects": []}])
    result = mitigate(host)
    assert result.state is State.PARTIAL
    assert RULES not in done(result)
    assert "um-services/services" in done(result)
    assert f"{RULES}: not tried, rewrite-module/install failed" in map(str, result.failed)
    assert "A fatal error" in result.reason
    assert any(row.get("exit_code") == 1603 for row in result.done)
    assert result.left_open == ("CVE-2021-26855",)
    # The next run tries again.
    assert mitigate(host, run="run-2").state is State.MITIGATED


def test_installer_that_never_ends_keeps_the_lock(tmp_path: Path) -> None:
    host = ModuledHost(folder=tmp_path, behaviour=[{"hang": True}])
    result = mitigate(host)
    assert result.state is State.UNKNOWN
    assert "URL Rewrite module" in result.reason
    assert host.ask("Get-HostLock")["state"] == "held"


def test_module_that_was_there_is_neither_installed_nor_removed(tmp_path: Path) -> None:
    host = ModuledHost(folder=tmp_path, spec={"url_rewrite": "7.1.1993.2351"})
    before = host.configuration
    result = mitigate(host)
    assert result.state is State.MITIGATED
    assert not [step for step in result.plan.steps if step.id.startswith("rewrite-module")]
    assert unmitigate(host).state is State.REMOVED
    assert host.configuration == before


def test_without_a_fitting_msi_the_rules_are_refused_with_the_cure(tmp_path: Path) -> None:
    host = ModuledHost(folder=tmp_path, spec={"os": "2012R2", "ucrt": None})
    result = mitigate(host)
    assert result.state is State.PARTIAL
    assert "KB2999226" in result.reason


def dies(answer: Any) -> Any:
    answer()
    raise Killed


def launches(host: ModuledHost) -> int:
    return sum(row["kind"] == "program" for row in host.world.mutations)


def test_killed_at_every_command_with_the_module_i15(tmp_path: Path) -> None:
    calm = ModuledHost(folder=tmp_path)
    mitigate(calm)
    there, middle = len(calm.asked), calm.configuration
    world = calm.world.snapshot()
    unmitigate(calm)
    back, end = len(calm.asked) - there, calm.configuration
    for number in range(there):
        host = ModuledHost(folder=tmp_path, faults={number: dies})
        with pytest.raises(Killed):
            mitigate(host)
        host.faults.clear()
        result = mitigate(host)
        assert result.state is State.MITIGATED, (number, result.reason)
        assert (launches(host), host.configuration) == (1, middle), number
    for number in range(back):
        host = ModuledHost(folder=tmp_path, faults={number: dies})
        host.world.replace(world)
        with pytest.raises(Killed):
            unmitigate(host)
        host.faults.clear()
        result = unmitigate(host)
        assert result.state in (State.REMOVED, State.NOT_NEEDED), (number, result.reason)
        assert (launches(host), host.configuration) == (2, end), number
