# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsed Exchange server, an installer that behaves as told, and one clock for all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.host import (
    InstallSession,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    InstallRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.runtime import (
    InstallRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.run import (
    patch_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
)
from proven_content import PROVEN
from rehearsed_host import RehearsedHost

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )

CONTENT = b"the bytes of an update"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BEFORE, TARGET = "15.1.2176.2", "15.1.2176.9"
AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": BEFORE},
    "now": "2021-03-05T10:00:00Z",
}
BIN = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin"
UNINSTALL = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\KB5000871"
NAME = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
NEW_FILES = {"kind": "build", "folder": BIN, "version": "15.01.2176.009"}
OLD_FILES = {**NEW_FILES, "version": "15.01.2176.002"}
LISTED = {"kind": "registry", "key": UNINSTALL, "name": "DisplayName", "value": NAME}
DISABLED = [
    {"kind": "service", "name": name, "start": 4, "status": "Stopped"}
    for name in ("MSExchangeIS", "MSExchangeTransport", "W3SVC", "MSExchangeHM")
]
INSTALLS: dict[str, Any] = {
    "duration_seconds": 1200,
    "exit_code": 3010,
    "effects": [NEW_FILES, LISTED, {"kind": "pending-reboot"}],
}


def record() -> PackageRecord:
    info = load().find_build(Build.parse(TARGET))
    assert info is not None
    applies = (Build.parse(BEFORE), Build.parse("15.1.2176.4"))
    return PackageRecord(
        SHA256,
        len(CONTENT),
        "Exchange2016-KB5000871-x64-en.msp",
        "msp",
        info.product,
        info.cu,
        info.kind,
        info.kb,
        info.build,
        applies,
        (),
        None,
        (),
        None,
        "2021-03-03T00:00:00Z",
        PROVEN,
    )


@dataclass
class PatchedHost(RehearsedHost):
    """A server with an installer that behaves as told, each time another way if it is a list."""

    AT = AT
    SPEC = SPEC
    source: Any  # a folder for the package
    behaviour: dict[str, Any] | list[dict[str, Any]] = field(default_factory=lambda: dict(INSTALLS))

    def __post_init__(self) -> None:
        super().__post_init__()
        rules = self.behaviour if isinstance(self.behaviour, list) else [self.behaviour]
        programs = []
        for number, rule in enumerate(rules):
            times = {} if number == len(rules) - 1 else {"times": 1}
            programs.append({"match": "KB5000871", **times, "behaviour": rule})
        self.world.data["programs"] = programs
        self.file = self.source / "Exchange2016-KB5000871-x64-en.msp"
        self.file.write_bytes(CONTENT)

    def patch(self, run: str = "run-1", **changes: Any) -> InstallResult:
        policy = changes.pop("policy", Policy(room_bytes=1000, seconds=4 * 3600))
        store = changes.pop("store", PackageCatalogue("x", 1, AT, AT, (record(),)))
        deliver = changes.pop(
            "deliver", lambda delivery: push(delivery, self.file, clock=self.clock)
        )
        names = {"record", "admit"} & changes.keys()
        changes_of_tools = {name: changes.pop(name) for name in names}
        request = InstallRequest(
            "ex01", run, changes.pop("owner", "controller-a"), policy=policy, **changes
        )
        tools = InstallRuntime(
            load(),
            store=store,
            deliver=deliver,
            sleep=self.sleep,
            clock=self.clock,
            now=self.now,
            life=self.life,
            **changes_of_tools,
        )
        return patch_host(request, self.transport(), tools)

    def patch_lock(self, run: str) -> None:
        """Take the host lock as a run of the default owner does."""
        request = InstallRequest("ex01", run, "controller-a")
        owner = request.owner
        session = InstallSession(
            self.transport(), run, request.holder, self.sleep, controller=owner, life=self.life
        )
        session.lock("patch")

    @staticmethod
    def before(folder: Any, operation: str, behaviour: dict[str, Any]) -> int:
        """The number of the first command of this name in an undisturbed run."""
        probe = PatchedHost(folder, behaviour)
        probe.patch()
        return probe.asked.index(operation)

    @property
    def launches(self) -> int:
        return sum(m["kind"] == "program" for m in self.world.mutations)

    def start(self, service: str) -> Any:
        key = f"HKLM\\SYSTEM\\CurrentControlSet\\Services\\{service}"
        return (self.world.key(key) or {})["Start"]["value"]
