# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations: model and real scripts agree on every reply and on every byte left behind.

And on both: apply, apply again (no change), undo, undo again (no change); then the host is as
it was before, byte for byte of its configuration and in the state of its services and pools.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import mitigation_requests as wanted
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.context import (
    Context,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.errors import (
    PartError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.facts.iis import (
    iis,
)
from engine_pair import FLEETS, HOSTS, KEYS, TWO, Pair, Story, take

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

pytestmark = pytest.mark.engine
UNDO = "C:\\ProgramData\\ExchangeRemediation\\undo"
REFUSED = {"IisMissing", "PlaceMissing", "RewriteModuleMissing", "NameTaken"}
# Odd hosts on which something is different for a mitigation; the others differ elsewhere.
ODD = {"client-access", "process-32-bit", "start-types", "no-exchange"}


class Mitigated(Story):
    """A story that compares the worlds after every step as well."""

    def step(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Any:
        reply = super().step(operation, parameters, key)
        model, real = self.pair.worlds
        assert wanted.state(model) == wanted.state(real)
        assert records(model) == records(real)
        return reply

    def change(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """A step that must work; its result."""
        reply = self.step(operation, parameters)
        assert (reply["status"], reply["errors"]) == ("ok", [])
        result: dict[str, Any] = reply["result"]
        return result

    def refused(self, operation: str, parameters: dict[str, Any]) -> str:
        """A step that must be refused and must not change anything; the id of the refusal."""
        before = [wanted.state(world) for world in self.pair.worlds]
        reply = self.step(operation, parameters)
        assert reply["errors"][0]["class"] == "RequestInvalid"
        assert [wanted.state(world) for world in self.pair.worlds] == before
        return str(reply["errors"][0]["id"])

    def put(self, path: str, text: str) -> None:
        for world in self.pair.worlds:
            world.write_text(path, text, by="test")

    def text(self, path: str = wanted.WWWROOT) -> str | None:
        return self.pair.worlds[0].text(path)

    @property
    def state(self) -> dict[str, Any]:
        return wanted.state(self.pair.worlds[0])


def records(world: World) -> dict[str, Any]:
    """Undo records and copies, by path."""
    found = {k.lower(): v for k, v in world.data["files"].items() if k.startswith(f"{UNDO}\\")}
    texts = {path: entry.get("text", entry.get("data")) for path, entry in found.items()}
    return {
        p: json.loads(t) if p.endswith(".json") and t[-1:] == "}" else t for p, t in texts.items()
    }


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Mitigated:
    one = Mitigated(Pair(FLEETS["small"]["ex01"], shim_engine))
    one.step("Lock-Host", wanted.LOCK)
    return one


def front_end(world: World) -> str:
    """The name of the site that serves clients."""
    try:
        sites = iis(Context(world))["sites"]
    except PartError:
        return "Default Web Site"
    return str(sites[0]["name"]) if sites else "Default Web Site"


@pytest.mark.sweep(count=12)
@pytest.mark.parametrize(
    ("fleet", "name"), [(f, n) for f, n in HOSTS if f != "contract" or n in ODD]
)
def test_apply_twice_undo_twice_leaves_the_host_as_it_was(
    fleet: str, name: str, shim_engine: PowerShellEngine
) -> None:
    story = Mitigated(Pair(FLEETS[fleet][name], shim_engine))
    taken = story.step("Lock-Host", wanted.LOCK)
    if taken.get("status") != "ok":  # no script runs there
        return
    before = story.state
    site = front_end(story.pair.worlds[0])
    applied = []
    for mitigation in wanted.ALL:
        for operation, parameters in wanted.steps(mitigation, site):
            reply = story.step(operation, parameters)
            if reply["status"] == "ok":
                applied.append((operation, parameters))
    middle = story.state
    for operation, parameters in applied:
        assert story.step(operation, parameters)["result"]["changed"] is False
    assert story.state == middle
    for mitigation in wanted.ALL:
        story.step("Undo-Mitigation", wanted.undo(mitigation))
    assert story.state == before
    assert records(story.pair.worlds[0]) == {}
    for mitigation in ("backend-cookie", "ecp-app-pool"):
        again = story.change("Undo-Mitigation", wanted.undo(mitigation))
        assert (again["changed"], again["undo"]) == (False, None)


@pytest.mark.parametrize("order", [1, -1])
def test_any_order_of_undo_restores_what_mitigations_share(order: int, story: Mitigated) -> None:
    before = story.state
    for mitigation in wanted.ALL:
        for operation, parameters in wanted.steps(mitigation):
            story.change(operation, parameters)
    kept = [
        story.change("Undo-Mitigation", wanted.undo(mitigation))["kept"]
        for mitigation in wanted.STATES[::order]
    ]
    assert [len(rows) for rows in kept] == [2, 2, 0]  # HM and HMRecovery stay with the others
    for mitigation in wanted.REWRITES[::order]:
        assert story.change("Undo-Mitigation", wanted.undo(mitigation))["changed"]
    assert story.state == before


def test_check_mode_tells_what_will_be_and_touches_nothing(story: Mitigated) -> None:
    mutations = [world.mutations for world in story.pair.worlds]
    for mitigation in wanted.ALL:
        for operation, parameters in wanted.steps(mitigation):
            told = story.change(operation, {**parameters, "check": True, "lock_of": ""})
            assert told["changed"]
            assert told["undo"] is None
    assert [world.mutations for world in story.pair.worlds] == mutations
    for mitigation in wanted.ALL:
        for operation, parameters in wanted.steps(mitigation):
            told = story.change(operation, {**parameters, "check": True})
            done = story.change(operation, parameters)
            assert (done["changed"], done["after"]) == (told["changed"], told["after"])
    mutations = [world.mutations for world in story.pair.worlds]
    told = story.change("Undo-Mitigation", wanted.undo("um-services", check=True))
    assert [world.mutations for world in story.pair.worlds] == mutations
    assert story.change("Undo-Mitigation", wanted.undo("um-services"))["after"] == told["after"]


def test_lost_reply_is_answered_by_key_without_a_second_effect(story: Mitigated) -> None:
    operation, parameters = wanted.steps("backend-cookie")[0]
    first = story.step(operation, parameters, KEYS[0])
    mutations = [len(world.mutations) for world in story.pair.worlds]
    again = story.step(operation, parameters, KEYS[0])
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["result"] == first["result"]
    assert [len(world.mutations) for world in story.pair.worlds] == mutations
    undone = story.step("Undo-Mitigation", wanted.undo("backend-cookie"), KEYS[1])
    assert story.step("Undo-Mitigation", wanted.undo("backend-cookie"), KEYS[1])["replayed"]
    assert undone["result"]["changed"]


@pytest.mark.parametrize("mitigation", ["backend-cookie", "um-services", "ecp-app-pool"])
def test_nothing_is_changed_without_the_lock(mitigation: str, story: Mitigated) -> None:
    operation, parameters = wanted.steps(mitigation)[-1]
    story.step("Unlock-Host", {"lock_of": wanted.OWNER["owner"]})
    before = story.state
    for act in ((operation, parameters), ("Undo-Mitigation", wanted.undo(mitigation))):
        reply = story.step(*act, KEYS[0])
        error = reply["errors"][0]
        assert (error["class"], error["id"]) == ("Locked", "LockNotHeld")
    story.step("Lock-Host", take(TWO))
    error = story.step(operation, parameters)["errors"][0]
    assert (error["class"], error["id"], error["details"]["run"]) == (
        "Locked",
        "HostLocked",
        "run-2",
    )
    assert story.state == before


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie", mitigation="../x")),
        ("Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie", rules=[{"name": ""}])),
        (
            "Set-UrlRewriteMitigation",
            wanted.rewrite("backend-cookie", rules=[{"name": "x", "direction": "sideways"}]),
        ),
        ("Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie", "Another Site")),
        ("Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie", path="/nowhere")),
        ("Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie", file_sha256="0" * 64)),
        ("Set-ServiceMitigation", wanted.services("um-services", services=[])),
        ("Set-AppPoolMitigation", wanted.pools("ecp-app-pool", pools=[])),
        ("Set-AppPoolMitigation", wanted.pools("ecp-app-pool", surprise=1)),
        ("Undo-Mitigation", {"lock_of": "controller-a"}),
    ],
)
def test_wrong_requests_are_refused_alike(
    operation: str, parameters: dict[str, Any], story: Mitigated
) -> None:
    assert story.refused(operation, parameters)


def test_plan_for_another_file_is_stale(story: Mitigated) -> None:
    planned = story.change(
        "Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie", check=True)
    )["before"]["sha256"]
    step = wanted.rewrite("backend-cookie", file_sha256=planned)
    story.put(wanted.WWWROOT, str(story.text()) + "<!-- changed since -->")
    assert story.refused("Set-UrlRewriteMitigation", step) == "StalePlan"
    story.change("Set-UrlRewriteMitigation", wanted.rewrite("backend-cookie"))
    assert not story.change("Set-UrlRewriteMitigation", step)["changed"]


def test_without_the_module_no_rule_is_written(story: Mitigated) -> None:
    for world in story.pair.worlds:
        world.delete_key("HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite", by="test")
    step = wanted.rewrite("backend-cookie")
    assert story.refused("Set-UrlRewriteMitigation", step) == "RewriteModuleMissing"
    removal = {**step, "rules": [], "remove": ["PowerShell - inbound"]}
    assert not story.change("Set-UrlRewriteMitigation", removal)["changed"]


def test_services_that_do_not_exist_are_not_applicable(story: Mitigated) -> None:
    listed = [{"name": "NoSuch", "status": "Stopped", "start_type": "Disabled"}]
    done = story.change("Set-ServiceMitigation", wanted.services("um-services", services=listed))
    assert (done["changed"], done["not_applicable"], done["undo"]) == (False, ["NoSuch"], None)
    none = [{"name": "NoPool", "state": "Stopped", "auto_start": False, "start_mode": "OnDemand"}]
    done = story.change("Set-AppPoolMitigation", wanted.pools("ecp-app-pool", pools=none))
    assert (done["changed"], done["not_applicable"]) == (False, ["NoPool"])
