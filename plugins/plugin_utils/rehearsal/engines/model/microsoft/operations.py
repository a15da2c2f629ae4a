# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-ToolState: what a script of Microsoft left on the modelled host."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ....world.file_bytes import content
from ..context import expand
from ..errors import thrown
from ..jobs.files import sha256_of
from ..registry import operation

if TYPE_CHECKING:
    from ....world.world import World
    from ..context import Context

_KEY = "HKLM\\SOFTWARE\\MSERTBootstrap\\PatchState"
_ENVIRONMENT = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"
_FOLDERS = {"eomt": "msert", "exchange_mitigations": "IISUrlRewrite"}
_PROGRAMS = (".exe", ".msi", ".ps1")
_MOST, _LONGEST, _LOG = 200, 4000, 262_144


@operation("Get-ToolState")
def get_state(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Read what a tool left: registry, log, downloads, and its own file."""
    world, start, file = context.world, given["log_from"], given["file"]
    named = given["tool"]
    tool = named.casefold()
    temp = context.text(_ENVIRONMENT, "TEMP") or "%SystemRoot%\\TEMP"
    folder = f"{expand(temp)}\\{_FOLDERS[tool]}"
    result: dict[str, Any] = {"tool": named, "folder": folder}
    result |= dict.fromkeys(("registry", "log", "downloads", "file"))
    if tool == "eomt":
        result["registry"] = context.part("registry", lambda: _registry(context))
        result["log"] = context.part("log", lambda: _log(world, f"{folder}\\EOMT.log", start))
    result["downloads"] = context.part("downloads", lambda: _downloads(world, folder))
    if file:
        result["file"] = context.part("file", lambda: _file(context, file))
    return result


def _registry(context: Context) -> dict[str, Any]:
    context.require_native()
    values = context.world.key(_KEY)
    found = sorted(values or {}, key=str.upper)
    if len(found) > _MOST:
        raise thrown(f"{len(found)} values are more than EOMT writes")
    rows = []
    for name in found:
        value = context.value(_KEY, name)
        rows.append({"name": name, "text": value[:_LONGEST] if isinstance(value, str) else None})
    return {"key": _KEY, "exists": values is not None, "values": rows}


def _log(world: World, path: str, wanted: int) -> dict[str, Any]:
    log = {"path": path, "exists": False, "size": 0, "from": 0}
    log |= {"encoding": None, "data": "", "truncated": False}
    entry = world.file(path)
    if entry is None:
        return log
    data = content(entry)
    start = wanted if wanted <= len(data) else 0
    encoding = _encoding(data[:3])
    cut = len(data) - start > _LOG
    if cut:
        start = len(data) - _LOG
        start += start % 2 if encoding == "utf-16" else 0
    return {
        **log,
        "exists": True,
        "size": len(data),
        "from": start,
        "encoding": encoding,
        "data": base64.b64encode(data[start:]).decode("ascii"),
        "truncated": cut,
    }


def _encoding(head: bytes) -> str:
    if head.startswith(b"\xff\xfe"):
        return "utf-16"
    return "utf-8" if head == b"\xef\xbb\xbf" else "ansi"


def _downloads(world: World, folder: str) -> list[dict[str, Any]]:
    found = {}
    for name, entry in world.children(folder):
        if not entry.get("directory") and name.lower().endswith(_PROGRAMS):
            found[name] = len(content(entry))
    if len(found) > _MOST:
        raise thrown(f"{len(found)} programs are more than the tools download")
    return [{"name": name, "size": found[name]} for name in sorted(found, key=str.upper)]


def _file(context: Context, path: str) -> dict[str, Any] | None:
    context.require_drive(path)
    entry = context.world.file(path)
    if entry is None:
        return None
    if entry.get("directory"):
        raise thrown(f"{path} is a folder")
    size = len(content(entry))
    return {"path": path, "size": size, "sha256": sha256_of(context.world, path)}
