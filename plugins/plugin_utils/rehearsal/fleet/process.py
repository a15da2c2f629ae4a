# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a fleet: in the foreground, or detached from the terminal."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import select
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from filelock import FileLock, Timeout

from ...base import disk
from ...base.errors import ConfigError
from . import state as fleet_state
from .control import Control, socket_path
from .inventory import AUTHORITY, INVENTORY, inventory_text
from .kdc import Kdc
from .realm import principal_of
from .start import Fleet, make_engine
from .state import FleetState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..wsman.ports import Ports
    from .start import FleetSpec

LOG = "rehearsal.log"
_LOCK = "lock"
_USERS = "accounts"
_SOCKETS_PER_HOST = 2
_SPARE_FILES = 512
_READY_SECONDS = 120
_HIGHEST_FILE = 65536


@dataclass(frozen=True, slots=True)
class FleetOrder:
    """What ``up`` was asked for."""

    spec: FleetSpec
    engine: str
    ports: Ports
    folder: Path
    stop_after: timedelta | None
    kerberos: bool = False


async def _serve(order: FleetOrder, ready: Callable[[FleetState], None]) -> None:
    folder = order.folder
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    users = folder / _USERS
    users.mkdir(mode=0o700, exist_ok=True)
    async with AsyncExitStack() as stack:
        stack.callback(_forget, folder)
        engine = make_engine(order.engine)
        stack.push_async_callback(engine.close)
        kdc = (
            Kdc.start(folder, order.spec.hosts, order.spec.credentials) if order.kerberos else None
        )
        if kdc is not None:
            stack.callback(kdc.close)
        fleet = Fleet(order.spec, engine, users, kdc.realm if kdc else None)
        _allow_files(_SOCKETS_PER_HOST * len(fleet.services) + _SPARE_FILES)
        stack.push_async_callback(fleet.stop)
        ports = await fleet.start(order.ports)
        control = Control(fleet, socket_path(folder))
        stack.push_async_callback(control.stop)
        await control.start()
        disk.replace(folder / AUTHORITY, fleet.authority.pem())
        disk.replace(
            folder / INVENTORY,
            inventory_text(fleet, ports, folder, kerberos=order.kerberos).encode(),
        )
        state = _state(order, ports, control)
        fleet_state.save(folder, state)
        ready(state)
        limit = order.stop_after.total_seconds() if order.stop_after else None
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), limit)


def _forget(folder: Path) -> None:
    """Remove what is of no use without the fleet; the log stays."""
    fleet_state.remove(folder, INVENTORY, AUTHORITY)
    for path in (folder / _USERS).glob("*.ntlm"):
        path.unlink()
    (folder / _USERS).rmdir()


def _state(order: FleetOrder, ports: Ports, control: Control) -> FleetState:
    now = datetime.now(UTC)
    return FleetState(
        pid=os.getpid(),
        started=fleet_state.process_start(os.getpid()) or "unknown",
        scenario=order.spec.name,
        digest=order.spec.digest,
        engine=order.engine,
        http_port=ports.http,
        https_port=ports.https,
        control=str(control.path),
        started_at=now.isoformat(timespec="seconds"),
        stops_at=(now + order.stop_after).isoformat(timespec="seconds")
        if order.stop_after
        else None,
        principal=principal_of(order.spec.credentials) if order.kerberos else None,
        hosts=[
            {
                "host": host.name,
                "address": host.address,
                "connection": host.connection.value,
                "what": order.spec.descriptions.get(host.name, ""),
            }
            for host in order.spec.hosts
        ],
    )


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files; two thousand hosts are four thousand sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        upper = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (upper, hard))


def run(order: FleetOrder, ready: Callable[[FleetState], None]) -> None:
    """Serve until told to stop; raises ConfigError when it cannot start."""
    try:
        with FileLock(order.folder / _LOCK, timeout=0):
            asyncio.run(_serve(order, ready))
    except Timeout:
        raise ConfigError(
            f"another rehearsal is starting or stopping in {order.folder}; try again in a moment."
        ) from None


def detach(order: FleetOrder) -> FleetState:
    """Serve in a process of its own; returns its state once it listens, raises ConfigError."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _become_daemon(order, _Report(writer))
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as stream:
        answered, _, _ = select.select([stream], [], [], _READY_SECONDS)
        line = stream.readline() if answered else b""
    reply = json.loads(line) if line else {"error": f"no sign of life; see {order.folder / LOG}."}
    if "error" in reply:
        raise ConfigError(f"the rehearsal did not start: {reply['error']}")
    return FleetState(**reply)


class _Report:
    """The one line that a detached process sends to the command that started it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._sent = False

    def send(self, document: dict[str, Any]) -> None:
        """Send the line and let go; later calls do nothing."""
        if self._sent:
            return
        self._sent = True
        with suppress(OSError):
            os.write(self.descriptor, json.dumps(document).encode() + b"\n")
        os.close(self.descriptor)


def _become_daemon(order: FleetOrder, report: _Report) -> NoReturn:
    """Leave the session, fork once more, serve, and exit."""
    status = 1
    try:
        os.setsid()
        if os.fork() == 0:
            _redirect(order.folder / LOG, report)
            logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
            run(order, lambda state: report.send(asdict(state)))
        status = 0
    except ConfigError as error:
        report.send({"error": str(error)})
    except BaseException as error:
        logging.getLogger(__name__).exception("the rehearsal failed")
        report.send({"error": f"{error!r}; see {order.folder / LOG}."})
    finally:
        os._exit(status)


def _redirect(log: Path, report: _Report) -> None:
    """Let go of everything that was open; whoever waits for a pipe of ours must not wait for us."""
    highest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _HIGHEST_FILE)
    os.closerange(3, report.descriptor)
    os.closerange(report.descriptor + 1, highest)
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(null)
    os.close(output)
