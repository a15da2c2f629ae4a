# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages on a modelled host: pushed in chunks, or fetched from a share of the same world."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from ....world.file_bytes import content, digest, put_bytes
from ..core.state import BY, assert_trusted, refused, state_folder
from ..errors import OperationError
from ..jobs.files import sha256_of
from ..registry import operation

if TYPE_CHECKING:
    from ....world.world import World
    from ..context import Context
    from ..registry import Given, Result

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LARGEST = 16 << 30
_ROOM = 512 << 20
_SHARE = re.compile(r'\\\\[A-Za-z0-9][A-Za-z0-9.-]*\\[^\\/:*?"<>|]+\\[^/:*?"<>|]+\Z')
_WEB = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?/[!-~]+\Z", re.ASCII)
_NOT_SO = re.compile(r"[\\/]\.\.?(?:[\\/]|\Z)|\A\\\\[^\\]+\\pipe\\", re.IGNORECASE)
_CURE = (
    "WinRM passes no credentials on, so a share must be readable without; https needs a "
    "certificate that this server trusts; or push the package"
)
_PLAIN = "Look at it, keep it as evidence, move it away and run again"


@operation("Get-PackageState")
def get_state(context: Context, given: Given) -> Result:
    """Tell how much of a package is there."""
    world = context.world
    package, sha256, size = _wanted(given)
    return {**_condition(world, package, sha256, size), "free_bytes": _free(world)}


@operation("Add-PackageChunk")
def add_chunk(context: Context, given: Given) -> Result:
    """Append a chunk; the last one completes the package or discards it."""
    world, offset, check = context.world, given["offset"], given["check"]
    package, sha256, size = _wanted(given)
    chunk = _chunk(given["data"], given["chunk_sha256"])
    folder = _folder(world, sha256, create=not check)
    before = _brief(world, folder, package)
    path = f"{folder}\\{package}"
    if before["state"] == "complete":
        if sha256_of(world, path) == sha256 and before["bytes"] == size:
            return {"changed": False, "before": before, "after": before, "path": path}
        before = {"state": "damaged", "bytes": 0}
    _check_place(before, offset, len(chunk), size)
    end = offset + len(chunk)
    state = "complete" if end == size else "partial"
    result = {"changed": True, "before": before, "after": {"state": state, "bytes": end}}
    if check:
        return {**result, "path": None}
    if offset == 0:
        _check_space(world, size)
    _set_aside(world, path)
    result["path"] = _append(world, path, chunk, offset, size, sha256)
    return {**result, "after": _brief(world, folder, package)}


@operation("Receive-Package")
def receive(context: Context, given: Given) -> Result:
    """Fetch a package; the model has no network, so only shares of its own world answer."""
    world, source = context.world, given["source"]
    package, sha256, size = _wanted(given)
    if not (_SHARE.match(source) or _WEB.match(source)) or _NOT_SO.search(source):
        message = (
            f"the source '{source}' is neither \\\\server\\share\\file nor https://server/file"
        )
        raise OperationError("RequestInvalid", message, identity="PackageSource")
    before = _condition(world, package, sha256, size)
    result = {"changed": False, "before": before, "after": before, "source": source}
    if before["state"] == "complete":
        return result
    planned = {"state": "complete", "bytes": size, "sha256": sha256, "path": None}
    if given["check"]:
        return {**result, "changed": True, "after": planned}
    _check_space(world, size)
    path = f"{_folder(world, sha256, create=True)}\\{package}"
    found = _fetched(world, source, size, sha256)
    _set_aside(world, path)
    put_bytes(world, path, found, by=BY)
    if world.file(f"{path}.partial") is not None:
        world.delete_file(f"{path}.partial", by=BY)
    after = _condition(world, package, sha256, size)
    return {**result, "changed": True, "after": after}


def _wanted(given: Given) -> tuple[str, str, int]:
    """Return name, hash and size of the package that is meant; raises RequestInvalid."""
    package, sha256, size = given["package"], given["sha256"], given["size"]
    if not _NAME.match(package):
        message = f"the package's name '{package}' is not a plain file name"
        raise OperationError("RequestInvalid", message, identity="PackageName")
    if not _DIGEST.match(sha256):
        message = f"the package's SHA-256 '{sha256}' is not 64 hex digits"
        raise OperationError("RequestInvalid", message, identity="PackageHash")
    if not 1 <= size <= _LARGEST:
        message = f"the package's size {size} is not between 1 byte and 16 GB"
        raise OperationError("RequestInvalid", message, identity="PackageSize")
    return package, sha256, size


def _chunk(data: str, chunk_sha256: str) -> bytes:
    try:
        chunk = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise OperationError(
            "RequestInvalid", "the chunk is not base64", identity="ChunkDamaged"
        ) from error
    if digest(chunk) != chunk_sha256:
        message = f"the chunk that arrived has SHA-256 {digest(chunk)}, sent was {chunk_sha256}"
        raise OperationError("RequestInvalid", message, identity="ChunkDamaged")
    return chunk


def _check_place(before: dict[str, Any], offset: int, length: int, size: int) -> None:
    if offset < 0 or length < 1 or offset + length > size:
        message = f"a chunk of {length} bytes at {offset} does not lie in a package of {size} bytes"
        raise OperationError("RequestInvalid", message, identity="ChunkPlace")
    if offset not in (0, before["bytes"]):
        message = (
            f"the chunk starts at {offset}, on the host are {before['bytes']} bytes; ask "
            "Get-PackageState and go on from there"
        )
        raise OperationError("RequestInvalid", message, identity="ChunkPlace", details=before)


def _append(world: World, path: str, chunk: bytes, offset: int, size: int, sha256: str) -> str:
    """Return where the bytes lie afterwards."""
    partial = f"{path}.partial"
    old = world.file(partial)
    whole = (content(old)[:offset] if old else b"") + chunk
    if len(whole) < size:
        put_bytes(world, partial, whole, by=BY)
        return partial
    if old is not None:
        world.delete_file(partial, by=BY)
    if digest(whole) != sha256:
        raise _damaged(
            f"all {size} bytes arrived, but their SHA-256 is {digest(whole)}, wanted is {sha256}; "
            "they were discarded. Verify the package on the controller and push it again"
        )
    put_bytes(world, path, whole, by=BY)
    return path


def _set_aside(world: World, path: str) -> None:
    """Keep other bytes under a package's final name as evidence, under another one."""
    entry = world.file(path)
    if entry is not None:
        world.put_file(f"{path}.damaged", entry, by=BY)
        world.delete_file(path, by=BY)


def _fetched(world: World, source: str, size: int, sha256: str) -> bytes:
    entry = None if source.startswith("https:") else world.file(source)
    if entry is None or entry.get("directory"):
        message = f"{source} cannot be read: it does not exist in the rehearsal. {_CURE}"
        raise OperationError("ScriptFailed", message, identity="SourceUnreadable")
    found = content(entry)
    if len(found) > size:
        raise _damaged(
            f"{source} has more than the package's {size} bytes; another file lies there"
        )
    if len(found) != size or digest(found) != sha256:
        raise _damaged(
            f"{source} gave {len(found)} bytes with SHA-256 {digest(found)}, wanted are {size} "
            f"with {sha256}; they were discarded"
        )
    return found


def _damaged(message: str) -> OperationError:
    return OperationError("ScriptFailed", message, identity="PackageDamaged")


def _folder(world: World, sha256: str, *, create: bool = False) -> str | None:
    parent = state_folder(world, "packages", create=create)
    if parent is None:
        return None
    folder = f"{parent}\\{sha256}"
    if world.file(folder) is None:
        if not create:
            return None
        entry = {"directory": True, "owner": "S-1-5-32-544", "reparse": False}
        world.put_file(folder, entry, by=BY)
    assert_trusted(world, folder)
    return folder


def _plain(world: World, path: str) -> dict[str, Any] | None:
    entry = world.file(path)
    if entry is not None and (entry.get("directory") or entry.get("reparse")):
        raise refused(f"{path} is not a plain file. {_PLAIN}")
    return entry


def _brief(world: World, folder: str | None, package: str) -> dict[str, Any]:
    for state, path in (
        ("complete", f"{folder}\\{package}"),
        ("partial", f"{folder}\\{package}.partial"),
    ):
        entry = _plain(world, path) if folder else None
        if entry is not None:
            return {"state": state, "bytes": len(content(entry))}
    return {"state": "absent", "bytes": 0}


def _condition(world: World, package: str, sha256: str, size: int) -> dict[str, Any]:
    absent = {"state": "absent", "bytes": 0, "sha256": None, "path": None}
    folder = _folder(world, sha256)
    if folder is None:
        return absent
    path, state = f"{folder}\\{package}", "damaged"
    entry = _plain(world, path)
    if entry is None:
        path, state = f"{path}.partial", "partial"
        entry = _plain(world, path)
    if entry is None:
        return absent
    found, actual = len(content(entry)), sha256_of(world, path)
    if state == "damaged" and (found, actual) == (size, sha256):
        state = "complete"
    return {"state": state, "bytes": found, "sha256": actual, "path": path}


def _check_space(world: World, size: int) -> None:
    free = _free(world)
    if free < size + _ROOM:
        message = (
            f"the drive of C:\\ProgramData has {free} bytes free, the package needs {size} and "
            "512 MB are kept; make room and run again"
        )
        raise OperationError("ScriptFailed", message, identity="DiskFull")


def _free(world: World) -> int:
    return int(world.data["drives"]["C"]["free_bytes"])
