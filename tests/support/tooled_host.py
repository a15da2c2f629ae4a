# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsed Exchange server on which a stand-in for a script of Microsoft behaves as told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.runtime import Runtime
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import Pin
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.request import (
    ScriptRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.run import (
    run_tool_on,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from rehearsed_host import Killed, RehearsedHost

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
        ByScriptResult,
    )

AT = datetime(2021, 3, 10, 12, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "now": "2021-03-10T12:00:00Z",
    "url_rewrite": "7.2.1993",
}
CONFIG = "C:\\inetpub\\wwwroot\\web.config"
KEY = "HKLM\\SOFTWARE\\MSERTBootstrap\\PatchState"
# Stand-ins of our own, told apart by the parameters that they declare.
EOMT = "param ([switch] $DoNotAutoUpdateEOMT, [switch] $DoNotRunMSERT)\r\n'stand-in'\r\n"
MITIGATIONS = "param ($ApplyBackendCookieMitigation, $RollbackBackendCookieMitigation)\r\n"
UNIFIED = "param ([switch] $ShowMitigationStatus, [string[]] $SkipExchangeServerNames)\r\n"
VERSION = "21.05.27.0855"
RULES = build_world({**SPEC, "mitigations": ["backend-cookie"]}, at=AT).text(CONFIG)
PLAIN = build_world(SPEC, at=AT).text(CONFIG)
STAMP = "2564-03-10 12.00.01"
GOOD = {
    "EOMTStart": "1 EOMT.ps1 completed successfully",
    "MitigationProcess": "1 Mitigation complete",
    "Timestamp": STAMP,
}
BAD = {
    "EOMTStart": "0 EOMT.ps1 failed to complete",
    "MitigationProcess": "0 Mitigation failed",
    "Timestamp": STAMP,
}
BACK = {
    "EOMTStart": "1 EOMT.ps1 completed successfully",
    "MitigationProcess": "1 Rollback of mitigation complete",
    "Timestamp": STAMP,
}


def does(
    values: dict[str, str] | None = None, config: str | None = None, **more: Any
) -> dict[str, Any]:
    """What the stand-in leaves behind: values of the registry, and a web.config."""
    effects: list[dict[str, Any]] = [
        {"kind": "registry", "key": KEY, "name": name, "value": value}
        for name, value in (values or {}).items()
    ]
    if config is not None:
        effects.append({"kind": "file", "path": CONFIG, "text": config})
    # Pauses are spread at random; this duration is far from where the number of questions changes.
    return {"duration_seconds": 7, "exit_code": 0, "effects": effects, **more}


@dataclass
class ToolHost(RehearsedHost):
    """One server, and one controller with its case folder."""

    AT = AT
    SPEC = SPEC
    folder: Path
    behaviour: dict[str, Any] = field(default_factory=lambda: does(GOOD, RULES))
    text: str = EOMT
    tool: str = "eomt"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.data["programs"] = [{"match": ".ps1", "behaviour": self.behaviour}]
        self.file = self.folder / "renamed.ps1"
        self.file.write_bytes(self.text.encode())
        self.case = self.folder / "case" / "ex01"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def request(self, **changes: Any) -> ScriptRequest:
        given: dict[str, Any] = {
            "host": "ex01",
            "tool": self.tool,
            "source": self.file,
            "intent": ScriptIntent.MITIGATE,
            "kept": self.case,
            "mitigations": ("backend-cookie",),
            "pin": Pin(self.sha256, VERSION),
            "seconds": 3600,
        }
        return ScriptRequest(**{**given, **changes})

    def act(
        self, run: str = "run-1", owner: str = "controller-a", **changes: Any
    ) -> ByScriptResult:
        session = self.session(run, owner)
        hooks = {name: changes.pop(name) for name in ("admit",) if name in changes}
        world = Runtime(load(), clock=self.clock, now=self.now, **hooks)
        return run_tool_on(session, self.request(**changes), None, world)

    def killed(self, at: int, **changes: Any) -> None:
        """Act until the controller dies ahead of its command number ``at``."""
        self.kill_at = at
        try:
            self.act(**changes)
        except Killed:
            return
        finally:
            self.kill_at = None
