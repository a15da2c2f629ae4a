# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of detection tools for the tests of their readers: recorded ones, and made ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.detection_tools import (
    DetectionMode,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
    CollectedFile,
    HostView,
    RunEnd,
    ToolRun,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = Path(__file__).parents[1] / "cases" / "detection"
EVENTS_SINCE = datetime(2020, 12, 1, tzinfo=UTC)
# A repository file has no stamp; the first release with the same code stands for the last one.
VERSIONS = {
    "v21.03.04.0202": "21.03.04.0202",
    "v21.03.09.2040": "21.03.09.2040",
    "v21.03.18.1900": "21.03.18.1900",
    "f88378b1e": "24.10.24.1200",
}


@cache
def cases(name: str) -> Any:
    """One file of recordings or expectations."""
    return yaml.safe_load((CASES / f"{name}.yml").read_text(encoding="utf-8"))


def collected(origin: str, data: bytes, damage: str | None = None) -> CollectedFile:
    """A file as the case has it."""
    digest = hashlib.sha256(data).hexdigest()
    return CollectedFile(f"files/{digest[:8]}", origin, data, digest, damage)


def tool_run(
    tool: str,
    console: bytes,
    files: Mapping[str, bytes],
    *,
    version: str | None = None,
    at: datetime,
    mode: str = "default",
    events: datetime | None = EVENTS_SINCE,
    ended: RunEnd = RunEnd.FINISHED,
    exit_code: int | None = 0,
) -> ToolRun:
    """A run as the phase hands it over; a tool that is only read gets a mode that reads."""
    known = detection_tool(tool)
    parsed = ScriptVersion.parse(version) if version else None
    chosen = (
        known.mode(mode)
        if known.modes
        else DetectionMode("default", (), False, 1, 1, f"{tool}/scan", {}, "test")  # noqa: FBT003
    )
    return ToolRun(
        tool=known,
        version=parsed,
        mode=chosen,
        era=known.era(parsed),
        ended=ended,
        exit_code=exit_code,
        console=collected("console", console),
        files=tuple(collected(origin, data) for origin, data in files.items()),
        host=HostView(at, events, "EX01", at),
    )


def complete(errors: list[str]) -> bytes:
    """The closing mark of a run for its object; ``errors``: lines with ids."""
    rows = [{"id": line.partition(" : ")[2], "message": "an error"} for line in errors]
    return json.dumps({"report": True, "objects": 1, "errors": rows}).encode()


def recorded_bytes(version: str, key: str) -> bytes:
    """One text of the recordings as the bytes that it was."""
    text = cases(f"test-proxylogon-{version}")["texts"][key]
    data: bytes = text["text"].encode(
        "utf-16-le" if text["encoding"] == "utf-16" else text["encoding"]
    )
    return b"\xff\xfe" + data if text["encoding"] == "utf-16" else data


def recorded_run(version: str, name: str, *, joined: bool = False) -> ToolRun:
    """A recorded run; ``joined``: with the object of the same world and its closing mark."""
    runs = cases(f"test-proxylogon-{version}")["runs"]
    row = runs[name]
    at = datetime.strptime(row["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    console = recorded_bytes(version, row["console"])
    errors = row.get("errors", [])
    files = {o: recorded_bytes(version, key) for o, key in row.get("files", {}).items()}
    if joined:
        other = runs[f"{name}+object"]
        files["object.json"] = recorded_bytes(version, other["files"]["object.json"])
        files["complete.json"] = complete(other.get("errors", []))
    console += "\n".join(errors).encode()
    return tool_run("test-proxylogon", console, files, version=VERSIONS[version], at=at)


def without_version(run: ToolRun) -> ToolRun:
    """The same run of a script whose version nobody knows."""
    return replace(run, version=None, era=None)
