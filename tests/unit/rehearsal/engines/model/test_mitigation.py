# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitigations on the model engine alone: every host of every scenario, in a second.

The same against the real scripts: tests/powershell/test_mitigation_contract.py.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import loader as catalog
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    ConnectionState,
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.front_end import (
    operations as front_end,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.mitigations import (
    text as mitigation_text,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from holders import Holders

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

HOLDERS = Holders()
AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
ACCOUNT = Credentials("administrator", "nobody logs on here")
OWNER = {"owner": "controller-a", "run": "run-1"}
OWN = "c:\\programdata\\exchangeremediation"
ALL = (
    "backend-cookie",
    "powershell-autodiscover",
    "owa-csp-outbound",
    "um-services",
    "ecp-app-pool",
    "oab-app-pool",
)
COOKIE = "X-BEResource=localhost/owa/x.js?~1941962753"
URL = "https://localhost/owa/auth/x.js"
HOSTS = [
    (name, host.name)
    for name in scenario.names()
    for host in scenario.load(scenario.FOLDER / f"{name}.yml", at=AT, credentials=ACCOUNT).hosts
    if host.connection is not ConnectionState.UNREACHABLE
]


def load(fleet: str, name: str) -> World:
    path = scenario.FOLDER / f"{fleet}.yml"
    hosts = scenario.load(path, at=AT, credentials=ACCOUNT).hosts
    return next(host.world for host in hosts if host.name == name)


def ask(world: World, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    wanted = HOLDERS.operation(operation, parameters)
    line = codec.encode_request(wanted, operation_id="a" * 32, nonce="b" * 32).decode()
    answer = ModelEngine().answer(world, line)
    reply: dict[str, Any] = json.loads(answer.stdout)["reply"] if answer.stdout else {}
    HOLDERS.answered(reply.get("result"))
    return reply


def steps(mitigation: str, site: str) -> list[tuple[str, dict[str, Any]]]:
    known = catalog.load().mitigation(mitigation)
    head: dict[str, Any] = {"mitigation": mitigation, "lock_of": OWNER["owner"]}
    found: list[tuple[str, dict[str, Any]]] = []
    if known.scope:
        rules, gates = [], []
        for rule in known.rules:
            content = asdict(rule.current.content)
            gate = content.pop("precondition")
            name = {"name": rule.name, "direction": rule.direction}
            rules.append({**content, **name, "precondition": gate and gate["name"]})
            gates += [gate] if gate else []
        place = {"site": site, "path": known.scope.path}
        wanted = {**head, **place, "rules": rules, "preconditions": gates}
        found.append(("Set-UrlRewriteMitigation", wanted))
    if known.services:
        services = [asdict(one) for one in known.services]
        found.append(("Set-ServiceMitigation", {**head, "services": services}))
    if known.app_pools:
        pools = [asdict(one) for one in known.app_pools]
        found.append(("Set-AppPoolMitigation", {**head, "pools": pools}))
    return found


def state(world: World) -> dict[str, Any]:
    """Everything but our own folder and the times of files."""
    files = {
        path.lower(): entry.get("text")
        for path, entry in world.data["files"].items()
        if not path.lower().startswith(OWN) and not entry.get("directory")
    }
    kept = {name: world.data[name] for name in ("registry", "services", "iis_runtime")}
    return {**kept, "files": files}


@pytest.mark.parametrize(("fleet", "name"), HOSTS)
def test_apply_twice_undo_twice_leaves_the_host_as_it_was(fleet: str, name: str) -> None:
    world = load(fleet, name)
    ask(world, "Lock-Host", {**OWNER, "purpose": "mitigate"})
    before = state(world)
    facts = ask(world, "Get-ExchangeServerInfo", {}).get("result") or {}
    sites = (facts.get("iis") or {}).get("sites") or [{"name": "Default Web Site"}]
    done = []
    for mitigation in ALL:
        for step in steps(mitigation, sites[0]["name"]):
            done += [step] if ask(world, *step).get("status") == "ok" else []
    middle = state(world)
    assert all(ask(world, *step)["result"]["changed"] is False for step in done)
    assert state(world) == middle
    for _ in range(2):
        undone = [
            ask(world, "Undo-Mitigation", {"mitigation": one, "lock_of": OWNER["owner"]})
            for one in ALL
        ]
        assert state(world) == before
    assert all(reply.get("result") is None or not reply["result"]["changed"] for reply in undone)


def test_check_mode_leaves_the_mutation_log_empty() -> None:
    for fleet, name in HOSTS:
        world = load(fleet, name)
        for mitigation in ALL:
            for operation, parameters in steps(mitigation, "Default Web Site"):
                ask(world, operation, {**parameters, "check": True})
            ask(world, "Undo-Mitigation", {"mitigation": mitigation, "check": True})
        assert world.mutations == []


def test_front_end_refuses_the_cookie_only_while_mitigated() -> None:
    world = load("small", "ex01")
    ask(world, "Lock-Host", {**OWNER, "purpose": "mitigate"})
    step = steps("backend-cookie", "Default Web Site")[0]
    answers = [front_end.ask(world, URL, COOKIE)]
    ask(world, *step)
    answers += [front_end.ask(world, URL, COOKIE), front_end.ask(world, URL, None)]
    ask(world, "Undo-Mitigation", {"mitigation": "backend-cookie", "lock_of": OWNER["owner"]})
    answers.append(front_end.ask(world, URL, COOKIE))
    open_ = ("status", 302)
    assert answers == [open_, ("aborted", None), open_, open_]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<a><b/></a>", "<a><b>\r\n    x\r\n</b></a>"),
        ("<a>\n  <b></b>\n</a>", "<a>\n  <b>\n    x\n  </b>\n</a>"),
        ("<a>\n\t<b>\n\t\t<clear/>\n\t</b>\n</a>", "<a>\n\t<b>\n\t\t<clear/>\n\t\tx\n\t</b>\n</a>"),
        ("<a>\n</a>", "<a>\n    <b>\n        x\n    </b>\n</a>"),
        ("<a><!-- <b> --></a>", "<a><!-- <b> -->\r\n    <b>\r\n        x\r\n    </b>\r\n</a>"),
    ],
)
def test_block_is_put_where_it_belongs(text: str, wanted: str) -> None:
    assert mitigation_text.add_block(text, "b", ["x"])[0] == wanted


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("<a><b /></a>", "<a>\n  <b></b>\n</a>\n", True),
        ("<a>x y</a>", "<a>xy</a>", False),
        ("<a><!-- c --></a>", "<a></a>", False),
        ('<a b="1" />', '<a b="2"></a>', False),
    ],
)
def test_skeleton_forgets_only_what_means_nothing(one: str, other: str, *, same: bool) -> None:
    assert (mitigation_text.skeleton(one) == mitigation_text.skeleton(other)) is same
