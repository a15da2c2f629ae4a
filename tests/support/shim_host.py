# SPDX-License-Identifier: GPL-3.0-or-later
"""A small simulated host whose scripts run on the real engine with the shims."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

SETUP = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
CONFIG = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
_APPLICATION_HOST = """<?xml version="1.0" encoding="UTF-8"?>
<configuration><system.applicationHost>
  <applicationPools>
    <add name="DefaultAppPool" managedRuntimeVersion="v4.0" />
    <add name="A &amp; B" managedPipelineMode="Classic" />
    <applicationPoolDefaults managedRuntimeVersion="v2.0" />
  </applicationPools>
  <sites><site name="Default Web Site" id="1"><bindings>
    <binding protocol="http" bindingInformation="*:80:" />
    <binding protocol="https" bindingInformation="*:443:" />
  </bindings></site></sites>
</system.applicationHost></configuration>
"""


def _registry() -> dict[str, Any]:
    def value(kind: str, data: Any) -> dict[str, Any]:
        return {"type": kind, "value": data}

    return {
        SETUP: {
            "MsiInstallPath": value("String", "D:\\Exchange\\"),
            "MsiBuildMajor": value("DWord", 2176),
            "AllBits": value("DWord", 0xFFFFFFFF),
            "Folder": value("ExpandString", "%SystemRoot%\\Temp\\%Unknown%"),
            "Lines": value("MultiString", ["one", "two"]),
            "Bytes": value("Binary", [0, 255]),
            "(default)": value("String", "the default"),
        },
        f"{SETUP}\\Languages": {},
        f"{SERVICES}\\W3SVC": {
            "Start": value("DWord", 2),
            "DependOnService": value("MultiString", ["WAS"]),
        },
        f"{SERVICES}\\WAS": {"Start": value("DWord", 3)},
        f"{SERVICES}\\MSExchangeUM": {"Start": value("DWord", 4)},
    }


def world(**changes: Any) -> World:
    """Return the host that these tests look at, with some members replaced."""
    data: dict[str, Any] = {
        "name": "EX01",
        "domain": "rehearsal.example",
        "now": "2021-03-05T10:00:00Z",
        "boot_id": "42",
        "powershell": {"version": "5.1.14393.693", "clr": "4.0.30319.42000"},
        "session": {"user_sid": "S-1-5-21-1-2-3-500", "administrator": True, "elevated": True},
        "drives": {
            "C": {"total_bytes": 1000, "free_bytes": 400},
            "D": {"total_bytes": 2000, "free_bytes": 500},
        },
        "registry": _registry(),
        "files": {
            "D:\\Exchange\\Bin\\ExSetup.exe": {
                "size": 1000,
                "mtime": "2021-03-01T00:00:00Z",
                "version": {"file": "15.01.2176.009", "product": "15.01.2176.009"},
            },
            "C:\\inetpub\\logs\\U_ex.LOG": {"text": "häll\r\no", "mtime": "2021-02-01T00:00:00Z"},
            "C:\\Windows\\System32\\drivers": {"directory": True, "owner": "S-1-5-18"},
            "C:\\Link": {"directory": True, "reparse": True},
            CONFIG: {"text": _APPLICATION_HOST, "mtime": "2021-02-01T00:00:00Z"},
        },
        "services": {
            "W3SVC": {"status": "Running", "display_name": "World Wide Web Publishing Service"},
            "WAS": {"status": "Running", "display_name": "Windows Process Activation Service"},
            "MSExchangeUM": {"status": "Stopped", "display_name": "Unified Messaging"},
        },
        "iis_runtime": {
            "sites": {"Default Web Site": "Started"},
            "app_pools": {"DefaultAppPool": "Started", "A & B": "Stopped"},
        },
        "event_logs": {
            "Application": {
                "enabled": True,
                "oldest": "2021-01-01T00:00:00Z",
                "newest": "2021-03-05T09:59:00Z",
                "records": 3,
                "max_bytes": 20971520,
            },
            "Security": {"enabled": True, "oldest": None, "newest": None, "records": 0},
        },
        "processes": ["msiexec"],
    }
    return World({**data, **changes})


@dataclass(frozen=True, slots=True)
class Ran:
    """What a script left behind."""

    lines: list[str]
    stderr: str
    exit_code: int
    world: World

    @property
    def errors(self) -> str:
        """The error text out of the CLIXML, as one line a line."""
        found = re.findall(r'<S S="Error">(.*?)</S>', self.stderr, re.DOTALL)
        return "".join(found).replace("_x000D__x000A_", "\n")


class ShimHost:
    """Runs scripts on one host after the other; a fresh host for each call unless one is given."""

    def __init__(self, engine: PowerShellEngine) -> None:
        self.engine = engine

    def run(self, script: str, host: World | None = None, stdin: str = "") -> Ran:
        simulated = SimulatedHost("ex01", "127.77.0.1", world() if host is None else host)
        packed = base64.b64encode(script.encode("utf-16-le")).decode()
        line = f"PowerShell -NoProfile -NonInteractive -EncodedCommand {packed}"
        result = asyncio.run(self.engine.run(simulated, line, stdin.encode()))
        lines = result.stdout.decode().splitlines()
        return Ran(lines, result.stderr.decode(), result.exit_code, simulated.world)

    def lines(self, script: str, host: World | None = None) -> list[str]:
        """Return stdout of a script that must not print an error."""
        ran = self.run(script, host)
        assert ran.errors == ""
        return ran.lines

    def failure(self, script: str, host: World | None = None) -> str:
        """Return ``id | class | message`` of the error that the script stops with."""
        caught = "'{0} | {1} | {2}' -f $_.FullyQualifiedErrorId, $e.GetType().FullName, $e.Message"
        inner = "$e = $_.Exception; while ($e.InnerException) { $e = $e.InnerException }"
        stop = "$ErrorActionPreference = 'Stop'"
        ran = self.run(
            f"{stop}; try {{ {script}; 'no error' }} catch {{ {inner}; {caught} }}", host
        )
        return "\n".join(ran.lines)
