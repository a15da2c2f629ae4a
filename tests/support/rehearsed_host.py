# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated server on the model engine, one clock for it and the controller, a line that breaks.

What the suites of the phases share; each of them adds its scenario.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.exchange.remediation.plugins.plugin_utils.change.life import Life
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession
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
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from holders import HeldTransport, Holders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )
    from line_faults import Fault

OWNER = "controller-a"


class Killed(BaseException):
    """The controller dies here."""


def tokens() -> Iterator[str]:
    """Numbers in the form of random tokens."""
    return (f"{number:032x}" for number in itertools.count(1))


@dataclass
class RehearsedHost:
    """The world's clock is fixed and moves when the controller sleeps.

    Commands are counted from 0: ``faults`` by number, ``kill_at`` (the controller dies ahead of
    that one), ``reboot_at`` (Windows restarts ahead of it). ``meddle`` is told each operation.
    """

    AT: ClassVar[datetime]
    SPEC: ClassVar[dict[str, Any]]

    spec: dict[str, Any] = field(default_factory=dict, kw_only=True)
    faults: dict[int, Fault] = field(default_factory=dict, kw_only=True)
    kill_at: int | None = field(default=None, kw_only=True)
    reboot_at: int | None = field(default=None, kw_only=True)
    meddle: Callable[[str], None] = field(default=lambda _operation: None, kw_only=True)
    asked: list[str] = field(default_factory=list, init=False)
    parameters: list[dict[str, Any]] = field(default_factory=list, init=False)
    journal: list[tuple[str, dict[str, Any]]] = field(default_factory=list, init=False)
    sent_bytes: list[int] = field(default_factory=list, init=False)
    received_bytes: list[int] = field(default_factory=list, init=False)
    slept: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.world = self.build()
        self.engine = ModelEngine()
        self.tokens = tokens()
        self.holders = Holders()

    def build(self) -> World:
        """The server at the beginning."""
        return build_world({**self.SPEC, **self.spec}, "EX01", at=self.AT)

    # The controller's side ---------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        machine.advance_clock(self.world, seconds)

    def clock(self) -> float:
        return self.slept

    def now(self) -> datetime:
        return self.AT + timedelta(seconds=self.slept)

    def token(self) -> str:
        return next(self.tokens)

    def record(self, event: str, data: dict[str, Any]) -> None:
        self.journal.append((event, json.loads(json.dumps(data))))

    def transport(self) -> ExecTransport:
        return ExecTransport(self.execute, peer="ex01", sleep=self.sleep, token=self.token)

    def session(self, run: str = "run-1", owner: str = OWNER) -> HostSession:
        return HostSession(self.transport(), run, owner, self.sleep, self.record, life=self.life)

    def give_lock_back(self) -> None:
        """Let another life of the run end what a killed one held."""
        session = self.session()
        session.lock("to give it back")
        session.unlock()

    def ask(self, operation: str, parameters: dict[str, Any] | None = None) -> Any:
        """The result of one operation, beside what is tested."""
        return self.held().run(Operation(operation, parameters or {})).result

    def held(self) -> HeldTransport:
        """The way of whoever takes the lock without a session."""
        return HeldTransport(self.transport(), self.holders)

    @property
    def life(self) -> Life:
        """Another life of a run; a test plays one controller, whose earlier ones are all over."""
        return Life(self.token(), ended=lambda _: True)

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        """Carry out one command line, or what is to happen instead."""
        number = len(self.asked)
        if number == self.kill_at:
            raise Killed
        if number == self.reboot_at:
            self.reboot_at = None
            machine.restart(self.world)
        request = json.loads(stdin)
        self.asked.append(request["operation"])
        self.parameters.append(request.get("parameters", {}))
        self.sent_bytes.append(len(command) + len(stdin))
        self.meddle(request["operation"])

        def answer() -> ExecResult:
            done = self.engine.answer(self.world, stdin.decode())
            self.received_bytes.append(len(done.stdout))
            return ExecResult(done.stdout, done.stderr, done.exit_code)

        fault = self.faults.get(number)
        return fault(answer) if fault else answer()

    # What became of the server -----------------------------------------------------------

    @property
    def launched(self) -> list[str]:
        """The command lines of all programs that ever started there."""
        return [m["target"] for m in self.world.mutations if m["kind"] == "program"]

    @property
    def launches(self) -> int:
        return len(self.launched)

    @property
    def boots(self) -> int:
        return sum(m["kind"] == "reboot" for m in self.world.mutations)

    @property
    def mutations(self) -> int:
        return len(self.world.mutations)

    @property
    def locked(self) -> bool:
        found = self.ask("Get-HostLock")
        return isinstance(found, dict) and found.get("state") == "held"
