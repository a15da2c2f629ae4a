# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as hosts write them, and as hostile ones could."""

from __future__ import annotations

import json
from typing import Any

ID, NONCE = "1d" * 16, "5e" * 16
OTHER = "99" * 16

HOST = {
    "name": "EX01",
    "clock": "2021-03-05T10:00:00.0000000Z",
    "boot_id": "boot:7",
    "powershell": "5.1.14393.693",
    "language_mode": "FullLanguage",
    "process_id": 4711,
}


def document(**changes: Any) -> dict[str, Any]:
    reply = {
        "schema": 1,
        "operation": "Get-HostLock",
        "status": "ok",
        "replayed": False,
        "key": None,
        "collected_at": "2021-03-05T10:00:00.0000000Z",
        "host": HOST,
        "script_sha256": "ab" * 32,
        "duration_ms": 12,
        "result": {"state": "free"},
        "errors": [],
    }
    return reply | changes


def failure(error_class: str, message: str = "why", **more: Any) -> dict[str, Any]:
    entry = {"source": "operation", "class": error_class, "id": "SomeId", "message": message}
    return document(status="error", result=None, errors=[entry | more])


def frame(
    reply: dict[str, Any] | str | None = None,
    *,
    operation_id: str = ID,
    nonce: str = NONCE,
    end: str | None = None,
    version: int = 1,
) -> bytes:
    inner = reply if isinstance(reply, str) else json.dumps(reply or document())
    head = f'{{"exchange_remediation":{version},"operation_id":"{operation_id}","nonce":"{nonce}"'
    return f'{head},"reply":{inner},"end":"{nonce if end is None else end}"}}\n'.encode()
