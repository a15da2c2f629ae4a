# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of a scenario: which rule holds, and what they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import (
    effects,
    machine,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

EXCHANGE = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}
KEY = "HKLM\\SOFTWARE\\Vendor"


def host(*programs: dict[str, Any]) -> World:
    spec = {"exchange": EXCHANGE, "now": "2021-03-05T10:00:00Z", "programs": list(programs)}
    return build_world(spec)


def rule(match: str, code: int, **more: Any) -> dict[str, Any]:
    return {"match": match, "behaviour": {"exit_code": code}, **more}


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("kb5000871", True),
        ("*KB5000871*", True),
        ("*KB5000871", False),
        ("msiexec.exe*", True),
        ("?siexec.exe /update a-KB5000871.msp", True),
        ("KB5000978", False),
    ],
)
def test_rule_is_found_in_the_command_line(match: str, *, fits: bool) -> None:
    behaviour = effects.launched(
        host(rule(match, 7)), "msiexec.exe /update a-KB5000871.msp", by="test"
    )
    assert (behaviour["exit_code"] == 7) is fits


def test_rule_is_used_up_and_the_next_one_holds() -> None:
    world = host(rule("a", 1, times=1), rule("a", 2, times=2), rule("a", 3))
    codes = [effects.launched(world, "a.exe", by="test")["exit_code"] for _ in range(5)]
    assert codes == [1, 2, 2, 3, 3]
    assert sum(m["kind"] == "program" for m in world.mutations) == 5


def test_every_effect_is_seen_in_the_world() -> None:
    world = host()
    done: list[dict[str, Any]] = [
        {"kind": "file", "path": "C:\\a.txt", "text": "a"},
        {"kind": "file-version", "path": "C:\\b.dll", "version": "1.2.3.4"},
        {"kind": "registry", "key": KEY, "name": "A", "type": "DWord", "value": 1},
        {"kind": "registry", "key": KEY, "name": "B", "value": "b"},
        {"kind": "delete-registry", "key": KEY, "name": "A"},
        {"kind": "service", "name": "W3SVC", "start": 4, "status": "Stopped"},
        {"kind": "app-pool", "name": "MSExchangeECPAppPool", "state": "Stopped"},
        {"kind": "pending-reboot", "entries": ["x", ""]},
        {"kind": "at-boot", "effects": [{"kind": "delete-file", "path": "C:\\a.txt"}]},
    ]
    effects.apply(world, done, by="test")
    assert world.text("C:\\a.txt") == "a"
    assert (world.file("C:\\b.dll") or {})["version"]["file"] == "1.2.3.4"
    assert (world.value(KEY, "A"), world.value(KEY, "B")) == (None, "b")
    assert world.value(f"{effects.SERVICES}\\W3SVC", "Start") == 4
    assert (world.service("W3SVC") or {})["status"] == "Stopped"
    assert world.data["iis_runtime"]["app_pools"]["MSExchangeECPAppPool"] == "Stopped"
    assert world.value(effects.SESSION, "PendingFileRenameOperations") == ["x", ""]
    machine.restart(world)
    assert world.file("C:\\a.txt") is None
    machine.restart(world)
    effects.apply(world, [{"kind": "delete-registry", "key": KEY}], by="test")
    assert world.key(KEY) is None


def test_unknown_effect_is_an_error_of_the_scenario() -> None:
    with pytest.raises(ConfigError, match="frob"):
        effects.apply(host(), [{"kind": "frob"}], by="test")


def test_planned_restart_happens_at_its_time_and_once() -> None:
    world = host()
    boot = world.data["boot_id"]
    assert machine.plan_restart(world, 60, by="test") is True
    assert machine.plan_restart(world, 1, by="test") is False
    machine.advance_clock(world, 59)
    machine.wake(world)
    assert world.data["boot_id"] == boot
    machine.advance_clock(world, 1)
    machine.wake(world)
    machine.wake(world)
    assert int(world.data["boot_id"]) == int(boot) + 1


def test_task_is_due_after_each_start_of_windows() -> None:
    world = host()
    machine.put_task(world, "a", "<Task/>", by="test")
    assert machine.due_tasks(world) == []
    machine.restart(world)
    machine.wake(world)
    assert machine.due_tasks(world) == ["a"]
    machine.change_task(world, "A", due=False)
    assert machine.due_tasks(world) == []
    machine.remove_task(world, "A", by="test")
    assert world.data["scheduled_tasks"] == {}


def test_clock_of_a_host_that_follows_the_real_one_moves_by_its_offset() -> None:
    world = build_world({"exchange": EXCHANGE})
    before = world.data["clock_offset_seconds"]
    machine.advance_clock(world, 90)
    assert world.data["clock_offset_seconds"] == before + 90
