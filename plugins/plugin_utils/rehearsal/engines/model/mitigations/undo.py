# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo of a mitigation: exactly what its record says; what others still need stays."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..core.state import BY
from ..errors import OperationError
from . import pools as mitigation_pools
from . import record as mitigation_record
from . import services as mitigation_services
from . import text as mitigation_text
from .rewrite import COLLECTIONS, rows

if TYPE_CHECKING:
    from ..context import Context
    from .pools import Pools
    from .record import Record

_REWRITE = re.compile(r"<rewrite[\s/>]")


@dataclass(slots=True)
class _Item:
    """One thing: what it is now and what it becomes."""

    now: Any
    wanted: Any
    file: str = ""


@dataclass(slots=True)
class _Plan:
    files: list[_Item] = field(default_factory=list)
    pools: list[_Item] = field(default_factory=list)
    services: list[_Item] = field(default_factory=list)
    kept: list[dict[str, str]] = field(default_factory=list)
    state: Pools | None = None


def undo(context: Context, mitigation: str, *, check: bool) -> dict[str, Any]:
    """Restore what the record says and delete it; without a record nothing is done."""
    record = mitigation_record.read(context.world, mitigation)
    if record is None:
        nothing: dict[str, Any] = {"files": [], "pools": [], "services": []}
        head = {"changed": False, "before": nothing, "after": nothing}
        return {**head, "kept": [], "undo": None}
    plan = _plan(context, record)
    result = {
        "changed": bool(_differences(plan)),
        "before": _shown(plan, "now"),
        "after": None,
        "kept": plan.kept,
        "undo": mitigation,
    }
    if check:
        return {**result, "after": _shown(plan, "wanted")}
    _act(context, plan)
    _read_again(context, plan)
    result["after"] = _shown(plan, "now")
    if left := _differences(plan):
        message = f"not restored: {', '.join(left)}; the record stays, undo again"
        raise OperationError("ScriptFailed", message, identity="UndoIncomplete", details=result)
    mitigation_record.delete(context.world, record)
    return result


def _plan(context: Context, record: Record) -> _Plan:
    world = context.world
    records = mitigation_record.others(world, record["mitigation"])
    plan = _Plan()
    for entry in record["files"]:
        now = mitigation_text.read(world, entry["file"])
        plan.files.append(_Item(now, _undone(context, record, entry, now), entry["file"]))
    if record["pools"]:
        plan.state = mitigation_pools.read(context)
    for kind, items in (("pools", plan.pools), ("services", plan.services)):
        for entry in record[kind]:
            whose, _ = mitigation_record.other_entry(records, kind, entry["name"])
            if whose is not None:
                plan.kept.append({"kind": kind, "name": entry["name"], "by": whose})
                continue
            item = _Item(None, entry)
            item.now = _now(context, plan, kind, entry["name"])
            if item.now is not None:
                items.append(item)
    plan.services = mitigation_services.by_rank(
        plan.services, lambda i: str(i.wanted["name"]), back=True
    )
    return plan


def _now(context: Context, plan: _Plan, kind: str, name: str) -> Any:
    if kind == "services":
        return mitigation_services.read(context, name)
    return None if plan.state is None else plan.state.find(name)


def _act(context: Context, plan: _Plan) -> None:
    """Files, pools, services: Exchange answers again before anything watches it."""
    for item in plan.files:
        if item.now != item.wanted:
            mitigation_text.write(context.world, item.file, item.wanted, BY)
    pools = [i.wanted for i in plan.pools if not mitigation_pools.as_recorded(i.now, i.wanted)]
    if pools and plan.state is not None:
        mitigation_pools.put(context, plan.state, pools)
    services = [
        i.wanted for i in plan.services if not mitigation_services.as_wanted(i.now, i.wanted)
    ]
    for wanted in services:  # all may start before any does: one may need another
        if mitigation_services.running(wanted["status"]):
            mitigation_services.set_start_type(context, wanted["name"], wanted)
    for wanted in services:
        mitigation_services.try_put(context, wanted["name"], wanted)


def _read_again(context: Context, plan: _Plan) -> None:
    if plan.state is not None:
        plan.state = mitigation_pools.read(context)
    for item in plan.files:
        item.now = mitigation_text.read(context.world, item.file)
    for kind, items in (("pools", plan.pools), ("services", plan.services)):
        for item in items:
            item.now = _now(context, plan, kind, item.wanted["name"])


def _differences(plan: _Plan) -> list[str]:
    found = [item.file for item in plan.files if item.now != item.wanted]
    for items, same in (
        (plan.pools, mitigation_pools.as_recorded),
        (plan.services, mitigation_services.as_wanted),
    ):
        found += [i.wanted["name"] for i in items if not same(i.now, i.wanted)]
    return found


def _shown(plan: _Plan, side: str) -> dict[str, Any]:
    def of(items: list[_Item], names: tuple[str, ...]) -> list[dict[str, Any]]:
        return [{name: getattr(item, side)[name] for name in names} for item in items]

    return {
        "files": [
            {
                "file": item.file,
                "sha256": mitigation_text.sha256(getattr(item, side)),
                "rewrite": _REWRITE.search(getattr(item, side) or "") is not None,
            }
            for item in plan.files
        ],
        "pools": of(plan.pools, mitigation_pools.SHOWN),
        "services": of(plan.services, ("name", "status", "start_type")),
    }


def _undone(
    context: Context, record: Record, entry: dict[str, Any], current: str | None
) -> str | None:
    """Return what a file becomes; ``None``: it goes away."""
    digest = mitigation_text.sha256(current)
    if current is None or digest == entry["prior_sha256"]:
        return current
    world, whose = context.world, record["mitigation"]
    if entry["exact"] and digest == entry["applied_sha256"]:
        return mitigation_record.read_copy(world, whose, entry["prior_sha256"])
    prior = mitigation_record.read_copy(world, whose, entry["prior_sha256"])
    text = _without_ours(current, entry, prior)
    base = mitigation_record.read_copy(world, whose, entry["base_sha256"])
    if base is None:
        root = mitigation_text.scan(text)[0]
        return text if text[root.open_end : root.close_start].strip(" \t\r\n") else None
    return base if mitigation_text.skeleton(text) == mitigation_text.skeleton(base) else text


def _without_ours(text: str, entry: dict[str, Any], prior: str | None) -> str:
    """Take our entries out of a file that somebody else has changed.

    What stood under the same names before comes back, in place where they are the same ones
    in the same order.
    """
    listed = [*entry["names"], *entry["originals"]]
    for path in reversed(COLLECTIONS):
        names = {item["name"].lower() for item in listed if item["collection"] == path}
        before: list[tuple[str, str]] = []
        if prior is not None:
            before = [
                (row.name.lower(), prior[row.tag.start : row.tag.end])
                for row in rows(mitigation_text.document(prior, entry["file"]), path)
                if row.name.lower() in names
            ]
        now = [
            row
            for row in rows(mitigation_text.document(text, entry["file"]), path)
            if row.name.lower() in names
        ]
        in_place = [row.name.lower() for row in now] == [name for name, _ in before]
        for row in reversed(now):
            if in_place:
                text = mitigation_text.replace(text, row.tag, [before.pop()[1]])
            else:
                text = mitigation_text.remove(text, row.tag)
        if before:
            text, _ = mitigation_text.add_block(text, path, [raw for _, raw in before])
    return mitigation_text.remove_empty(text, entry["containers"])
