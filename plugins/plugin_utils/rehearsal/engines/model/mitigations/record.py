# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo records: what was there before the first change, kept until it has been restored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..context import stamp
from ..core.state import BY, state_folder
from ..errors import OperationError
from ..frame import encode
from . import text as mitigation_text

if TYPE_CHECKING:
    from ....world.world import World
    from .rewrite import Edit

Record = dict[str, Any]


def folder(world: World, *, create: bool = False) -> str | None:
    return state_folder(world, "undo", create=create)


def read_file(world: World, path: str) -> Record | None:
    """Return the record in a file; ``None`` without the file, an error when it is damaged."""
    text = world.text(path)
    if text is None:
        return None
    try:
        record = json.loads(text)
        readable = record["schema"] == 1
    except (ValueError, KeyError, TypeError):
        readable = False
    if not readable:
        message = f"{path} is damaged; restore by the copy in the case folder and delete it"
        raise OperationError("ScriptFailed", message, identity="UndoRecordUnreadable")
    return dict(record)


def read(world: World, mitigation: str) -> Record | None:
    """Return the record; ``None`` when nothing of this mitigation is to be undone."""
    base = folder(world)
    return read_file(world, f"{base}\\{mitigation}.json") if base else None


def others(world: World, mitigation: str) -> list[Record]:
    """Return the records of other mitigations: they may have changed the same things."""
    base = folder(world)
    names = [name for name, _ in world.children(base)] if base else []
    found = [
        read_file(world, f"{base}\\{name}")
        for name in names
        if name.lower().endswith(".json") and name.lower() != f"{mitigation.lower()}.json"
    ]
    return [record for record in found if record is not None]


def fresh(world: World, mitigation: str) -> Record:
    """Return an empty record."""
    now = stamp(world.clock())
    lists: Record = {"files": [], "services": [], "pools": []}
    return {"schema": 1, "mitigation": mitigation, "created": now, "updated": now, **lists}


def write(world: World, record: Record) -> None:
    record["updated"] = stamp(world.clock())
    path = f"{folder(world, create=True)}\\{record['mitigation']}.json"
    world.write_text(path, encode(record), by=BY)


def delete(world: World, record: Record) -> None:
    """Delete the record and then the copies that it names."""
    world.delete_file(f"{folder(world)}\\{record['mitigation']}.json", by=BY)
    for item in record["files"]:
        for digest in (item["prior_sha256"], item["base_sha256"]):
            if digest:
                world.delete_file(_copy_path(world, record["mitigation"], digest), by=BY)


def _copy_path(world: World, mitigation: str, digest: str) -> str:
    return f"{folder(world, create=True)}\\{mitigation}.{digest}.bak"


def save_copy(world: World, mitigation: str, text: str | None) -> None:
    """Keep the bytes of a file under their own hash."""
    digest = mitigation_text.sha256(text)
    if digest is None:
        return
    path = _copy_path(world, mitigation, digest)
    if world.file(path) is None:
        mitigation_text.write(world, path, text, BY)


def read_copy(world: World, mitigation: str, digest: str | None) -> str | None:
    """Return kept bytes; raises when they are gone or damaged."""
    if not digest:
        return None
    path = _copy_path(world, mitigation, digest)
    text = mitigation_text.read(world, path)
    if mitigation_text.sha256(text) != digest:
        message = f"{path} is missing or damaged; the file cannot be restored as it was"
        raise OperationError("ScriptFailed", message, identity="UndoCopyDamaged")
    return text


def entry(record: Record | None, kind: str, name: str) -> dict[str, Any] | None:
    """Return the entry of one list (files, services, pools) with this name."""
    member = "file" if kind == "files" else "name"
    listed: list[dict[str, Any]] = record[kind] if record else []
    return next((item for item in listed if item[member].lower() == name.lower()), None)


def other_entry(
    records: list[Record], kind: str, name: str
) -> tuple[str, dict[str, Any]] | tuple[None, None]:
    """Return the same of the other mitigations, with whose it is."""
    for record in records:
        found = entry(record, kind, name)
        if found is not None:
            return str(record["mitigation"]), found
    return None, None


def remember(
    world: World, mitigation: str, kind: str, rows: list[tuple[dict[str, Any], bool]]
) -> None:
    """Note first prior states (and whether they change); what another one changed had its own."""
    record = read(world, mitigation) or fresh(world, mitigation)
    records = others(world, mitigation)
    news = False
    for prior, changes in rows:
        _, other = other_entry(records, kind, prior["name"])
        if entry(record, kind, prior["name"]) is None and (other or changes):
            record[kind].append(other or prior)
            news = True
    if news:
        write(world, record)


def remember_file(
    world: World, mitigation: str, file: str, prior: str | None, change: Edit
) -> None:
    """Note what a file was before our first change, and what it is after this one."""
    record = read(world, mitigation) or fresh(world, mitigation)
    before, after = mitigation_text.sha256(prior), mitigation_text.sha256(change.text)
    item = entry(record, "files", file)
    if item is None:
        item = _new_file(world, mitigation, file, prior, change)
        record["files"].append(item)
    elif item["applied_sha256"] not in (after, before):
        item["exact"] = False
    item["applied_sha256"] = after
    item["containers"] = list(dict.fromkeys([*item["containers"], *change.made]))
    known = {(n["collection"], n["name"].lower()) for n in item["names"]}
    for name in change.names:
        if (name["collection"], name["name"].lower()) not in known:
            item["names"].append(name)
    write(world, record)


def _new_file(
    world: World, mitigation: str, file: str, prior: str | None, change: Edit
) -> dict[str, Any]:
    base, containers = prior, []
    whose, other = other_entry(others(world, mitigation), "files", file)
    if whose is not None and other is not None:
        base = read_copy(world, whose, other["base_sha256"])
        containers = other["containers"]
    save_copy(world, mitigation, prior)
    save_copy(world, mitigation, base)
    return {
        "file": file,
        "prior_sha256": mitigation_text.sha256(prior),
        "base_sha256": mitigation_text.sha256(base),
        "applied_sha256": None,
        "exact": True,
        "names": [],
        "originals": change.originals,
        "containers": list(containers),
    }
