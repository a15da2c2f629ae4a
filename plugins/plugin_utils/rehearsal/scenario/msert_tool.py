# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stand-in for the Microsoft Safety Scanner behaves: the block that a scan adds to msert.log, and its end.

Source: two published logs of quick scans (2024), read 2026-11-30; the heading of a full scan is [inf].
"""

from __future__ import annotations

from typing import Any

LOG = "C:\\Windows\\debug\\msert.log"
_QUIET = "No infection found.\r\n"
_SECONDS = 21_000


def scan_log(kind: str = "Full", threats: tuple[str, ...] = (), code: int | None = None) -> str:
    """One block of msert.log; ``code``: -1 for one that breaks off."""
    found = "".join(
        f"Threat Detected: {name}, not removed.\r\n    Action: NoAction, Result: 0x00000000\r\n"
        f"        file://C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx\r\n"
        for name in threats
    )
    head = (
        "Microsoft Safety Scanner v1.333, (build 1.333.160.0)\r\n"
        "Started On Wed Mar 10 12:00:01 2021\r\n\r\nEngine: 1.1.17900.7\r\n"
        f"Run Mode: Scan Run in Quiet Mode\r\n\r\n{kind} Scan Results:\r\n-------------------\r\n"
    )
    summary = "".join(f"Found {name}, not removed.\r\n" for name in threats)
    if code == -1:
        return head + found
    code = (7 if threats else 0) if code is None else code
    return (
        f"{head}{found}\r\nResults Summary:\r\n----------------\r\n"
        f"{summary or _QUIET}"
        "Microsoft Safety Scanner Finished On Wed Mar 10 18:35:58 2021\r\n\r\n\r\n"
        f"Return code: {code} (0x{code:x})\r\n"
    )


def scanner(log: str | None, exit_code: int = 0, **more: Any) -> dict[str, Any]:
    """How it behaves (``world/effects.py``); ``log``: what it adds to its log, None: nothing."""
    effects = []
    if log is not None:
        effects = [{"kind": "file", "path": LOG, "text": log, "append": True, "encoding": "utf-16"}]
    return {"duration_seconds": _SECONDS, "exit_code": exit_code, "effects": effects, **more}
