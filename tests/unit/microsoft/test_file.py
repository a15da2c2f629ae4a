# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's file is identified by its bytes and brought to the host as any package."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.order import (
    Delivery,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.file import open_tool
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import Pin
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from holders import HeldTransport

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "# Version 21.05.27.0855\r\nparam ($DoNotAutoUpdateEOMT, $DoNotRunMSERT) # ü\r\n"


def written(folder: Path, data: bytes) -> tuple[Path, Pin]:
    source = folder / "renamed.ps1"
    source.write_bytes(data)
    return source, Pin(hashlib.sha256(data).hexdigest(), "21.05.27.0855")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_identified_in_any_encoding_of_windows(encoding: str, tmp_path: Path) -> None:
    source, pin = written(tmp_path, TEXT.encode(encoding))
    parcel = open_tool("eomt", source, pin)
    assert (parcel.file, parcel.sha256) == ("EOMT.ps1", pin.sha256)
    assert parcel.identity.pinned_by == "operator"


def test_brought_to_the_host_as_the_bytes_that_were_identified(tmp_path: Path) -> None:
    source, pin = written(tmp_path, TEXT.encode())
    parcel = open_tool("eomt", source, pin)
    world, engine = build_world({"now": "2021-03-10T12:00:00Z"}), ModelEngine()

    def execute(_command: str, stdin: bytes) -> ExecResult:
        done = engine.answer(world, stdin.decode())
        return ExecResult(done.stdout, done.stderr, done.exit_code)

    transport = HeldTransport(ExecTransport(execute, peer="ex01"))
    transport.run(Operation("Lock-Host", {"owner": "c", "run": "r", "purpose": "eomt"}))
    delivery = Delivery(transport, "ex01", "r", "c", parcel)
    delivered = push(delivery, source)
    assert delivered.path.endswith(f"\\{parcel.sha256}\\EOMT.ps1")
    asked = {"tool": "eomt", "file": delivered.path}
    found = transport.run(Operation("Get-ToolState", asked)).result
    assert found["file"]["sha256"] == parcel.sha256
    source.write_bytes(b"changed since")
    with pytest.raises(RefusedError):
        push(delivery, source)


def test_files_that_cannot_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        open_tool("eomt", tmp_path / "nowhere.ps1")
    source, pin = written(tmp_path, b"x" * ((4 << 20) + 1))
    with pytest.raises(RefusedError, match="larger than"):
        open_tool("eomt", source, pin)
    source, pin = written(tmp_path, bytes(range(256)))
    with pytest.raises(RefusedError, match="does not declare"):
        open_tool("eomt", source, pin)
