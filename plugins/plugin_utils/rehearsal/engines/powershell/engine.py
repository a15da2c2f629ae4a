# SPDX-License-Identifier: GPL-3.0-or-later
"""The PowerShell engine: the real scripts on a real PowerShell 7, over a simulated Windows.

A few workers (PowerShell processes with the shims compiled in) are started when first needed
and kept; each command gets a fresh runspace. Commands of one host run one after the other.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import queue
import shutil
import tempfile
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...engine import CommandResult
from ...world import machine
from . import aftermath, changes
from .command_line import ScriptCall, parse
from .host_folder import HostFolder
from .shim_cache import compiled
from .worker import Worker, WorkerError, find_pwsh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...engine import SimulatedHost
    from ...world.world import World

_TASK_STARTS = 20  # a command: tasks that restart Windows again and again end there
_log = logging.getLogger(__name__)
_MEMORY_MB = 600  # a worker that grew over it (compiled scripts stay loaded) is replaced


@dataclass(slots=True)
class _HostState:
    """What the engine keeps of a host between commands."""

    folder: HostFolder
    identity: str
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class _Call:
    """A running command, so that giving up on it can end its worker."""

    call: ScriptCall
    lines: list[str]
    console: bool
    worker: Worker | None = None
    given_up: bool = False
    task_of: _Call | None = None  # a scheduled task, carried out with this command


class PowerShellEngine:
    """Runs commands of simulated hosts on PowerShell workers."""

    name = "powershell"

    def __init__(
        self, pwsh: str | None = None, *, workers: int = 2, timeout_seconds: float = 600.0
    ) -> None:
        """Start nothing yet; a missing PowerShell is told here (``ConfigError``)."""
        self._pwsh = pwsh or find_pwsh()
        self._timeout = timeout_seconds
        self._base = Path(tempfile.mkdtemp(prefix="exchange-rehearsal-"))
        self._cleanup = weakref.finalize(self, shutil.rmtree, self._base, ignore_errors=True)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="powershell-engine")
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._guard = threading.Lock()
        self._workers: list[Worker] = []
        self._hosts: dict[int, _HostState] = {}
        self._known = 0
        self._commands = itertools.count()
        self._closed = False

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        """Run a WinRS command line; ``-EncodedCommand`` and ``-Command`` run for real."""
        parsed = parse(command_line, host.world)
        if isinstance(parsed, CommandResult):
            return parsed
        lines = stdin.decode("utf-8", "replace").splitlines()
        return await self._start(host.world, _Call(parsed, lines, console=True))

    async def run_script(
        self, host: SimulatedHost, script: str, stdin_lines: Sequence[str]
    ) -> CommandResult:
        """Run a PSRP pipeline: no console behind it, errors as plain text."""
        call = ScriptCall(script, encoded=False)
        return await self._start(host.world, _Call(call, list(stdin_lines), console=False))

    async def close(self) -> None:
        """End the workers and remove the folders of the hosts."""
        self._closed = True
        with self._guard:
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.kill()
        await asyncio.to_thread(self._threads.shutdown)
        for worker in workers:
            worker.close()
        self._cleanup()

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Processes that the engine started and that still run."""
        with self._guard:
            return tuple(worker.pid for worker in self._workers if worker.alive)

    async def _start(self, world: World, call: _Call) -> CommandResult:
        if self._closed:
            raise WorkerError("the PowerShell engine is closed")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._execute, world, call)
        except asyncio.CancelledError:
            call.given_up = True
            if call.worker is not None:
                call.worker.kill()
            raise

    def _execute(self, world: World, call: _Call) -> CommandResult:
        state = self._state(world)
        with state.lock:
            self._run_tasks(world, state, call)
            done = self._command(world, state, call)
            self._run_tasks(world, state, call)
        return done

    def _run_tasks(self, world: World, state: _HostState, call: _Call) -> None:
        """Carry out the scheduled tasks that are due, each to its end in virtual time."""
        for _ in range(_TASK_STARTS):
            machine.wake(world)
            due = machine.due_tasks(world)
            if not due or call.given_up:
                return
            machine.change_task(world, due[0], due=False)
            script = aftermath.script_of(world, due[0])
            if script is not None:
                task = _Call(script, [], console=True, task_of=call)
                done = self._command(world, state, task)
                if done.stderr:
                    _log.info("task %s: %s", due[0], done.stderr.decode(errors="replace"))

    def _command(self, world: World, state: _HostState, call: _Call) -> CommandResult:
        state.folder.write(world)
        worker = self._take()
        asked = call.task_of or call
        try:
            asked.worker = worker
            if asked.given_up:
                return CommandResult(exit_code=1)
            answer = self._exchange(worker, world, state, call)
        finally:
            self._give_back(worker)
        changes.apply(world, answer["mutations"])
        state.folder.read_back(world)
        changes.describe_files(world, answer["mutations"])
        state.folder.accept(world)
        aftermath.apply(world, answer["mutations"])
        return CommandResult(
            answer["stdout"].encode(), answer["stderr"].encode(), int(answer["exit_code"])
        )

    def _state(self, world: World) -> _HostState:
        with self._guard:
            state = self._hosts.get(id(world))
            if state is None:
                self._known += 1  # never reused: hosts come and go
                identity = f"{self._known}-{world.name}"
                root = self._base / "hosts" / f"{self._known}"
                root.mkdir(parents=True)
                state = self._hosts[id(world)] = _HostState(HostFolder(root), identity)
                weakref.finalize(world, _drop, self._hosts, id(world))
        return state

    def _exchange(
        self, worker: Worker, world: World, state: _HostState, call: _Call
    ) -> dict[str, Any]:
        message: dict[str, Any] = {
            "op": "run",
            "host": state.identity,
            "root": str(state.folder.root),
            "generation": world.generation,
            "script": call.call.script,
            "lines": call.lines,
            "console": call.console,
            "clixml": call.call.encoded,
            "virtual_time": call.task_of is not None,
            "process_id": 6000 + 4 * next(self._commands),
            "timeout_ms": int(self._timeout * 1000),
        }
        if worker.known.get(state.identity) != world.generation:
            message["world"] = _without_texts(world)
        answer = worker.request(message)
        worker.known[state.identity] = world.generation
        return answer

    def _take(self) -> Worker:
        """Return an idle worker that lives, or a new one; threads never outnumber workers."""
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                break
            if worker.alive:
                return worker
            self._forget(worker)
        # One after the other: the first may have to compile, the next ones find it done.
        with self._starting:
            worker = Worker(self._pwsh, compiled(self._pwsh, self._base))
        with self._guard:
            self._workers.append(worker)
        return worker

    def _give_back(self, worker: Worker) -> None:
        if worker.alive and worker.memory_mb < _MEMORY_MB:
            self._idle.put(worker)
        else:
            self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        with self._guard:
            if worker in self._workers:
                self._workers.remove(worker)
                worker.close()


def _drop(hosts: dict[int, _HostState], key: int) -> None:
    """Forget a host whose world is gone, with its folder."""
    state = hosts.pop(key, None)
    if state is not None:
        shutil.rmtree(state.folder.root, ignore_errors=True)


def _without_texts(world: World) -> dict[str, Any]:
    """Return the world as the worker needs it: texts of files are on disk already."""
    files = {
        path: {k: v for k, v in entry.items() if k not in {"text", "data"}}
        for path, entry in world.data["files"].items()
        if "version" in entry or "owner" in entry or "sddl" in entry
    }
    kept = {k: v for k, v in world.data.items() if k not in {"files", "mutations"}}
    return json.loads(json.dumps({**kept, "files": files}))  # type: ignore[no-any-return]
