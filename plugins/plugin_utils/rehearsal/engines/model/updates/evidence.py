# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells a whole update from a half one, and who has taken components out, as the scripts do."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..context import stamp
from ..errors import thrown

if TYPE_CHECKING:
    from ..context import Context

_VERSION = re.compile(r"\d{1,5}(\.\d{1,5}){3}\Z", re.ASCII)
_STATE = re.compile(r"1:([012]):([1-9]\d{17})\Z", re.ASCII)
_STATES = ("Inactive", "Active", "Draining")
_MOST_FILES, _MOST_VERSIONS, _MOST_NAMES = 5000, 30, 5
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


def _version(text: object) -> str | None:
    trimmed = str(text or "").strip()
    if not _VERSION.match(trimmed):
        return None
    return ".".join(str(int(part)) for part in trimmed.split("."))


def versions(context: Context, fact: dict[str, Any] | None) -> dict[str, Any]:
    """Count the programs and libraries of the product in Bin by their version."""
    if not fact or not fact["install_path"]:
        raise thrown("the install path is not known")
    own = _version(fact["exsetup"]["file_version"]) if fact["exsetup"] else None
    if own is None:
        raise thrown("the version of ExSetup.exe is not known")
    product = ".".join(own.split(".")[:2]) + "."
    items = [
        (name, entry)
        for name, entry in context.world.children(fact["install_path"].rstrip("\\") + "\\Bin")
        if not entry.get("directory") and name.lower().endswith((".dll", ".exe"))
    ]
    found = {}
    for name, entry in items[:_MOST_FILES]:
        version = _version((entry.get("version") or {}).get("file"))
        if version and version.startswith(product):
            found[name.lower()] = version
    return _counted(found, truncated=len(items) > _MOST_FILES)


def _counted(found: dict[str, str], *, truncated: bool) -> dict[str, Any]:
    names = sorted(found, key=str.upper)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(found[name], []).append(name)
    lines = "".join(f"{name}|{found[name]}\n" for name in names)
    return {
        "files": len(names),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "truncated": truncated or len(groups) > _MOST_VERSIONS,
        "versions": [
            {
                "version": version,
                "files": len(groups[version]),
                "names": groups[version][:_MOST_NAMES],
            }
            for version in sorted(groups)[:_MOST_VERSIONS]
        ],
    }


def components(context: Context, fact: dict[str, Any] | None) -> list[dict[str, Any]]:
    """List what requesters have said about components, by the registry of the server."""
    if not fact or not fact["registry_key"]:
        raise thrown("the setup key of Exchange is not known")
    root = (
        f"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\{fact['registry_key']}\\ServerComponentStates"
    )
    rows = []
    for component in sorted(context.world.subkeys(root), key=str.upper):
        path = f"{root}\\{component}"
        for requester in sorted(context.world.key(path) or {}, key=str.upper):
            row = {"component": component, "requester": requester, "state": None, "changed": None}
            read = _STATE.match(str(context.value(path, requester)))
            if read:
                moment = _YEAR_ONE + timedelta(microseconds=int(read[2]) // 10)
                row["state"] = _STATES[int(read[1])]
                row["changed"] = f"{stamp(moment)[:-2]}{int(read[2]) % 10}Z"
            rows.append(row)
    return rows
