# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations under an approved plan with the real journal: killed anywhere, it goes on and ends right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import (
    ApprovedPlan,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.journal import HostChange
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
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_from_dict,
    plan_to_dict,
)
from mitigated_host import AT, MitigatedHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import HostPlan
    from sampling import Draw

WAYS: dict[str, dict[str, Any]] = {"mitigate": {}, "unmitigate": {"although_open": "a test"}}
GOOD = {"mitigate": ("mitigated",), "unmitigate": ("removed", "not-needed")}


def ready(intent: str) -> MitigatedHost:
    host = MitigatedHost()
    if intent == "unmitigate":
        assert host.mitigate("before").state is MitigateState.MITIGATED
    return host


def planned(host: MitigatedHost, intent: str) -> HostPlan:
    result = host.run(intent, check=True, **WAYS[intent])
    return plan_from_dict(plan_to_dict(result.plan))


class Change(HostChange):
    """Dies at the N-th event, before or after it is on the disk."""

    def dying(self, kill_at: int, *, after: bool) -> Change:
        self.left, self.after = kill_at, after
        return self

    def record(self, event: str, data: dict[str, Any]) -> None:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        super().record(event, data)
        if self.left == 0:
            raise Killed


def apply(
    host: MitigatedHost, intent: str, plan: HostPlan, folder: Path, kill_at: int = 0, *, after: bool = False
) -> MitigateResult:  # fmt: skip
    journal = Journal(folder, "ex01", "run-1", now=lambda: AT)
    change = Change(False, journal, ApprovedPlan(plan, "d" * 64)).dying(kill_at, after=after)  # noqa: FBT003 - not check mode
    change.begin(intent, "proxylogon", {})
    request = MitigateRequest("ex01", "run-1", "controller-a", intent, **WAYS[intent])
    tools = MitigateRuntime(
        load(),
        sleep=host.sleep,
        now=host.now, record=change.record, admit=change.admit,
        token=lambda: next(host.tokens), life=host.life,
    )  # fmt: skip
    result = mitigate_host(request, host.transport(), tools)
    change.end(result.state.value, result.reason, changed=result.changed)
    return result


@pytest.mark.sweep
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("intent", WAYS)
def test_killed_at_every_event_it_goes_on_under_the_same_plan_i15(
    intent: str,
    after: bool,  # noqa: FBT001
    tmp_path: Path,
    draw: Draw,
) -> None:
    whole = ready(intent)
    plan = planned(whole, intent)
    assert plan.steps
    assert apply(whole, intent, plan, tmp_path / "whole").state.value in GOOD[intent]
    events = verify(tmp_path / "whole/journal.jsonl").lines
    assert events >= 2 * len(plan.steps) + 5
    for number in draw(range(1, events)):  # the line 'admitted' is written behind it
        host, folder = ready(intent), tmp_path / str(number)
        with pytest.raises(Killed):
            apply(host, intent, planned(host, intent), folder, number, after=after)
        result = apply(host, intent, plan, folder)
        where = f"{intent} killed at event {number}: {result.state.value}: {result.reason}"
        assert result.state.value in GOOD[intent], where
        assert host.configuration == whole.configuration, where
        assert host.ask("Get-HostLock")["state"] == "free", where
        assert verify(folder / "journal.jsonl").ok, where


@pytest.mark.parametrize("intent", WAYS)
def test_server_that_changed_since_the_plan_is_not_touched(intent: str, tmp_path: Path) -> None:
    host = ready(intent)
    plan = planned(host, intent)
    host.world.set_iis_state("app_pools", "MSExchangeOABAppPool", "Unknown", by="somebody")
    before = host.mutations
    result = apply(host, intent, plan, tmp_path)
    assert result.state is MitigateState.STALE_PLAN, result.reason
    assert "have changed" in result.reason
    assert host.mutations == before
