# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stand-in for Test-ProxyLogon.ps1 behaves: its object, files, text and end, as recorded runs have them.

Source: runs of the unmodified scripts of v21.03.18.1900 and f88378b1e on 22 simulated hosts, read 2026-11-23.
The content is made up.
"""

from __future__ import annotations

import json
from typing import Any

# The columns of its table of log ages.
AGES = (
    "OabGen", "Ecp", "AutoDProxy", "EasProxy", "EcpProxy", "EwsProxy", "MapiProxy", "OabProxy",
    "OwaProxy", "OwaCalendarProxy", "PowershellProxy", "RpcHttpProxy",
)  # fmt: skip
HIT = {
    "DateTime": "2021-03-03T06:49:43.162Z",
    "ClientIpAddress": "203.0.113.77",
    "UrlStem": "/ecp/y.js",
    "AnchorMailbox": "ServerInfo~a]@ex01.corp.example:444/ecp/proxyLogon.ecp?#",
    "HttpStatus": "241",
}
_EVENT = {
    "TimeCreated": "3/3/2021 7:02:11 AM",
    "MachineName": "EX01",
    "Message": "Watson report about to be sent for process id: 4242, System.InvalidCastException.",
}
_WORDS = {
    "CVE-2021-26855": "  [CVE-2021-26855] Suspicious activity found in Http Proxy log!",
    "CVE-2021-26857": "  [CVE-2021-26857] Suspicious activity found in Eventlog!",
    "CVE-2021-26858": "  [CVE-2021-26858] Suspicious activity found in OAB generator logs!",
    "CVE-2021-27065": "  [CVE-2021-27065] Suspicious activity found in ECP logs!",
}
FINDINGS = tuple(_WORDS)
_HEAD = "ProxyLogon Status: Exchange Server {0}\r\n"
_QUIET = "  Nothing suspicious detected\r\n\r\n"
_SKIPPED = (
    "  Exchange 2013 or later not found. Skipping CVE-2021-26855 test.\r\n"
    "  Exchange 2013 or later not found. Skipping CVE-2021-26858 test.\r\n"
    "  Exchange 2013 or later not found. Skipping log age checks.\r\n"
)


def found_object(
    age: str | None = "90.5", computer: str = "EX01", **members: Any
) -> dict[str, Any]:
    """The object of Test-ExchangeProxyLogon; ``age``: of all logs, None: there is no Exchange."""
    plain: dict[str, Any] = {
        "ComputerName": computer,
        "Cve26855": {"Hits": [], "FileList": []},
        "Cve26857": [],
        "Cve26858": {"downloadPaths": [], "filePaths": []},
        "Cve27065": {"resetVDirHits": [], "resetVDirFiles": [], "setVDirMaliciousUrlLogs": None},
        "LogAgeDays": None if age is None else dict.fromkeys(AGES, age),
        "IssuesFound": False,
        "Suspicious": None,
    }
    return {**plain, **members}


def entered_object(findings: list[str], age: str | None, computer: str = "EX01") -> dict[str, Any]:
    """The object where it found something of each kind that is named."""
    members: dict[str, Any] = {"IssuesFound": bool(findings)}
    if "CVE-2021-26855" in findings:
        log = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\HttpProxy\\Ecp\\HttpProxy_2021030306-1.LOG"
        members["Cve26855"] = {"Hits": [HIT], "FileList": [log]}
    if "CVE-2021-26857" in findings:
        members["Cve26857"] = [_EVENT]
    if "CVE-2021-26858" in findings:
        path = "C:\\inetpub\\wwwroot\\aspnet_client\\supp0rt.aspx"
        members["Cve26858"] = {"downloadPaths": [path], "filePaths": [path]}
    if "CVE-2021-27065" in findings:
        log = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\ECP\\Server\\ECPServer20210303-1.LOG"
        members["Cve27065"] = {
            "resetVDirHits": [], "resetVDirFiles": [], "setVDirMaliciousUrlLogs": [log],
        }  # fmt: skip
    return found_object(age, computer, **members)


def text_of(findings: list[str], computer: str = "EX01", *, skipped: bool = False) -> str:
    """What it prints."""
    found = "".join(f"{_WORDS[name]}\r\n" for name in findings)
    head = _HEAD.format(computer)
    return (_SKIPPED if skipped else "") + head + (f"{found}\r\n" if found else _QUIET)


def behaviour(
    found: dict[str, Any] | None = None, text: str | None = None, **more: Any
) -> dict[str, Any]:
    """How it behaves (``world/effects.py``); ``found``: its object, None: it leaves nothing."""
    effects = []
    if found is not None:
        name = found["ComputerName"]
        end = {"schema": 1, "objects": 1, "report": True, "errors": more.pop("errors", [])}
        effects = [
            _file("%JobOutput%\\object.json", json.dumps(found)),
            _file(f"%JobOutput%\\report\\{name}-LogAgeDays.csv", ages_csv(found["LogAgeDays"])),
            _file("%JobOutput%\\complete.json", json.dumps(end)),
        ]
        hits = found["Cve26855"]["Hits"] if found["Cve26855"] else []
        if hits:
            head, rows = _row(hits[0]), "".join(_row(hit.values()) for hit in hits)
            path = f"%JobOutput%\\report\\{name}-Cve-2021-26855.csv"
            effects.append(_file(path, f"{head}{rows}"))
    said = text_of([]) if text is None else text
    return {"duration_seconds": 67, "exit_code": 0, "output": said, "effects": effects, **more}


def ages_csv(ages: dict[str, str] | None) -> str:
    """The ages as Export-Csv of Windows PowerShell writes them."""
    if ages is None:
        return ""
    head = "#TYPE System.Management.Automation.PSCustomObject\r\n"
    return f"{head}{_row(ages)}{_row(ages.values())}"


def _row(values: Any) -> str:
    return ",".join(f'"{value}"' for value in values) + "\r\n"


def _file(path: str, text: str) -> dict[str, Any]:
    return {"kind": "file", "path": path, "text": text}
