# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsed Exchange server on which stand-ins for Microsoft's detection tools behave as told."""

from __future__ import annotations

import hashlib
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
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.msert_tool import (
    scan_log,
    scanner,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.proxylogon_tool import (
    behaviour as proxylogon,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.proxylogon_tool import (
    found_object,
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


@dataclass
class DetectedHost(RehearsedHost):
    """One server, one controller with its case folder, and a store with both tools."""

    AT = AT
    SPEC = SPEC
    folder: Path
    script: dict[str, Any] | None = field(default_factory=lambda: proxylogon(found_object()))
    msert: dict[str, Any] | None = field(default_factory=lambda: scanner(scan_log()))
    version: str = "21.03.18.1900"
    dated: datetime = AT - timedelta(days=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.script and self.msert:  # else as the scenario of ``spec`` says
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
