# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that put mitigations on and take them off, as their scripts do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import (
    mitigation_pools,
    mitigation_record,
    mitigation_rewrite,
    mitigation_rules,
    mitigation_services,
    mitigation_text,
    mitigation_undo,
)
from .configuration import configuration
from .context import Context
from .errors import OperationError, PartError
from .facts_iis import iis
from .facts_rewrite import places, rewrite_content
from .host_lock import assert_owner
from .parameters import Parameter, bind, invalid_argument
from .state import BY

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..world import World
    from .configuration import Configuration

    Answer = tuple[dict[str, Any], list[dict[str, Any]]]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z", re.IGNORECASE)
_MODULE = "HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite"
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration />\r\n'
_MITIGATION = Parameter("Mitigation", str, 1, 1000)
_CHECK = Parameter("Check", bool, default=False, mandatory=False)
_LOCK_OWNER = Parameter("LockOwner", str, default="", mandatory=False)
_REWRITE = (
    _MITIGATION,
    Parameter("Site", str, 1, 260),
    Parameter("Path", str, 1, 260),
    Parameter("Rules", list, default=(), mandatory=False),
    Parameter("Preconditions", list, default=(), mandatory=False),
    Parameter("Remove", list, default=(), mandatory=False),
    Parameter("FileSha256", str, default="", mandatory=False),
    _CHECK,
    _LOCK_OWNER,
)
_SERVICES = (_MITIGATION, Parameter("Services", list, 1, 50), _CHECK, _LOCK_OWNER)
_POOLS = (_MITIGATION, Parameter("Pools", list, 1, 50), _CHECK, _LOCK_OWNER)
_UNDO = (_MITIGATION, _CHECK, _LOCK_OWNER)


def _refused(identity: str, message: str) -> OperationError:
    return OperationError("RequestInvalid", message, identity=identity)


def _begin(
    world: World, request: dict[str, Any], wanted: tuple[Parameter, ...]
) -> tuple[Context, list[Any]]:
    """Bind the parameters and see that the lock is held where something may change."""
    values = bind(request, wanted)
    if not _NAME.match(values[0]):
        raise invalid_argument("Mitigation")
    *_, check, owner = values
    if not check:
        assert_owner(world, owner)
    return Context(world), values


def operation(act: Callable[[World, dict[str, Any]], Answer]) -> Callable[..., Answer]:
    """Turn what PowerShell would throw into the failure of the operation."""

    def run(world: World, request: dict[str, Any]) -> Answer:
        try:
            return act(world, request)
        except PartError as error:
            raise OperationError(
                "ScriptFailed", str(error), identity=error.identity, exception=error.kind
            ) from error

    return run


@operation
def set_url_rewrite(world: World, request: dict[str, Any]) -> Answer:
    """Make rules stand in one web.config exactly as given."""
    context, values = _begin(world, request, _REWRITE)
    mitigation, site, path, rules, preconditions, gone, planned, check, _ = values
    found, place = _web_config(context, site, path)
    wanted = _wanted(rules, preconditions)
    _assert_editable(context, found, place, wanted)
    site, path, file = place
    prior = mitigation_text.read(world, file)
    start = _EMPTY if prior is None else prior
    change = mitigation_rewrite.edit(start, file, wanted, [str(name) for name in gone])
    changed = change.text != start
    before = mitigation_rewrite.content(prior, file, site, path)
    if changed and planned and (before["sha256"] or "").lower() != planned.lower():
        raise _refused(
            "StalePlan",
            f"{file} has changed since the plan was made (planned on {planned}, "
            f"is {before['sha256'] or ''}); plan again",
        )
    if changed and not check:
        mitigation_record.remember_file(world, mitigation, file, prior, change)
        mitigation_text.write(world, file, change.text, BY)
    after = change.text if changed else prior
    result = {
        "changed": changed,
        "before": before,
        "after": mitigation_rewrite.content(after, file, site, path),
    }
    return _with_record(context, mitigation, result), context.errors


def _web_config(
    context: Context, site: str, path: str
) -> tuple[Configuration, tuple[str, str, str]]:
    found = configuration(context)
    if found is None:
        raise _refused("IisMissing", "IIS is not installed on this host")
    wanted = f"/{path.strip('/')}"
    for place in places(found.root):
        if (place[0].lower(), place[1].lower()) == (site.lower(), wanted.lower()):
            return found, place
    names = "', '".join(one["name"] for one in iis(Context(context.world))["sites"])
    raise _refused(
        "PlaceMissing", f"site '{site}' has no folder for '{wanted}'; the sites are '{names}'"
    )


def _wanted(rules: list[Any], preconditions: list[Any]) -> dict[str, list[dict[str, Any]]]:
    wanted: dict[str, list[dict[str, Any]]] = {"inbound": [], "outbound": [], "precondition": []}
    for rule in rules:
        content = mitigation_rules.rule(rule)
        if content["direction"] not in ("inbound", "outbound") or not content["name"]:
            message = "a rule needs a name and the direction inbound or outbound"
            raise _refused("RuleInvalid", message)
        wanted[content["direction"]].append(content)
    wanted["precondition"] = [mitigation_rules.precondition(one) for one in preconditions]
    return wanted


def _assert_editable(
    context: Context,
    found: Configuration,
    place: tuple[str, str, str],
    wanted: dict[str, list[dict[str, Any]]],
) -> None:
    """Refuse before what IIS would answer with errors afterwards."""
    names = {
        (kind, one["name"].lower()) for kind in ("inbound", "outbound") for one in wanted[kind]
    }
    if not names:
        return
    if not context.has_key(_MODULE):
        raise _refused(
            "RewriteModuleMissing",
            "the IIS URL Rewrite module is not installed and IIS would answer every request "
            "with HTTP 500.19; install URL Rewrite 2.1 (7.2.1993 or newer), then run again",
        )
    for rule in _site_rules(context, found, place):
        one, two = f"{place[1].rstrip('/')}/".lower(), f"{rule['path'].rstrip('/')}/".lower()
        related = one.startswith(two) or two.startswith(one)
        if related and (rule["direction"], rule["name"].lower()) in names:
            raise _refused(
                "NameTaken",
                f"a rule '{rule['name']}' stands in {rule['file']} for '{rule['path']}'; "
                "IIS refuses a name that it inherits, so remove that rule first",
            )


def _site_rules(
    context: Context, found: Configuration, own: tuple[str, str, str]
) -> list[dict[str, Any]]:
    """List the rules of the site that stand in other files."""
    rules, _ = rewrite_content(found.root, None, "/", found.file)
    for site, path, file in places(found.root):
        if site.lower() != own[0].lower() or file.lower() == own[2].lower():
            continue
        text = mitigation_text.read(context.world, file)
        if text is not None:
            rules += rewrite_content(mitigation_text.document(text, file).root, site, path, file)[0]
    return [rule for rule in rules if (rule["site"] or "").lower() == own[0].lower()]


@operation
def set_services(world: World, request: dict[str, Any]) -> Answer:
    """Stop and disable services, the health manager before the others."""
    context, (mitigation, services, check, _) = _begin(world, request, _SERVICES)
    plan = _service_plan(context, services)
    changing = [pair for pair in plan if not mitigation_services.as_wanted(*pair)]
    if not check:
        rows = [(now, (now, wanted) in changing) for now, wanted in plan]
        mitigation_record.remember(world, mitigation, "services", rows)
        for now, wanted in changing:
            mitigation_services.put(context, now["name"], wanted)
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
    return _with_record(context, mitigation, result), context.errors


def _service_plan(
    context: Context, services: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pair now and wanted, in the order of acting; dependents come along to be stopped."""
    plan: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for service in mitigation_services.by_rank(services, lambda s: str(s["name"])):
        now = mitigation_services.read(context, service["name"])
        if now is None:
            continue
        wanted = {**now, "status": service["status"], "start_type": service["start_type"]}
        if wanted["status"] == "Stopped":
            for name in mitigation_services.dependents(context, now["name"]):
                other = mitigation_services.read(context, name)
                known = any(name == row["name"] for row, _ in plan)
                if other and mitigation_services.running(other["status"]) and not known:
                    plan.append((other, {**other, "status": "Stopped"}))
        plan.append((now, wanted))
    return plan


@operation
def set_pools(world: World, request: dict[str, Any]) -> Answer:
    """Put application pools into a state."""
    context, (mitigation, pools, check, _) = _begin(world, request, _POOLS)
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
        mitigation_record.remember(world, mitigation, "pools", rows)
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
    return _with_record(context, mitigation, result), context.errors


def _wanted_pool(now: dict[str, Any], pool: dict[str, Any]) -> dict[str, Any]:
    """Return what a pool shall be; an attribute with the right effect stays as it is."""
    wanted = {name: now[name] for name in mitigation_pools.RECORDED}
    wanted |= {name: pool[name] for name in ("state", "auto_start", "start_mode")}
    if now["auto_start"] != wanted["auto_start"]:
        wanted["auto_start_text"] = str(wanted["auto_start"]).lower()
    if now["start_mode"].lower() != wanted["start_mode"].lower():
        wanted["start_mode_text"] = wanted["start_mode"]
    return wanted


@operation
def undo(world: World, request: dict[str, Any]) -> Answer:
    """Restore what the undo record says."""
    context, (mitigation, check, _) = _begin(world, request, _UNDO)
    return mitigation_undo.undo(context, mitigation, check=check), context.errors


def _with_record(context: Context, mitigation: str, result: dict[str, Any]) -> dict[str, Any]:
    record = mitigation_record.read(context.world, mitigation)
    name = None if record is None else record["mitigation"]
    return {**result, "undo": name, "undo_record": record}


OPERATIONS = {
    "Set-AppPoolMitigation": set_pools,
    "Set-ServiceMitigation": set_services,
    "Set-UrlRewriteMitigation": set_url_rewrite,
    "Undo-Mitigation": undo,
}
