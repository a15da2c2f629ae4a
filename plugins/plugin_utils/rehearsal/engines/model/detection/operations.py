# SPDX-License-Identifier: GPL-3.0-or-later
"""What detection tools left on the modelled host: state before, files after, and their bytes."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

from ....world.file_bytes import content, digest
from ..context import stamp, stamp_text
from ..errors import OperationError, thrown
from ..jobs.files import assert_name, folder_of
from ..registry import operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....world.world import World
    from ..context import Context
    from ..registry import Given, Result

_PATHS = {
    "msert_log": "C:\\Windows\\debug\\msert.log",
    "msert_old_log": "C:\\Windows\\debug\\msert.old.log",
}
_MOST = 2000
_SCANNERS = ("msert", "mrt")


@operation("Get-DetectionState")
def get_state(context: Context, _given: Given) -> Result:
    """Scanners at work, and the logs that a scan would go on with."""
    found: dict[str, Any] = {"scanners": context.part("scanners", lambda: _scanners(context.world))}
    for source, path in _PATHS.items():
        found[source] = context.part(source, partial(_log, context.world, source, path))
    return {**found, "clock": stamp(context.world.clock())}


@operation("Find-DetectionFile")
def find(context: Context, given: Given) -> Result:
    """Every file below the output of a job, and the logs."""
    world = context.world
    output = _output(world, given["job"])
    names = list(_names(world, output)) if output else []
    files = [
        _entry(world, "job", name, f"{output}\\{name}")
        for name in sorted(names[:_MOST], key=str.upper)
    ]
    for source, path in _PATHS.items():
        found = context.part(source, partial(_log, world, source, path))
        files += [found] if found else []
    return {"files": files, "truncated": len(names) > _MOST}


@operation("Get-DetectionFile")
def get_file(context: Context, given: Given) -> Result:
    """A part of one file that the listing has."""
    world, source, name = context.world, given["source"], given["name"]
    path = None
    if source.casefold() == "job":
        output = _output(world, given["job"])
        if output and name in list(_names(world, output)):
            path = f"{output}\\{name}"
    else:
        assert_name(given["job"])
        known = _PATHS[source.casefold()]
        path = known if known == name and _log(world, source, known) else None
    if path is None:
        raise OperationError(
            "RequestInvalid",
            f"'{name}' is no file of {source} that Find-DetectionFile lists",
            identity="FileMissing",
        )
    data, offset = content(world.file(path) or {}), given["offset"]
    part = data[offset : offset + given["limit"]]
    return {"size": len(data), "offset": offset, "data": base64.b64encode(part).decode("ascii")}


def _scanners(world: World) -> list[dict[str, Any]]:
    rows = []
    for process in world.data["processes"]:
        if isinstance(process, str):
            process = {"name": process, "id": None, "started": None}  # noqa: PLW2901 - the same one
        if str(process["name"]).lower() in _SCANNERS:
            started = process.get("started")
            rows.append(
                {
                    "name": process["name"],
                    "id": process.get("id"),
                    "started": stamp_text(started) if started else None,
                }
            )
    return sorted(rows, key=lambda row: (row["name"].lower(), row["id"] or 0))


def _output(world: World, job: str) -> str | None:
    folder = folder_of(world, assert_name(job))
    output = f"{folder}\\output"
    return output if folder and world.file(output) is not None else None


def _names(world: World, folder: str, below: str = "") -> Iterator[str]:
    """The names of the files below a folder, level by level; no link is followed."""
    pending = [below]
    while pending:
        here = pending.pop(0)
        for name, entry in sorted(
            world.children(f"{folder}\\{here}".rstrip("\\")), key=lambda row: row[0].upper()
        ):
            if entry.get("reparse"):
                continue
            path = f"{here}\\{name}".lstrip("\\")
            if entry.get("directory"):
                pending.append(path)
            else:
                yield path


def _entry(world: World, source: str, name: str, path: str) -> dict[str, Any]:
    entry = world.file(path) or {}
    data = content(entry)
    modified = entry.get("mtime")
    return {
        "source": source,
        "name": name,
        "size": len(data),
        "sha256": digest(data),
        "modified": stamp_text(modified) if modified else None,
    }


def _log(world: World, source: str, path: str) -> dict[str, Any] | None:
    entry = world.file(path)
    if entry is None:
        return None
    if entry.get("directory") or entry.get("reparse"):
        raise thrown(f"{path} is no plain file")
    return _entry(world, source, path, path)
