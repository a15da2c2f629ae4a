# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsed Exchange server on which stand-ins for Microsoft's detection tools behave as told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.request import (
    DetectRequest,
    WantedTool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.run import (
    detect_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.runtime import (
    DetectRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.tool_records import (
    ToolRecord,
    utc,
)
from rehearsed_host import OWNER, Killed, RehearsedHost

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.result import (
        DetectResult,
    )

AT = datetime(2021, 3, 10, 12, tzinfo=UTC)
SINCE = datetime(2021, 1, 1, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"},
    "now": "2021-03-10T12:00:00Z",
}
MSERT_LOG = "C:\\Windows\\debug\\msert.log"
AGES = [
    "OabGen",
    "Ecp",
    "AutoDProxy",
    "EasProxy",
    "EcpProxy",
    "EwsProxy",
    "MapiProxy",
    "OabProxy",
    "OwaProxy",
    "OwaCalendarProxy",
    "PowershellProxy",
    "RpcHttpProxy",
]
HIT = {
    "DateTime": "2021-03-03T06:49:43.162Z",
    "ClientIpAddress": "203.0.113.77",
    "UrlStem": "/ecp/y.js",
    "AnchorMailbox": "ServerInfo~a]@ex01.corp.example:444/ecp/proxyLogon.ecp?#",
    "HttpStatus": "241",
}


def found_object(age: str | None = "90.5", **members: Any) -> dict[str, Any]:
    """The object of Test-ExchangeProxyLogon; ``age``: of all logs, None: there is no Exchange."""
    ages = None if age is None else dict.fromkeys(AGES, age)
    plain: dict[str, Any] = {
        "ComputerName": "EX01",
        "Cve26855": {"Hits": [], "FileList": []},
        "Cve26857": [],
        "Cve26858": {"downloadPaths": [], "filePaths": []},
        "Cve27065": {"resetVDirHits": [], "resetVDirFiles": [], "setVDirMaliciousUrlLogs": None},
        "LogAgeDays": ages,
        "IssuesFound": False,
        "Suspicious": None,
    }
    return {**plain, **members}


def file(path: str, text: str, **more: Any) -> dict[str, Any]:
    """What a program writes."""
    return {"kind": "file", "path": path, "text": text, **more}


CLEAN_TEXT = "ProxyLogon Status: Exchange Server EX01\r\n  Nothing suspicious detected\r\n\r\n"
HIT_TEXT = (
    "ProxyLogon Status: Exchange Server EX01\r\n"
    "  [CVE-2021-26855] Suspicious activity found in Http Proxy log!\r\n"
)


def proxylogon(
    found: dict[str, Any] | None = None, text: str = CLEAN_TEXT, **more: Any
) -> dict[str, Any]:
    """How the stand-in of Test-ProxyLogon behaves; ``found``: its object, None: it leaves none."""
    effects = []
    if found is not None:
        end = {"schema": 1, "objects": 1, "report": True, "errors": more.pop("errors", [])}
        effects = [
            file("%JobOutput%\\object.json", json.dumps(found)),
            file("%JobOutput%\\report\\EX01-LogAgeDays.csv", ages_csv(found["LogAgeDays"])),
            file("%JobOutput%\\complete.json", json.dumps(end)),
        ]
        hits = found["Cve26855"]["Hits"] if found["Cve26855"] else []
        if hits:
            rows = "".join(",".join(f'"{v}"' for v in hit.values()) + "\r\n" for hit in hits)
            head = ",".join(f'"{name}"' for name in HIT)
            effects.append(
                file("%JobOutput%\\report\\EX01-Cve-2021-26855.csv", f"{head}\r\n{rows}")
            )
    return {"duration_seconds": 67, "exit_code": 0, "output": text, "effects": effects, **more}


def ages_csv(ages: dict[str, str] | None) -> str:
    """The ages as Export-Csv of Windows PowerShell writes them."""
    if ages is None:
        return ""
    head, row = (",".join(f'"{x}"' for x in part) for part in (ages, ages.values()))
    return f"#TYPE System.Management.Automation.PSCustomObject\r\n{head}\r\n{row}\r\n"


CLEAN_SCAN = "No infection found.\r\n"


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
        f"{summary or CLEAN_SCAN}"
        "Microsoft Safety Scanner Finished On Wed Mar 10 18:35:58 2021\r\n\r\n\r\n"
        f"Return code: {code} (0x{code:x})\r\n"
    )


def scanner(log: str | None, exit_code: int = 0, **more: Any) -> dict[str, Any]:
    """How the stand-in of the Safety Scanner behaves; ``log``: what it adds to its log."""
    effects = [] if log is None else [file(MSERT_LOG, log, append=True, encoding="utf-16")]
    return {"duration_seconds": 21_000, "exit_code": exit_code, "effects": effects, **more}


@dataclass
class DetectedHost(RehearsedHost):
    """One server, one controller with its case folder, and a store with both tools."""

    AT = AT
    SPEC = SPEC
    folder: Path
    script: dict[str, Any] = field(default_factory=lambda: proxylogon(found_object()))
    msert: dict[str, Any] = field(default_factory=lambda: scanner(scan_log()))
    version: str = "21.03.18.1900"
    dated: datetime = AT - timedelta(days=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.data["programs"] = [
            {"match": "powershell.exe", "behaviour": self.script},
            {"match": "msert.exe", "behaviour": self.msert},
        ]
        self.case = self.folder / "case"
        self.store = PackageCatalogue(
            "0" * 32,
            1,
            AT,
            AT + timedelta(days=30),
            (),
            tools=(
                self.record_of("test-proxylogon", self.version),
                self.record_of("msert", "1.333.160.0"),
                self.record_of("nmap-script", "21.03.09.2327"),
            ),
        )

    def record_of(self, tool: str, version: str) -> ToolRecord:
        """A record of a stand-in, whose bytes lie beside the case."""
        known = detection_tool(tool)
        data = f"a stand-in for {tool}".encode()
        path = self.folder / known.file
        path.write_bytes(data)
        digest, dated = hashlib.sha256(data).hexdigest(), utc(self.dated)
        return ToolRecord(
            digest, len(data), known.file, tool, version, None, "operator", dated, ("a test",),
            None, None, dated,
        )  # fmt: skip

    def detect(self, *tools: str, run: str = "run-1", **changes: Any) -> DetectResult:
        """Run these tools, ``test-proxylogon`` without any."""
        wanted = []
        for name in tools or ("test-proxylogon",):
            tool, _, mode = name.partition("/")
            known = detection_tool(tool)
            chosen = known.mode(mode or "default")
            wanted.append(WantedTool(known, chosen, chosen.longest_seconds))
        given: dict[str, Any] = {
            "host": "ex01",
            "run": run,
            "owner": OWNER,
            "tools": tuple(wanted),
            "since": SINCE,
            "case": self.case,
        }
        runtime = DetectRuntime(
            load(),
            sleep=self.sleep,
            clock=self.clock,
            now=self.now,
            record=self.record,
            life=self.life,
            store=changes.pop("store", self.store),
            local=lambda record: self.folder / record.file,
            deliver=lambda delivery: push(
                delivery, self.folder / delivery.package.file, clock=self.clock
            ),
            **{name: changes.pop(name) for name in ("admit",) if name in changes},
        )
        return detect_host(DetectRequest(**{**given, **changes}), self.transport(), runtime)

    def killed(self, at: int, *tools: str) -> None:
        """Detect until the controller dies ahead of its command number ``at``."""
        self.kill_at = at
        try:
            self.detect(*tools)
        except Killed:
            return
        finally:
            self.kill_at = None
