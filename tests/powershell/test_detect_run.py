# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole search by the controller over the real scripts: the verdict and the record of the model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    BOOTSTRAP_COMMAND,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from detected_host import DetectedHost

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.result import (
        DetectResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine
DOCUMENT = yaml.safe_load(
    (Path(scenario.__file__).parent / "scenarios" / "detect.yml").read_text(encoding="utf-8")
)
# Those of which every step is one that no other test takes on the engine.
NAMES = ("every-trace", "german", "silent", "refused", "skipped")


@dataclass
class RealHost(DetectedHost):
    """The same server and controller; the commands run on PowerShell."""

    powershell: PowerShellEngine | None = None

    def execute(self, _command: str, stdin: bytes) -> ExecResult:
        assert self.powershell is not None
        one = SimulatedHost("EX01", "127.77.0.1", self.world)
        done = asyncio.run(self.powershell.run(one, BOOTSTRAP_COMMAND, stdin))
        return ExecResult(done.stdout, done.stderr, done.exit_code)


def told(host: DetectedHost, result: DetectResult) -> dict[str, Any]:
    """The verdict with everything that it rests on, and what stays on the server: no times."""
    record = json.loads((host.case / "ex01" / "detection.json").read_text())
    keys = ("tool", "mode", "ended", "exit_code", "complete", "said", "whole")
    return {
        "state": result.state.value,
        "tools": [{key: tool[key] for key in keys} for tool in record["tools"]],
        "checks": [
            (check["id"], check["state"], check["reasons"], [f["detail"] for f in check["findings"]])
            for tool in record["tools"] for check in tool["checks"]
        ],
        "files": [
            (file["origin"].rpartition("\\")[2], file["size"], file["sha256"])
            for tool in record["tools"] for file in tool["files"]
        ],
        "launches": len(host.launched),
        "jobs": [path for path in host.world.data["files"] if "\\jobs\\" in path and path.endswith(".json")],
        "tasks": sorted(host.world.data["scheduled_tasks"]),
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_come_to_one_verdict(
    name: str, tmp_path: Path, shim_engine: PowerShellEngine
) -> None:
    spec = {**DOCUMENT["defaults"], **DOCUMENT["hosts"][name]}
    found = []
    for folder, kind, more in (
        ("model", DetectedHost, {}),
        ("real", RealHost, {"powershell": shim_engine}),
    ):
        (tmp_path / folder).mkdir()
        host = kind(tmp_path / folder, None, None, spec=spec, **more)
        found.append(told(host, host.detect("test-proxylogon", "msert/full")))
    model, real = found
    assert real == model
    assert f"({real['state']})" in spec["description"]
