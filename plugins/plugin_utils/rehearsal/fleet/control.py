# SPDX-License-Identifier: GPL-3.0-or-later
"""The control channel of a running fleet: a unix socket of mode 0600, one JSON line each way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from ..wsman.faults import FaultRule

if TYPE_CHECKING:
    from .start import Fleet

SOCKET = "control.sock"
_LONGEST_PATH = 100  # of sun_path's 108 bytes
_LINE_BYTES = 1 << 16
_TIMEOUT_SECONDS = 10.0


def socket_path(folder: Path) -> Path:
    """Return where the socket goes: in the state folder, elsewhere if that path is too long."""
    path = folder / SOCKET
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="rehearsal-")) / SOCKET


class Control:
    """Answers the control channel of one fleet."""

    def __init__(self, fleet: Fleet, path: Path) -> None:
        """Take the fleet and where to listen."""
        self.path = path
        self._fleet = fleet
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self.path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, self.path, limit=_LINE_BYTES
            )
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
        self.path.unlink(missing_ok=True)
        if self.path.parent.name.startswith("rehearsal-"):
            self.path.parent.rmdir()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            try:
                reply = {"ok": True, "result": self._do(json.loads(line))}
            except (ConfigError, ValueError, TypeError, KeyError) as error:
                reply = {"ok": False, "error": str(error)}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the other side went away, or its line has no end
        finally:
            writer.close()

    def _do(self, request: dict[str, Any]) -> Any:
        verb = request["do"]
        plan = self._fleet.plan
        if verb == "status":
            return self._fleet.status()
        if verb == "faults.list":
            return plan.describe()
        if verb == "faults.clear":
            return plan.clear()
        if verb == "faults.add":
            plan.add(FaultRule.from_mapping(request["rule"]))
            return plan.describe()
        raise ConfigError(f"{verb}: not a request of the control channel.")


def ask(path: str, request: dict[str, Any]) -> Any:
    """Send one request to a running fleet and return its result; raises ConfigError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_TIMEOUT_SECONDS)
        try:
            sock.connect(path)
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as stream:
                line = stream.readline()
        except OSError as error:
            raise ConfigError(f"the fleet does not answer on {path}: {error}") from None
    reply = json.loads(line or b'{"ok": false, "error": "the fleet closed the connection"}')
    if not reply["ok"]:
        raise ConfigError(str(reply["error"]))
    return reply["result"]
