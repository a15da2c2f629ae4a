# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills with controllers that are killed (-9) or paused: made once, by one at any time (I15, I16)."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import NAME
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from drill import changes, end_state
from mitigated_host import MitigatedHost
from patched_host import CONTENT, DISABLED, INSTALLS, PatchedHost

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )
    from endpoint import Endpoint

_WORKER = Path(__file__).with_name("controller_worker.py")
_QUICK = {**INSTALLS, "duration_seconds": 60, "effects": [*INSTALLS["effects"], *DISABLED]}
GOOD = {"patch": ("patched", "nothing-to-do"), "mitigate": ("mitigated",)}
_BROKEN = ("unknown", "stopped")
_LONGEST = 180.0  # seconds for one controller on a loaded machine
_TALK = re.compile(r"C:\\ProgramData\\ExchangeRemediation\\(operations|host\.lock)", re.IGNORECASE)


@dataclass
class Process:
    """One controller. ``result`` appears when it has come to its end by itself."""

    pid: int
    result: Path

    def state(self) -> str | None:
        """The state in the process table; ``None``: it is gone."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return None
        state = stat.rpartition(")")[2].split()[0]
        return None if state == "Z" else state

    def wait(self, *states: str | None) -> str | None:
        """Wait until it is in one of the states; ``None``: it is gone."""
        until = time.monotonic() + _LONGEST
        while (state := self.state()) not in states:
            assert time.monotonic() < until, f"controller {self.pid} is {state}, not {states}"
            time.sleep(0.005)
        return state

    def said(self) -> dict[str, Any] | None:
        """What came of it, ``None`` after a kill."""
        self.wait(None)
        if not self.result.exists():
            return None
        found: dict[str, Any] = json.loads(self.result.read_text())
        return found


class Controllers:
    """Starts controllers for the host behind an endpoint, and keeps the clock of all."""

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.endpoint = endpoint
        self.folder = folder
        self.slept = 0.0
        package = folder / "Exchange2016-KB5000871-x64-en.msp"
        package.write_bytes(CONTENT)
        self.socket = str(folder / "clock")
        self._fixed = {
            "address": endpoint.host.address,
            "port": endpoint.port,
            "authority": str(endpoint.authority),
            "clock": self.socket,
            "package": str(package),
        }
        self._number = 0
        self._server = socketserver.ThreadingUnixStreamServer(self.socket, self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        paths = os.pathsep.join([*sys.path, str(_WORKER.parent)])
        self._worker = subprocess.Popen(
            [sys.executable, str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=os.environ | {"PYTHONPATH": paths},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.communicate()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        keeper = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                keeper.sleep(float(self.rfile.readline()))
                self.wfile.write(f"{keeper.slept}\n".encode())

        return Handler

    def sleep(self, seconds: float) -> None:
        """Let time pass for everybody."""

        def later() -> None:
            if seconds:
                machine.advance_clock(self.endpoint.host.world, seconds)
            self.slept += seconds

        self.endpoint.call(later)

    def begin(self, drill: str) -> World:
        """Put a fresh host behind the endpoint."""
        host = PatchedHost(self.folder, _QUICK) if drill == "patch" else MitigatedHost()
        self.slept = 0.0
        self.endpoint.begin(host.world)
        return host.world

    def start(self, order: dict[str, Any]) -> Process:
        """Start a controller."""
        self._number += 1
        result = self.folder / f"result-{self._number}.json"
        whole = {"run": "run-1", "takeover": "", **self._fixed, **order, "result": str(result)}
        assert self._worker.stdin
        assert self._worker.stdout
        self._worker.stdin.write(json.dumps(whole) + "\n")
        self._worker.stdin.flush()
        return Process(int(self._worker.stdout.readline()), result)


@dataclass
class Case:
    """One drill: a host, and folders of controllers that know nothing of each other."""

    controllers: Controllers
    drill: str
    name: str
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.world = self.controllers.begin(self.drill)

    def order(self, place: str, **more: Any) -> dict[str, Any]:
        """An order for the controller at a place."""
        folder = self.controllers.folder / self.name / place
        folder.mkdir(parents=True, exist_ok=True)
        # One name for their machine, too: then owner and run are the same, and only lives differ.
        known = {"drill": self.drill, "place": "ops1", "state": str(folder / "state")}
        return {**known, "case": str(folder / "case"), **more}

    def run(self, place: str, **more: Any) -> dict[str, Any] | None:
        """Let a controller work to its end."""
        return self.controllers.start(self.order(place, **more)).said()

    def journals(self) -> str | None:
        """What is wrong with a journal of the drill."""
        for file in sorted((self.controllers.folder / self.name).glob(f"*/case/{NAME}")):
            if (problem := verify(file).problem) is not None:
                return f"{file}: {problem}"
        return None

    def effects(self) -> list[Any]:
        """Everything that was changed on the host but how it was talked to."""
        return self.controllers.endpoint.call(
            lambda: [m for m in self.world.mutations if not _TALK.match(str(m["target"]))]
        )

    def difference(self) -> str | None:
        """How the host differs from one that was changed by one controller without trouble."""
        calm = undisturbed(self.controllers, self.drill)
        if changes(self.world) != calm.changes:
            return f"other changes: {changes(self.world)}"
        found = end_state(self.world)
        for part, value in calm.state.items():
            if found[part] != value and isinstance(value, dict):
                keys = sorted({**value, **found[part]})
                return f"another {part}: {[k for k in keys if value.get(k) != found[part].get(k)]}"
            if found[part] != value:
                return f"another {part}"
        return None


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody struck."""

    commands: int
    changes: list[tuple[str, str]]
    state: dict[str, Any]


@cache
def undisturbed(controllers: Controllers, drill: str) -> Undisturbed:
    """Run it once; whoever compares with it has his own host behind the endpoint meanwhile."""
    mine = controllers.endpoint.host.world
    case = Case(controllers, drill, f"calm-{drill}")
    said = case.run("a")
    assert said is not None
    assert said["verdict"] == GOOD[drill][0], said
    assert case.journals() is None
    calm = Undisturbed(len(said["commands"]), changes(case.world), end_state(case.world))
    controllers.endpoint.begin(mine)
    return calm


def killed(controllers: Controllers, drill: str, seed: int) -> str | None:
    """Kill a controller at a command, perhaps its next life too, and go on at once; what is wrong."""
    draw = random.Random(f"kill {drill} {seed}")
    last = undisturbed(controllers, drill).commands
    case = Case(controllers, drill, f"kill-{drill}-{seed}")
    struck = []
    for _ in range(draw.choice((1, 1, 2))):
        at, moment = draw.randrange(last), draw.choice(("before", "inside", "after"))
        more = {"signal": "SIGKILL", "after": draw.uniform(0.0005, 0.02)}
        said = case.run("a", at=at, moment=moment, **more)
        struck.append(f"{moment} {at}{'' if said is None else ' (came through)'}")
    said = case.run("a")
    where = f"{drill}, seed {seed}, killed {', '.join(struck)}"
    if said is None or said["verdict"] not in GOOD[drill]:
        return f"{where}: the next life ended as {said}"
    wrong = case.difference() or case.journals()
    return f"{where}: {wrong}" if wrong else None


def paused(controllers: Controllers, drill: str, seed: int) -> str | None:
    """Pause a controller, let another one finish, wake the first; what is wrong."""
    draw = random.Random(f"stop {drill} {seed}")
    at = draw.randrange(undisturbed(controllers, drill).commands)
    moment = draw.choice(("before", "after"))
    case = Case(controllers, drill, f"stop-{drill}-{seed}")
    where = f"{drill}, seed {seed}, paused {moment} {at}"
    first = controllers.start(case.order("a", at=at, moment=moment, signal="SIGSTOP"))
    first.wait("T")
    other = None
    for _ in range(6):  # what the first has begun there comes to its end meanwhile
        other = case.run("b", takeover="controller a does not answer, CHG7")
        if other and other["verdict"] in GOOD[drill]:
            break
        controllers.sleep(900)
    before = case.effects()
    os.kill(first.pid, signal.SIGCONT)
    said = first.said()
    if not other or other["verdict"] not in GOOD[drill]:
        return f"{where}: the other one ended as {other}"
    if case.effects() != before:
        return f"{where}: the first changed more: {case.effects()[len(before) :]}"
    if said is None or said["verdict"] not in (*GOOD[drill], *_BROKEN, "partial"):
        return f"{where}: the first ended as {said}"
    if said["verdict"] in _BROKEN and said["code"] not in ("lock-lost", "locked", None):
        return f"{where}: the first does not say why: {said}"
    wrong = case.difference() or case.journals()
    return f"{where}: {wrong}" if wrong else None
