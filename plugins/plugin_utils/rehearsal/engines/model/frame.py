# SPDX-License-Identifier: GPL-3.0-or-later
"""The reply and its frame, as bootstrap and prelude write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .context import stamp

if TYPE_CHECKING:
    from ...world.world import World
    from .errors import OperationError

PROCESS_ID = 4242
DURATION_MS = 1  # the model is never measured by its own word
_BOOT_COUNT = (
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\"
    "Memory Management\\PrefetchParameters"
)


def encode(value: Any) -> str:
    """Write JSON as the frame carries it: ASCII, no blanks."""
    return json.dumps(value, separators=(",", ":"))


def boot_id(world: World) -> str | None:
    """Return what tells this boot from another; each part only where it can be read."""
    count = world.value(_BOOT_COUNT, "BootId")
    parts = [] if count is None else [f"boot:{count}"]
    if world.data["session"].get("elevated", True):  # others may not ask when System started
        parts.append(f"system:{stamp(world.boot_time())}")
    return ";".join(parts) or None


def _no_boot_id() -> dict[str, str]:
    key = _BOOT_COUNT.replace("HKLM", "HKLM:", 1)
    return {
        "source": "host.boot_id",
        "class": "System.Management.Automation.ItemNotFoundException",
        "id": "PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand",
        "message": f"Cannot find path '{key}' because it does not exist.",
    }


def host_stamp(world: World, clock: str) -> dict[str, Any]:
    """Return who answers, when, in which boot, on which engine."""
    engine = world.data["powershell"]
    return {
        "name": world.name,
        "clock": clock,
        "boot_id": boot_id(world),
        "powershell": engine["version"],
        "language_mode": engine["language_mode"],
        "process_id": PROCESS_ID,
    }


def failure_entry(error: OperationError) -> dict[str, Any]:
    """Return the entry of errors[] for what ended the operation."""
    entry: dict[str, Any] = {"source": error.source, "class": error.kind, "id": error.identity}
    entry["message"] = str(error)
    if error.source != "operation":
        return entry
    if error.exception is not None:
        return {**entry, "exception": error.exception}
    return {**entry, "details": error.details}


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What an operation answers: status and the JSON texts of ``result`` and ``errors``."""

    result: str
    errors: str = "[]"
    status: str = "ok"
    failure: str | None = None  # class of what ended it

    @classmethod
    def failed(cls, error: OperationError) -> ModelReply:
        """Return the outcome of an operation that failed."""
        return cls("null", encode([failure_entry(error), *error.parts]), "error", error.kind)


def reply(world: World, request: dict[str, Any], outcome: ModelReply) -> str:
    """Return the reply of an operation that ran, also when it failed."""
    now = stamp(world.clock())
    errors = outcome.errors
    host = host_stamp(world, now)
    if host["boot_id"] is None:
        unknown = [_no_boot_id()]
        failure_first = outcome.failure is not None
        known = json.loads(errors)
        errors = encode([*known, *unknown] if failure_first else [*unknown, *known])
    return (
        f'{{"schema":1,"operation":{encode(request.get("operation"))},'
        f'"status":"{outcome.status}","replayed":false,"key":{encode(request.get("key"))},'
        f'"collected_at":"{now}","host":{encode(host)},'
        f'"script_sha256":{encode(request.get("sha256"))},"duration_ms":{DURATION_MS},'
        f'"result":{outcome.result},"errors":{errors}}}'
    )


def bootstrap_failure(world: World, request: dict[str, Any], error: OperationError) -> str:
    """Return the short reply of a request that never became an operation."""
    host = host_stamp(world, stamp(world.clock()))
    del host["boot_id"]
    return encode(
        {
            "schema": 1,
            "operation": request.get("operation") or "",
            "status": "error",
            "host": host,
            "errors": [failure_entry(error)],
        }
    )


def frame(request: dict[str, Any], text: str) -> str:
    """Put the frame around a reply; a line break stands first, against noise before it."""
    nonce = encode(request.get("nonce") or "")
    return (
        f'\n{{"exchange_remediation":1,"operation_id":{encode(request.get("operation_id") or "")},'
        f'"nonce":{nonce},"reply":{text},"end":{nonce}}}\n'
    )
