# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsed Exchange server, a setup.exe on an image that behaves as told, and one clock for all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    InstallRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.runtime import (
    InstallRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    MitigateRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.run import (
    mitigate_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.runtime import (
    MitigateRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.installation import (
    upgrade_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
)
from patched_host import AT, BIN, DISABLED, PatchedHost

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )

CONTENT = b"the bytes of an image"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BEFORE, TARGET = "15.1.2106.2", "15.1.2176.2"
IMAGE = "ExchangeServer2016-x64-CU19.iso"
SPEC: dict[str, Any] = {"exchange": {"product": "Exchange2016", "cu": "CU18", "build": BEFORE}}
SETUP = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
ROOT = "C:\\inetpub\\wwwroot\\web.config"
NEW_FILES = {"kind": "build", "folder": BIN, "version": "15.01.2176.002"}
EXSETUP = {"kind": "file-version", "path": f"{BIN}\\ExSetup.exe", "version": "15.01.2176.002"}
NEW_BUILD = {
    "kind": "registry",
    "key": SETUP,
    "name": "MsiBuildMajor",
    "type": "DWord",
    "value": 2176,
}
WIPED = {
    "kind": "file",
    "path": ROOT,
    "text": '<?xml version="1.0"?>\n<configuration></configuration>\n',
}
LOG = {"kind": "file", "path": "C:\\ExchangeSetupLogs\\ExchangeSetup.log", "text": "done"}
PENDING = {"kind": "pending-reboot"}
UPGRADES: dict[str, Any] = {
    "duration_seconds": 3600,
    "exit_code": 0,
    "output": "The Exchange Server setup operation completed successfully.",
    "effects": [NEW_FILES, NEW_BUILD, WIPED, LOG, PENDING],
}
# So quick that the number of questions does not depend on the spread of the pauses.
QUICK: dict[str, Any] = {**UPGRADES, "duration_seconds": 1}
LEFT_DISABLED: dict[str, Any] = {"duration_seconds": 900, "exit_code": 1, "effects": DISABLED}


ALL = ("backend-cookie", "um-services", "ecp-app-pool", "oab-app-pool")


def record() -> PackageRecord:
    catalog = load()
    info = catalog.find_build(Build.parse(TARGET))
    assert info is not None
    earlier = tuple(
        b.build for b in catalog.builds() if b.product == info.product and b.build < info.build
    )
    return PackageRecord(
        SHA256,
        len(CONTENT),
        IMAGE,
        "iso",
        info.product,
        info.cu,
        "CU",
        info.kb,
        info.build,
        earlier,
        (),
        None,
        (),
        "SHA-256 from the volume licensing page",
        "2021-03-03T00:00:00Z",
    )


@dataclass
class UpgradedHost(PatchedHost):
    """The server of the patch tests, on the cumulative update before."""

    behaviour: dict[str, Any] | list[dict[str, Any]] = field(default_factory=lambda: dict(UPGRADES))

    def __post_init__(self) -> None:
        self.spec = {**SPEC, **self.spec}
        super().__post_init__()
        for rule in self.world.data["programs"]:
            rule["match"] = "setup.exe"
        self.world.data["images"] = list(self.spec.get("images", ()))
        self.file = self.source / IMAGE
        self.file.write_bytes(CONTENT)

    @staticmethod
    def before(folder: Any, operation: str, behaviour: dict[str, Any] | None = None) -> int:
        """The number of the first command of this name in an undisturbed run."""
        probe = UpgradedHost(folder, behaviour or QUICK)
        probe.upgrade()
        return probe.asked.index(operation)

    def upgrade(self, run: str = "run-1", **changes: Any) -> InstallResult:
        policy = changes.pop("policy", Policy(room_bytes=1000, seconds=4 * 3600))
        store = changes.pop("store", PackageCatalogue("x", 1, AT, AT, (record(),)))
        wanted = changes.pop("wanted", "CU19")
        prepared_by = changes.pop("prepared_by", "jane")
        owner = changes.pop("owner", "controller-a")
        request = InstallRequest("ex01", run, owner, policy=policy, **changes)
        tools = InstallRuntime(
            load(),
            store=store,
            deliver=lambda delivery: push(delivery, self.file, clock=self.clock),
            sleep=self.sleep,
            clock=self.clock,
            now=self.now,
            life=self.life,
        )
        return upgrade_host(request, self.transport(), tools, wanted, prepared_by)


def mitigated(folder: Any, **options: Any) -> UpgradedHost:
    """A server with the four mitigations of March 2021, applied by us."""
    kill_at = options.pop("kill_at", None)
    host = UpgradedHost(folder, **options)
    assert mitigate(host) == "mitigated"
    host.asked.clear()
    host.kill_at = kill_at
    return host


def mitigate(host: UpgradedHost, run: str = "mitigate-1") -> str:
    request = MitigateRequest("ex01", run, "controller-a", "mitigate")
    tools = MitigateRuntime(
        load(), sleep=host.sleep, now=host.now, token=host.token, life=host.life
    )
    return str(mitigate_host(request, host.transport(), tools).state.value)
