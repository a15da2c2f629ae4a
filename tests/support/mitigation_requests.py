# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for the mitigation operations as a planner makes them from the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import loader

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

OWNER = {"owner": "controller-a", "run": "run-1"}
LOCK = {**OWNER, "purpose": "mitigate", "ttl_seconds": 900}
HELD = {"lock_of": OWNER["owner"]}
REWRITES = ("backend-cookie", "powershell-autodiscover", "owa-csp-outbound")
STATES = ("um-services", "ecp-app-pool", "oab-app-pool")
ALL = (*REWRITES, *STATES)
WWWROOT = "C:\\inetpub\\wwwroot\\web.config"

Step = tuple[str, dict[str, Any]]


def _rules(mitigation: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rules, preconditions = [], []
    for rule in loader.load().mitigation(mitigation).rules:
        content = asdict(rule.current.content)
        gate = content.pop("precondition")
        rules.append({**content, "name": rule.name, "direction": rule.direction, "enabled": True})
        if gate is not None:
            rules[-1]["precondition"] = gate["name"]
            preconditions.append({k: v for k, v in gate.items() if k != "names"})
    return rules, preconditions


def rewrite(mitigation: str, /, site: str = "Default Web Site", **more: Any) -> dict[str, Any]:
    """Parameters of Set-UrlRewriteMitigation."""
    rules, preconditions = _rules(mitigation)
    scope = loader.load().mitigation(mitigation).scope
    assert scope is not None
    place = {"mitigation": mitigation, "site": site, "path": scope.path}
    return {**place, "rules": rules, "preconditions": preconditions, **HELD, **more}


def services(mitigation: str, /, **more: Any) -> dict[str, Any]:
    """Parameters of Set-ServiceMitigation."""
    listed = [
        {"name": one.name, "status": one.status, "start_type": one.start_type}
        for one in loader.load().mitigation(mitigation).services
    ]
    return {"mitigation": mitigation, "services": listed, **HELD, **more}


def pools(mitigation: str, /, **more: Any) -> dict[str, Any]:
    """Parameters of Set-AppPoolMitigation."""
    names = ("name", "state", "auto_start", "start_mode")
    listed = [
        {name: getattr(one, name) for name in names}
        for one in loader.load().mitigation(mitigation).app_pools
    ]
    return {"mitigation": mitigation, "pools": listed, **HELD, **more}


def undo(mitigation: str, /, **more: Any) -> dict[str, Any]:
    """Parameters of Undo-Mitigation."""
    return {"mitigation": mitigation, **HELD, **more}


def steps(mitigation: str, site: str = "Default Web Site") -> list[Step]:
    """All operations of one mitigation, in order: the health manager before the pools."""
    found: list[Step] = []
    known = loader.load().mitigation(mitigation)
    if known.rules:
        found.append(("Set-UrlRewriteMitigation", rewrite(mitigation, site)))
    if known.services:
        found.append(("Set-ServiceMitigation", services(mitigation)))
    if known.app_pools:
        found.append(("Set-AppPoolMitigation", pools(mitigation)))
    return found


def state(world: World) -> dict[str, Any]:
    """What a mitigation may touch, and everything else: all but our own folder and times."""
    own = "c:\\programdata\\exchangeremediation"
    files = {
        path.lower(): entry.get("text", entry.get("data"))
        for path, entry in world.data["files"].items()
        if not path.lower().startswith(own) and not entry.get("directory")
    }
    kept = {name: world.data[name] for name in ("registry", "services", "iis_runtime")}
    return {**kept, "files": files}
