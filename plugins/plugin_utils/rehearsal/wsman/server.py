# SPDX-License-Identifier: GPL-3.0-or-later
"""The listening side: every host on its own loopback address, all on the same two ports."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import ConfigError
from ..engine import ConnectionState
from .connection import WsmanConnection
from .http import HttpConnection
from .ports import Ports
from .tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .host_service import HostService

_BACKLOG = 256
_TRIES = 20


class WsmanServer:
    """Binds the hosts of a fleet and hands each connection to its host's service."""

    def __init__(self, services: Iterable[HostService], authority: Authority | None = None) -> None:
        """Take the services; unreachable hosts are left unbound, so that the kernel refuses."""
        self.services = list(services)
        self.authority = authority or Authority.create()
        self.ports = Ports(0, 0)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[str, set[HttpConnection]] = {}

    async def start(self, ports: Ports) -> Ports:
        """Listen; returns the ports in use, raises ConfigError when one is taken."""
        bound = [
            service
            for service in self.services
            if service.host.connection is not ConnectionState.UNREACHABLE
        ]
        addresses = [service.host.address for service in bound]
        with contextlib.ExitStack() as stack:
            plain = _bind_all(addresses, ports.http)
            for sock in plain:
                stack.callback(sock.close)
            secure = _bind_all(addresses, ports.https)
            for sock in secure:
                stack.callback(sock.close)
            await self._listen(bound, plain, secure)
            stack.pop_all()
        if plain:
            self.ports = Ports(plain[0].getsockname()[1], secure[0].getsockname()[1])
        return self.ports

    async def _listen(
        self, services: list[HostService], plain: list[socket.socket], secure: list[socket.socket]
    ) -> None:
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
            for service, open_sock, tls_sock in zip(services, plain, secure, strict=True):
                context, service.binding = self.authority.context(
                    service.host.name, service.host.address, Path(folder)
                )
                self._servers.append(
                    await loop.create_server(
                        self._factory(service, secure=False), sock=open_sock, backlog=_BACKLOG
                    )
                )
                self._servers.append(
                    await loop.create_server(
                        self._factory(service, secure=True),
                        sock=tls_sock,
                        backlog=_BACKLOG,
                        ssl=context,
                    )
                )

    def _factory(self, service: HostService, *, secure: bool) -> Factory:
        return Factory(service, self._connections.setdefault(service.host.name, set()), secure)

    def disconnect(self, host: str) -> int:
        """Reset every connection of a host; return how many there were."""
        connections = list(self._connections.get(host, ()))
        for connection in connections:
            connection.abort()
        return len(connections)

    async def close(self) -> None:
        """Stop listening, end all connections and shells."""
        for server in self._servers:
            server.close()
        for host in self._connections:
            self.disconnect(host)
        for service in self.services:
            service.close()
        self._servers.clear()
        await asyncio.sleep(0)  # lets the transports close


@dataclass(frozen=True, slots=True)
class Factory:
    """Makes the protocol object of one accepted connection."""

    service: HostService
    connections: set[HttpConnection]
    secure: bool

    def __call__(self) -> HttpConnection:
        """Return a new connection and remember it until it ends."""
        far_end = WsmanConnection(self.service, self.service.identity(secure=self.secure))
        connection = HttpConnection(far_end.answer, self.service.limits, self.connections.discard)
        self.connections.add(connection)
        return connection


def _bind_all(addresses: list[str], port: int) -> list[socket.socket]:
    """Bind the same port on all addresses; port 0 tries until one is free on all of them."""
    for _ in range(_TRIES if port == 0 else 1):
        sockets: list[socket.socket] = []
        wanted = port
        try:
            for address in addresses:
                sockets.append(_bind(address, wanted))
                wanted = sockets[0].getsockname()[1]
        except OSError as error:
            for sock in sockets:
                sock.close()
            if port == 0 and error.errno == errno.EADDRINUSE:
                continue
            raise _explained(error, address, wanted) from None
        return sockets
    raise ConfigError(f"no port is free on all {len(addresses)} addresses; give one with --port.")


def _bind(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _explained(error: OSError, address: str, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} on {address} is taken; end what uses it or give another --port"
            " (0 picks a free one)."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(
            f"{address} is not an address of this machine. Linux answers for all of 127.0.0.0/8;"
            " elsewhere add it to the loopback interface first."
        )
    return ConfigError(f"cannot listen on {address}:{port}: {error.strerror}.")
