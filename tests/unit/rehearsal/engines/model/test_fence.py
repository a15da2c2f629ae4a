# SPDX-License-Identifier: GPL-3.0-or-later
"""Every change of the model is for the holder of the lock alone (I16), as on the real scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from holders import life

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

KEY = "ab" * 32
CHANGES = [name for name in loader.operations() if loader.under_lock(name)]


def answer(world: World, *wanted: Any) -> dict[str, Any]:
    line = codec.encode_request(codec.Operation(*wanted), operation_id="a" * 32, nonce="b" * 32)
    reply: dict[str, Any] = json.loads(ModelEngine().answer(world, line.decode()).stdout)["reply"]
    return reply


def taken(world: World, owner: str, **more: str) -> str:
    """Take the lock; returns the ticket."""
    wanted = {"owner": owner, "run": "r", "life": life(owner, "r"), "purpose": "p", **more}
    return str(answer(world, "Lock-Host", wanted)["result"]["ticket"])


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_refused_without_the_ticket_of_the_present_lock(name: str) -> None:
    world = build_world({"now": "2021-03-05T10:00:00Z"}, "EX01")

    def refused(ticket: str | None, key: str | None = KEY) -> str:
        return str(answer(world, name, {}, key, ticket)["errors"][0]["id"])

    assert refused(None) == "LockNotHeld"
    first = taken(world, "a")
    assert refused(None) == "HostLocked"
    second = taken(world, "b", takeover="it burnt down")
    assert int(first.partition("-")[0]) < int(second.partition("-")[0])
    assert refused(first) == "LockLost"
    assert refused(second, None) == "KeyMissing"
    assert refused(second) not in ("LockLost", "HostLocked", "LockNotHeld", "KeyMissing")


def test_a_stored_answer_comes_back_to_the_former_holder_and_nothing_is_done() -> None:
    """What was done was done under his lock; he learns how it ended, and may do nothing more."""
    world = build_world({"now": "2021-03-05T10:00:00Z"}, "EX01")
    first = taken(world, "a")
    wanted: dict[str, Any] = {"update": "kb1"}
    assert answer(world, "Save-UpdateSnapshot", wanted, KEY, first)["replayed"] is False
    taken(world, "b", takeover="it burnt down")
    again = answer(world, "Save-UpdateSnapshot", wanted, KEY, first)
    assert (again["status"], again["replayed"]) == ("ok", True)
    assert answer(world, "Save-UpdateSnapshot", wanted, "cd" * 32, first)["status"] == "error"
