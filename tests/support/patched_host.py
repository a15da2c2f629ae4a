# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsed Exchange server, an installer that behaves as told, and one clock for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.host import PatchHost
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    Request,
    Result,
    Tools,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.run import (
    patch_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
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
Answer = Callable[[], ExecResult]


class Killed(BaseException):
    """The controller dies here."""


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
    )


@dataclass
class PatchedHost:
    """The world's clock is fixed and moves when the controller sleeps."""

    source: Any  # a folder for the package
    behaviour: dict[str, Any] | list[dict[str, Any]] = field(default_factory=lambda: dict(INSTALLS))
    spec: dict[str, Any] = field(default_factory=dict)
    faults: dict[int, Callable[[Answer], ExecResult]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    slept: float = 0.0
    kill_at: int | None = None
    received: int = 0
    sent: int = 0

    def __post_init__(self) -> None:
        self.world = build_world({**SPEC, **self.spec}, "EX01", at=AT)
        rules = self.behaviour if isinstance(self.behaviour, list) else [self.behaviour]
        programs = []
        for number, rule in enumerate(rules):
            times = {} if number == len(rules) - 1 else {"times": 1}
            programs.append({"match": "KB5000871", **times, "behaviour": rule})
        self.world.data["programs"] = programs
        self.engine = ModelEngine()
        self.tokens = self._tokens()
        self.file = self.source / "Exchange2016-KB5000871-x64-en.msp"
        self.file.write_bytes(CONTENT)

    @staticmethod
    def _tokens() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"{number:032x}"

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        machine.advance_clock(self.world, seconds)

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.slept)

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        number = len(self.asked)
        if number == self.kill_at:
            raise Killed
        self.asked.append(json.loads(stdin)["operation"])
        self.sent += len(command) + len(stdin)

        def answer() -> ExecResult:
            done = self.engine.answer(self.world, stdin.decode())
            self.received += len(done.stdout)
            return ExecResult(done.stdout, done.stderr, done.exit_code)

        fault = self.faults.get(number)
        return fault(answer) if fault else answer()

    def patch(self, run: str = "run-1", **changes: Any) -> Result:
        policy = changes.pop("policy", Policy(room_bytes=1000, seconds=4 * 3600))
        store = changes.pop("store", PackageCatalogue("x", 1, AT, AT, (record(),)))
        deliver = changes.pop(
            "deliver", lambda errand: push(errand, self.file, clock=lambda: self.slept)
        )
        names = {"record", "admit"} & changes.keys()
        changes_of_tools = {name: changes.pop(name) for name in names}
        request = Request(
            "ex01", run, changes.pop("owner", "controller-a"), policy=policy, **changes
        )
        transport = ExecTransport(
            self.execute, peer="ex01", sleep=self.sleep, token=lambda: next(self.tokens)
        )
        tools = Tools(
            load(),
            store,
            deliver,
            self.sleep,
            lambda: self.slept,
            self.now,
            **changes_of_tools,
        )
        return patch_host(request, transport, tools)

    def patch_lock(self, run: str) -> None:
        """Take the host lock as a run of the default owner does."""
        request = Request("ex01", run, "controller-a")
        transport = ExecTransport(self.execute, peer="ex01", token=lambda: next(self.tokens))
        owner = request.owner
        PatchHost(transport, run, request.holder, self.sleep, controller=owner).lock("patch")

    @staticmethod
    def before(folder: Any, operation: str, behaviour: dict[str, Any]) -> int:
        """The number of the first command of this name in an undisturbed run."""
        probe = PatchedHost(folder, behaviour)
        probe.patch()
        return probe.asked.index(operation)

    @property
    def launches(self) -> int:
        return sum(m["kind"] == "program" for m in self.world.mutations)

    @property
    def boots(self) -> int:
        return sum(m["kind"] == "boot" or m["kind"] == "reboot" for m in self.world.mutations)

    def start(self, service: str) -> Any:
        key = f"HKLM\\SYSTEM\\CurrentControlSet\\Services\\{service}"
        return (self.world.key(key) or {})["Start"]["value"]
