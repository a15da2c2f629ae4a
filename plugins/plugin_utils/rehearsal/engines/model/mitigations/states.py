# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that stop services and application pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import OperationError
from ..registry import operation
from . import pools as mitigation_pools
from . import record as mitigation_record
from . import services as mitigation_services
from .frame import with_record

if TYPE_CHECKING:
    from ..context import Context
    from ..registry import Given, Result


@operation("Set-ServiceMitigation")
def set_services(context: Context, given: Given) -> Result:
    """Stop and disable services, the health manager before the others."""
    mitigation, services, check = given["mitigation"], given["services"], given["check"]
    plan = _service_plan(context, services)
    changing = [pair for pair in plan if not mitigation_services.as_wanted(*pair)]
    if not check:
        rows = [(now, (now, wanted) in changing) for now, wanted in plan]
        mitigation_record.remember(context.world, mitigation, "services", rows)
        for now, wanted in changing:
            mitigation_services.try_put(context, now["name"], wanted)
    shown = ("name", "status", "start_type")
    after = [
        (wanted if check else mitigation_services.read(context, now["name"])) or wanted
        for now, wanted in plan
    ]
    result = {
        "changed": bool(changing),
        "before": [{name: now[name] for name in shown} for now, _ in plan],
        "after": [{name: row[name] for name in shown} for row in after],
        "not_applicable": [
            one["name"]
            for one in services
            if mitigation_services.read(context, str(one["name"])) is None
        ],
    }
    result = with_record(context, mitigation, result)
    failed = [
        now["name"]
        for now, (_, wanted) in zip(after, plan, strict=True)
        if not mitigation_services.as_wanted(now, wanted)
    ]
    if failed:
        message = f"not in the wanted state: {', '.join(failed)}"
        raise OperationError("ScriptFailed", message, identity="ServiceNotInState", details=result)
    return result


def _service_plan(
    context: Context, services: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pair now and wanted, in the order of acting; dependents come along to be stopped."""
    plan: list[tuple[dict[str, Any], dict[str, Any]]] = []
    asked = [str(service["name"]).lower() for service in services]
    for service in mitigation_services.by_rank(services, lambda s: str(s["name"])):
        now = mitigation_services.read(context, service["name"])
        if now is None:
            continue
        wanted = {**now, "status": service["status"], "start_type": service["start_type"]}
        if wanted["status"] == "Stopped":
            for name in mitigation_services.dependents(context, now["name"]):
                other = mitigation_services.read(context, name)
                known = [*asked, *(row["name"].lower() for row, _ in plan)]
                runs = other is not None and mitigation_services.running(other["status"])
                if other is not None and runs and name.lower() not in known:
                    plan.append((other, {**other, "status": "Stopped"}))
        plan.append((now, wanted))
    return plan


@operation("Set-AppPoolMitigation")
def set_pools(context: Context, given: Given) -> Result:
    """Put application pools into a state."""
    mitigation, pools, check = given["mitigation"], given["pools"], given["check"]
    state = mitigation_pools.read(context)
    plan = [
        (now, _wanted_pool(now, pool))
        for pool in pools
        if (now := state.find(pool["name"])) is not None
    ]
    changing = [pair for pair in plan if not mitigation_pools.as_wanted(*pair)]
    if not check:
        rows = [
            ({name: now[name] for name in mitigation_pools.RECORDED}, (now, want) in changing)
            for now, want in plan
        ]
        mitigation_record.remember(context.world, mitigation, "pools", rows)
        if changing:
            mitigation_pools.put(context, state, [want for _, want in changing])
            state = mitigation_pools.read(context)
    after = [(want if check else state.find(want["name"])) or want for _, want in plan]
    shown = mitigation_pools.SHOWN
    result = {
        "changed": bool(changing),
        "before": [{name: now[name] for name in shown} for now, _ in plan],
        "after": [{name: row[name] for name in shown} for row in after],
        "not_applicable": [one["name"] for one in pools if state.find(one["name"]) is None],
    }
    return with_record(context, mitigation, result)


def _wanted_pool(now: dict[str, Any], pool: dict[str, Any]) -> dict[str, Any]:
    """Return what a pool shall be; an attribute with the right effect stays as it is."""
    wanted = {name: now[name] for name in mitigation_pools.RECORDED}
    wanted |= {name: pool[name] for name in ("state", "auto_start", "start_mode")}
    if now["auto_start"] != wanted["auto_start"]:
        wanted["auto_start_text"] = str(wanted["auto_start"]).lower()
    if now["start_mode"].lower() != wanted["start_mode"].lower():
        wanted["start_mode_text"] = wanted["start_mode"]
    return wanted
