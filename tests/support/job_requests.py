# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders and programs that the tests of host jobs have in common."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

OWNER = "controller-a"
LOCK = {"owner": OWNER, "run": "run-1", "purpose": "install KB5000871", "ttl_seconds": 86400}
PATCH = "C:\\Packages\\Exchange2016-KB5000871-x64.msp"
CONTENT = "the bytes of an update"
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
JOBS = "C:\\ProgramData\\ExchangeRemediation\\jobs"
DEADLINE = "2021-03-05T16:00:00.0000000Z"
SETUP_IMAGE = "C:\\Packages\\ExchangeServer2016-x64-CU23.iso"
KEYS_OF_IMAGE: dict[str, Any] = {
    "file": SETUP_IMAGE,
    "arguments": ["/IAcceptExchangeServerLicenseTerms", "/Mode:Upgrade"],
    "progress_paths": ["C:\\ExchangeSetupLogs"],
}
SETUP = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
EFFECTS: list[dict[str, Any]] = [
    {"kind": "registry", "key": SETUP, "name": "Patched", "type": "DWord", "value": 1},
    {"kind": "service", "name": "W3SVC", "start": 4, "status": "Stopped"},
    {"kind": "file-version", "path": "C:\\Bin\\ExSetup.exe", "version": "15.01.2176.009"},
    {"kind": "file", "path": "C:\\ExchangeSetupLogs\\ServicePack.log", "text": "done"},
    {"kind": "pending-reboot"},
]


def order(**changes: Any) -> dict[str, Any]:
    """The parameters of Start-HostJob."""
    wanted = {
        "job": "kb5000871",
        "file": PATCH,
        "arguments": ["/quiet", "/norestart", "/l*v", "C:\\Logs of ours\\kb.log"],
        "sha256": SHA256,
        "deadline_utc": DEADLINE,
        "progress_timeout_seconds": 600,
        "lock_of": OWNER,
    }
    return {**wanted, **changes}


def prepare(world: World, **behaviour: Any) -> World:
    """Put the package there and say how its installer behaves."""
    world.put_file(PATCH, {"text": CONTENT, "mtime": "2021-03-05T09:00:00Z"}, by="test")
    entry = {"size": 1000, "version": {"file": "15.01.2176.002", "product": "15.01.2176.002"}}
    world.put_file("C:\\Bin\\ExSetup.exe", {**entry, "mtime": "2021-03-01T00:00:00Z"}, by="test")
    world.data["programs"] = [{"match": "KB5000871", "behaviour": behaviour}]
    return world


def prepare_image(world: World, *problems: dict[str, Any], **behaviour: Any) -> World:
    """Put an image there, say what is wrong with it and how its setup.exe behaves."""
    prepare(world, **behaviour)
    world.put_file(SETUP_IMAGE, {"text": CONTENT, "mtime": "2021-03-05T09:00:00Z"}, by="test")
    world.data["programs"] = [{"match": "setup.exe", "behaviour": behaviour}]
    world.data["images"] = [dict(rule) for rule in problems]
    return world


def launches(world: World) -> list[str]:
    """The command lines of all programs that ever started there."""
    return [m["target"] for m in world.mutations if m["kind"] == "program"]
