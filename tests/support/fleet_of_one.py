# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the model engine, one clock for it and the controller, and a line that breaks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import Patience
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import (
    JobDriver,
    JobOrder,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)

MEMORY = (
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\"
    "Memory Management\\PrefetchParameters"
)
PATCH = "C:\\Packages\\Exchange2016-KB5000871-x64.msp"
CONTENT = "the bytes of an update"
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
OWNER = "controller-a"
PATIENCE = Patience(deadline=6 * 3600.0)
ORDER = JobOrder(
    job="kb5000871",
    file=PATCH,
    sha256=SHA256,
    deadline_utc="2021-03-05T16:00:00Z",
    lock_owner=OWNER,
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

Answer = Callable[[], ExecResult]
Fault = Callable[[Answer], ExecResult]


@dataclass
class HostOfOne:
    """The world's clock is fixed and moves when the controller sleeps."""

    behaviour: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)  # by the number of the command
    slept: float = 0.0
    sent_bytes: list[int] = field(default_factory=list)
    received_bytes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(dict(WINDOWS))
        self.world.write_text(PATCH, CONTENT, by="test")
        self.world.data["programs"] = [{"match": "KB5000871", "behaviour": self.behaviour}]
        self.engine = ModelEngine()
        self.tokens = self._tokens()
        self.transport = self.connect()
        self.transport.run(
            Operation("Lock-Host", {"owner": OWNER, "run": "run-1", "purpose": "patch"})
        )
        self.asked.clear()

    @staticmethod
    def _tokens() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"{number:032x}"

    def connect(self) -> ExecTransport:
        return ExecTransport(
            self.execute,
            peer="ex01",
            sleep=self.sleep,
            token=lambda: next(self.tokens),
        )

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        machine.advance_clock(self.world, seconds)

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        number = len(self.asked)
        self.asked.append(json.loads(stdin)["operation"])

        def answer() -> ExecResult:
            done = self.engine.answer(self.world, stdin.decode())
            self.sent_bytes.append(len(command) + len(stdin))
            self.received_bytes.append(len(done.stdout))
            return ExecResult(done.stdout, done.stderr, done.exit_code)

        fault = self.faults.get(number)
        return fault(answer) if fault else answer()

    def driver(self) -> JobDriver:
        return JobDriver(self.connect(), self.sleep, lambda: self.slept, lambda: 0.5)

    @property
    def launches(self) -> int:
        return sum(m["kind"] == "program" for m in self.world.mutations)


def drop_before(_answer: Answer) -> ExecResult:
    raise errors.TransportError("the connection broke before the command arrived")


def drop_after(answer: Answer) -> ExecResult:
    answer()
    raise errors.TransportError("the connection broke before the answer arrived")


def unreachable(_answer: Answer) -> ExecResult:
    raise errors.Unreachable("no route to host")


def time_out_before(_answer: Answer) -> ExecResult:
    raise errors.Timeout("no answer in time")


def time_out_after(answer: Answer) -> ExecResult:
    answer()
    raise errors.Timeout("no answer in time")


def empty_before(_answer: Answer) -> ExecResult:
    return ExecResult(b"", b"", 0)


def empty_after(answer: Answer) -> ExecResult:
    answer()
    return ExecResult(b"", b"", 0)


def garbage(answer: Answer) -> ExecResult:
    answer()
    return ExecResult(b"<html>Please sign in to the proxy</html>", b"", 0)


def cut(answer: Answer) -> ExecResult:
    done = answer()
    return ExecResult(done.stdout[: len(done.stdout) // 2], b"", 0)


def crash(_answer: Answer) -> ExecResult:
    return ExecResult(b"", b"#< CLIXML\r\n<Objs><S S='Error'>out of memory</S></Objs>", 1)


def wrong_nonce(answer: Answer) -> ExecResult:
    done = answer()
    return ExecResult(done.stdout.replace(b'"nonce":"', b'"nonce":"f'), b"", 0)


def noise(answer: Answer) -> ExecResult:
    done = answer()
    return ExecResult(b"profile says hello\n" + done.stdout + b"bye\n", b"warning", 0)


FAULTS: dict[str, Fault] = {
    "drop-before": drop_before,
    "drop-after": drop_after,
    "unreachable": unreachable,
    "time-out-before": time_out_before,
    "time-out-after": time_out_after,
    "empty-before": empty_before,
    "empty-after": empty_after,
    "garbage": garbage,
    "cut": cut,
    "crash": crash,
    "wrong-nonce": wrong_nonce,
    "noise": noise,
}
