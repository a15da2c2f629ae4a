# SPDX-License-Identifier: GPL-3.0-or-later
"""Host results and reports as the writers' tests need them."""

from __future__ import annotations

from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.report.document import build

RUN = {
    "id": "20210305T100000Z-proxylogon",
    "started": "2021-03-05T10:00:00Z",
    "finished": "2021-03-05T10:02:00Z",
    "check_mode": False,
    "campaign": {"id": "proxylogon", "title": "ProxyLogon", "directive": "ED 21-02"},
    "catalogue": {"builds": 393},
}
TOOL = {"name": "exchange-remediation", "version": "0.1.0"}


def exposure(cve: str, word: str, reason: str = "build 15.1.2176.2") -> dict[str, Any]:
    return {
        "cve": cve, "exposure": word, "reason": reason, "source": "catalogue", "fixed_build": None,
        "update": None, "action": "install KB5000871" if word == "vulnerable" else None,
        "campaign": "proxylogon",
    }  # fmt: skip


def check(
    name: str, status: str, severity: str = "medium", summary: str = "seen"
) -> dict[str, Any]:
    return {
        "check": name, "title": name.replace(".", " "), "status": status, "severity": severity,
        "summary": summary, "remedy": None, "clause": None, "source": None, "evidence": {},
    }  # fmt: skip


def host_result(
    host: str,
    verdict: str = "fixed",
    exposures: list[dict[str, Any]] | None = None,
    checks: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    identity = {
        "name": host.upper(), "product": "Exchange2016", "cumulative_update": "CU19",
        "build": "15.1.2176.2", "update": None, "roles": ["Mailbox"], "dag": None,
        "os": "Windows Server 2016", "supported": True, "support_note": None,
    }  # fmt: skip
    return {
        "host": host, "address": "127.77.0.1", "state": "assessed", "reason": None,
        "assessment": {
            "campaign": "proxylogon", "at": "2021-03-05T10:00:00Z", "identity": identity,
            "verdict": verdict, "exposures": exposures or [], "checks": checks or [],
            "other_open_cves": [
                {"exposure": "vulnerable", "action": "install KB5001779", "cves": ["CVE-2021-28480"]}
            ],
        },
        "facts": {}, "errors": [], "clock_offset_seconds": -1.5, "timing": {}, "peer": None,
    }  # fmt: skip


def unreached(host: str, state: str = "unreachable", reason: str = "refused") -> dict[str, Any]:
    return {"host": host, "address": "127.77.0.9", "state": state, "reason": reason}


def compromise(state: str | None, text: str = "seen", *scans: tuple[str, str]) -> dict[str, Any]:
    """What detection tools said; ``text``: in all that comes of a host; ``scans``: (state, day)."""
    finding = {
        "id": text, "title": text, "detail": text,
        "evidence": {"file": "run/EX1/detection/job/0001.bin", "origin": text, "sha256": "a" * 64, "place": text},
    }  # fmt: skip
    check = {
        "id": "test-proxylogon/CVE-2021-26855", "tool": "test-proxylogon", "title": text,
        "state": state or "no-indicator", "reasons": [text],
        "findings": [finding] if state == "indicator-found" else [],
        "coverage": [{"source": text, "first": "2021-01-01T00:00:00Z", "last": None, "gaps": [text]}],
    }  # fmt: skip
    run = {
        "tool": "test-proxylogon", "mode": "default", "started": "2021-03-20T10:00:00Z",
        "finished": "2021-03-20T10:10:00Z", "complete": True, "state": state or "no-indicator",
        "by": text, "record": text, "file_sha256": None, "file_dated": None,
    }  # fmt: skip
    return {
        "state": state, "reasons": [text], "since": "2020-09-01T00:00:00Z" if state else None,
        "checks": [check] if state else [], "runs": [run] if state else [],
        "scans": [
            {"number": number, "due": f"{day}T16:00:00Z", "state": word, "late": word == "late",
             "why": text if word == "late" else "", "done": run if word == "done" else None}
            for number, (word, day) in enumerate(scans)
        ],
    }  # fmt: skip


def report(
    *results: dict[str, Any],
    inventory: list[str] | None = None,
    compromise: dict[str, dict[str, Any]] | None = None,
    unreadable: dict[str, str] | None = None,
) -> dict[str, Any]:
    by_name = {item["host"]: item for item in results}
    return build(
        run={**RUN, "unreadable": unreadable or {}},
        tool=TOOL,
        inventory=inventory or list(by_name),
        results=by_name,
        compromise=lambda host: (compromise or {}).get(host["host"]),
    )


CLEAN = host_result("ex1", "fixed", [exposure("CVE-2021-26855", "fixed")], [check("a.b", "pass")])
OPEN = host_result(
    "ex2", "vulnerable", [exposure("CVE-2021-26855", "vulnerable")], [check("a.b", "unknown")]
)
FOUND = host_result(
    "ex3", "fixed", [exposure("CVE-2021-26855", "fixed")], [check("reboot.pending", "finding")]
)
DARK = host_result("ex4", "unknown", [exposure("CVE-2021-26855", "unknown")])

# Everything that a host may try to have interpreted somewhere; each must come out inert (I4).
HOSTILE = (
    "{{ lookup('pipe', 'touch canary') }}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "\t=1",
    "\uff1d1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe",
    "\ud800 lone",
    "]]>&amp;<!--",
    "\x00nul",
    "line\r\nbreak",
)
