# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the model engine on which jobs are ordered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import Patience
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import (
    JobDriver,
    JobOrder,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from rehearsed_host import OWNER, RehearsedHost

MEMORY = (
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\"
    "Memory Management\\PrefetchParameters"
)
PATCH = "C:\\Packages\\Exchange2016-KB5000871-x64.msp"
CONTENT = "the bytes of an update"
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
PATIENCE = Patience(deadline=6 * 3600.0)
ORDER = JobOrder(
    job="kb5000871",
    file=PATCH,
    sha256=SHA256,
    deadline_utc="2021-03-05T16:00:00Z",
    owner=OWNER,
    run="run-1",
    arguments=("/quiet", "/norestart"),
)


WINDOWS: dict[str, Any] = {
    "name": "EX01",
    "now": "2021-03-05T10:00:00Z",
    "powershell": {"version": "5.1.14393.693", "language_mode": "FullLanguage"},
    "session": {"user_sid": "S-1-5-18", "elevated": True, "process_64bit": True},
    "drives": {"C": {"total_bytes": 1000, "free_bytes": 400}},
    "registry": {MEMORY: {"BootId": {"type": "DWord", "value": 42}}},
    "files": {},
}


@dataclass
class HostOfOne(RehearsedHost):
    """A server that holds a package and the lock of its controller."""

    AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
    SPEC = WINDOWS
    behaviour: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ask("Lock-Host", {"owner": OWNER, "run": "run-1", "purpose": "patch"})
        self.asked.clear()

    def build(self) -> World:
        world = World(dict(WINDOWS))
        world.write_text(PATCH, CONTENT, by="test")
        world.data["programs"] = [{"match": "KB5000871", "behaviour": self.behaviour}]
        return world

    def driver(self) -> JobDriver:
        return JobDriver(self.held(), self.sleep, self.clock, lambda: 0.5)
