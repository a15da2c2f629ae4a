# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the endpoint and restarts of the host at the commands of mitigate and its undo (I15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from drill import end_state
from drills import MITIGATE, UNMITIGATE
from endpoint import PASSWORD
from line import Line
from sampling import drawn
from sweep import Fault, again, begin, calm, everywhere, faults, sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from drill import Drill
    from endpoint import Endpoint

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("drill", [MITIGATE, UNMITIGATE], ids=lambda drill: drill.name),
]


def test_whole_run_over_the_wire_is_the_same(endpoint: Endpoint, drill: Drill) -> None:
    over_wire = calm(drill, endpoint, wire=True)
    assert PASSWORD not in endpoint.host.world.to_json()  # I8
    assert over_wire == calm(drill, endpoint)
    assert calm(drill, endpoint).verdict == drill.done


@pytest.mark.sweep
@pytest.mark.parametrize("fault", everywhere("reset"), ids=str)
def test_line_breaks_at_every_request_i15(
    endpoint: Endpoint, drill: Drill, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    record_property("swept", sweep(endpoint, drill, fault))


@pytest.mark.sweep
@pytest.mark.parametrize("fault", faults(), ids=str)
def test_every_fault_changes_once_i15(
    endpoint: Endpoint, drill: Drill, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    record_property("swept", sweep(endpoint, drill, fault))


@pytest.mark.sweep
def test_host_restarts_at_every_command_i15(endpoint: Endpoint, drill: Drill) -> None:
    """A run that noticed the other boot ends as unknown, and the next one finishes its work."""
    wanted = calm(drill, endpoint)
    for number, operation in drawn(enumerate(wanted.asked), f"restart {drill.name}"):
        line = Line(endpoint, number)
        host = begin(drill, line)
        verdict = host.act("run-1")
        line.close()
        where = f"restart at command {number}, {operation}: {verdict}"
        if verdict != drill.done:
            assert verdict in (*drill.stopped, "partial"), where
            assert again(endpoint, line, host) in (drill.done, drill.again), where
        assert lasting(end_state(host.world)) == lasting(wanted.state), where


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """What a restart leaves as it is: all but the number of the boot."""
    boot = "PrefetchParameters"
    registry = {k: entry for k, entry in state["registry"].items() if not k.endswith(boot)}
    parts = ("files", "services", "iis_runtime", "scheduled_tasks")
    return {"registry": registry, **{part: state[part] for part in parts}}
