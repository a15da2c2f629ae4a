# SPDX-License-Identifier: GPL-3.0-or-later
"""The state folder of a host: trusted or refused, and replies kept by key."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..context import stamp
from ..errors import OperationError
from ..frame import PROCESS_ID, encode

if TYPE_CHECKING:
    from ....world.world import World

BY = "model"
_FOLDER = "C:\\ProgramData\\ExchangeRemediation"
_TRUSTED = ("S-1-5-18", "S-1-5-32-544")
# What a folder below %ProgramData% inherits: full control for SYSTEM and Administrators.
_INHERITED = "D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)"
_ALLOWING = re.compile(r"\((?:A|OA|XA);[^;)]*;([^;)]*);[^;)]*;[^;)]*;([^;)]*)")
_WRITERS = {"SY", "BA", "CO", "OW", "S-1-5-18", "S-1-5-32-544", "S-1-3-0", "S-1-3-4"}
_READING = {"FR", "GR", "FX", "FRFX", "GRGX", "0x1200a9", "0x120089"}
_KEY = re.compile(r"[0-9a-f]{64}\Z")
_REPLAYED = re.compile(
    r'\A(\{"schema":1,"operation":"[\w-]+","status":"\w+","replayed":)false', re.ASCII
)
_CURE = "Look at what is in it, keep it as evidence, move it away and run again"


def refused(message: str) -> OperationError:
    """Return the failure for a state folder or file that is not as ours are."""
    return OperationError("ScriptFailed", message, identity="StateRefused")


def state_folder(world: World, child: str | None = None, *, create: bool = False) -> str | None:
    """Return the state folder or one in it; ``None`` when it is not there and not created.

    Raises for a link, a file or a folder of a foreign owner: everybody may create folders in
    %ProgramData%, so one that stands there already could have been prepared.
    """
    folder = _FOLDER
    for path in (_FOLDER, f"{_FOLDER}\\{child}" if child else None):
        if path is None:
            break
        folder = path
        if world.file(path) is None:
            if not create:
                return None
            entry = {"directory": True, "owner": "S-1-5-32-544", "reparse": False}
            world.put_file(path, entry, by=BY)
        assert_trusted(world, path)
    return folder


def assert_trusted(world: World, path: str) -> None:
    """Refuse a link, a file, and a folder that others own or may write."""
    entry = world.file(path) or {}
    if entry.get("reparse"):
        raise refused(f"{path} is a link to another place. {_CURE}")
    if not entry.get("directory"):
        raise refused(f"{path} is not a folder. {_CURE}")
    owner = str(entry.get("owner", "S-1-5-18"))
    access = str(entry.get("sddl", _INHERITED))
    if owner not in _TRUSTED:
        sddl = f"O:{owner}G:SY{access}"
        raise refused(f"{path} belongs to neither SYSTEM nor Administrators ({sddl}). {_CURE}")
    for rights, trustee in _ALLOWING.findall(access):
        if trustee not in _WRITERS and rights not in _READING:
            raise refused(f"{path} can be written by {trustee}. {_CURE}")


def assert_key(key: Any) -> str:
    """Return the key; raises RequestInvalid when it is not one."""
    if not isinstance(key, str) or not _KEY.match(key):
        raise OperationError(
            "RequestInvalid", f"the key '{key}' is not 64 hex digits", identity="Key"
        )
    return key


def stored_reply(world: World, folder: str, key: str) -> str | None:
    """Return the stored reply, marked as replayed; ``None`` when there is none."""
    text = world.text(f"{folder}\\{key}.json")
    if text is None:
        return None
    try:
        readable = json.loads(text).get("key") == key
    except (ValueError, AttributeError):
        readable = False
    if not readable:
        message = f"the stored reply of {key} is damaged; what the operation did is not known"
        raise OperationError("ScriptFailed", message, identity="StoredReplyUnreadable")
    return _REPLAYED.sub(r"\1true", text)


def started_marker(world: World, folder: str, key: str) -> dict[str, Any] | None:
    """Return who started the keyed operation; its process is always gone in the model."""
    text = world.text(f"{folder}\\{key}.started")
    if text is None:
        return None
    marker: dict[str, Any] = {"started": None, "process_id": None, "running": False}
    try:
        stored = json.loads(text)
        marker["started"] = str(stored["started"])
        marker["process_id"] = int(stored["process_id"])
    except (ValueError, KeyError, TypeError):
        return marker
    return marker


def start(world: World, folder: str, key: str) -> str | None:
    """Return the stored reply, or mark the key as started; raises when it must not run."""
    stored = stored_reply(world, folder, key)
    if stored is not None:
        return stored
    earlier = started_marker(world, folder, key)
    if earlier is not None:
        raise OperationError(
            "ScriptFailed",
            f"it was started at {earlier['started']} and its process is gone without a result; "
            "find out what it did, then use a new key",
            identity="OperationInterrupted",
            details=earlier,
        )
    now = stamp(world.clock())
    marker = {"started": now, "process_id": PROCESS_ID, "process_started": now}
    world.write_text(f"{folder}\\{key}.started", encode(marker), by=BY)
    return None


def complete(world: World, folder: str, key: str, text: str, failure: str | None) -> None:
    """Store the reply before it is sent; what was refused may be asked again."""
    if failure in ("Locked", "RequestInvalid"):
        world.delete_file(f"{folder}\\{key}.started", by=BY)
        return
    world.write_text(f"{folder}\\{key}.json", text, by=BY)


def operation_status(world: World, keys: list[Any]) -> dict[str, Any]:
    """Return per key what became of it."""
    folder = state_folder(world, "operations")
    found: dict[str, Any] = {}
    for key in map(assert_key, keys):
        entry: dict[str, Any] = {"state": "unknown", "reply": None, "started": None}
        if folder is not None:
            entry["started"] = started_marker(world, folder, key)
            reply = stored_reply(world, folder, key)
            if reply is not None:
                entry |= {"state": "finished", "reply": json.loads(reply)}
            elif entry["started"]:
                entry["state"] = "started"
        found[key] = entry
    return found
