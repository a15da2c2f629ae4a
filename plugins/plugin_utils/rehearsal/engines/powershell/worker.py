# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker process: a PowerShell that answers framed JSON requests until its stdin ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....base.errors import ConfigError, RemediationError

if TYPE_CHECKING:
    from typing import IO

_SCRIPT = Path(__file__).with_name("worker.ps1")
_NOTES = 4000  # characters of a worker's stderr that an error message quotes


class WorkerError(RemediationError):
    """The worker process died or does not speak the protocol; the command's outcome is unknown."""

    code = "rehearsal-worker"


def find_pwsh() -> str:
    """Return the PowerShell to use: ``EXCHANGE_REMEDIATION_PWSH``, else ``pwsh`` on PATH."""
    named = os.environ.get("EXCHANGE_REMEDIATION_PWSH")
    found = shutil.which(named) if named else shutil.which("pwsh")
    if found:
        return found
    where = f"EXCHANGE_REMEDIATION_PWSH={named}" if named else "PATH"
    raise ConfigError(
        f"no PowerShell 7 in {where}: install pwsh, point EXCHANGE_REMEDIATION_PWSH to one, "
        "or use the model engine"
    )


class Worker:
    """A started worker; ``request`` may be called by one thread at a time."""

    def __init__(self, pwsh: str, cache: Path) -> None:
        """Start the process and wait until it has loaded its shims."""
        self.memory_mb = 0  # as of its last answer
        self.known: dict[str, int] = {}  # host -> generation of the world that the worker holds
        command = [pwsh, "-NoProfile", "-NonInteractive", "-File", str(_SCRIPT)]
        environment = {**os.environ, "POWERSHELL_TELEMETRY_OPTOUT": "1", "NO_COLOR": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - the engine that the operator chose
            [*command, "-Cache", str(cache), "-ParentId", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=cache,
        )
        self._notes = bytearray()
        self._reader = threading.Thread(target=self._read_notes, daemon=True)
        self._reader.start()
        try:
            self._receive()  # its first frame says that it is ready
        except WorkerError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def request(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        body = json.dumps(message).encode()
        try:
            stdin = self._stream(self._process.stdin)
            stdin.write(struct.pack(">i", len(body)) + body)
            stdin.flush()
        except OSError as error:
            raise WorkerError(f"PowerShell worker {self.pid} is gone; {self._said()}") from error
        answer = self._receive()
        self.memory_mb = int(answer.get("memory_mb", self.memory_mb))
        if "failure" in answer:
            raise WorkerError(f"PowerShell worker {self.pid} failed: {answer['failure']}")
        return answer

    def ping(self) -> bool:
        """Whether the worker answers."""
        return self.alive and bool(self.request({"op": "ping"}).get("pong"))

    def _receive(self) -> dict[str, Any]:
        stdout = self._stream(self._process.stdout)
        head = stdout.read(4)
        body = stdout.read(struct.unpack(">i", head)[0]) if len(head) == 4 else b""  # noqa: PLR2004
        if not body:
            raise WorkerError(f"PowerShell worker {self.pid} ended; {self._said()}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def _read_notes(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._stream(self._process.stderr):
                self._notes += line
                del self._notes[:-_NOTES]

    def _said(self) -> str:
        self._process.wait()
        self._reader.join(timeout=1)
        text = self._notes.decode(errors="replace").strip()
        return f"exit code {self._process.returncode}, it said: {text or 'nothing'}"

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None  # noqa: S101 - all three are pipes
        return stream

    def kill(self) -> None:
        """End the process at once; a thread waiting in ``request`` gets a ``WorkerError``."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """End the process and free its pipes."""
        self.kill()
        self._process.wait()
        self._reader.join(timeout=1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                self._stream(stream).close()
