# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sockets on loopback, raw clients."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    ConnectionState,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.accounts import (
    Account,
    write_user_file,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    FaultPlan,
    FaultRule,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.host_service import (
    HostService,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.ports import (
    Ports,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.server import (
    WsmanServer,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ACCOUNT = Account("rehearsal", "pw")
SIGN_IN = b"Authorization: Basic cmVoZWFyc2FsOnB3\r\n"  # rehearsal:pw


@asynccontextmanager
async def fleet(folder: Path, *hosts: ConnectionState, rules: tuple[dict[str, Any], ...] = ()) -> AsyncIterator[WsmanServer]:  # fmt: skip
    plan = FaultPlan(FaultRule.from_mapping(rule) for rule in rules)
    services = []
    for index, connection in enumerate(hosts or (ConnectionState.OK,)):
        host = SimulatedHost(
            f"ex{index}", f"127.77.9.{index + 1}", World({}), connection=connection
        )
        users = write_user_file(folder, host.name, ACCOUNT)
        services.append(HostService(host, None, ACCOUNT, users, policy=AuthPolicy(unencrypted=True), limits=ServiceLimits(), plan=plan))  # type: ignore[arg-type]  # fmt: skip
    server = WsmanServer(services)
    await server.start(Ports(0, 0))
    try:
        yield server
    finally:
        await server.close()


def post(body: bytes) -> bytes:
    return b"POST /wsman HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (
        SIGN_IN,
        len(body),
        body,
    )


async def talk(address: str, port: int, data: bytes, **kwargs: Any) -> bytes:
    reader, writer = await asyncio.open_connection(address, port, **kwargs)
    writer.write(data)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head[head.rindex(b":") + 1 :])
        return head + await reader.readexactly(length)
    finally:
        writer.close()


def test_the_address_decides_which_host_answers(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[int, int]]:
        async with fleet(tmp_path, ConnectionState.OK, ConnectionState.OK) as server:
            await talk("127.77.9.2", server.ports.http, post(b""))
            counters = [service.counters for service in server.services]
            return [(item.requests, item.bytes_received) for item in counters]

    assert asyncio.run(scenario()) == [(0, 0), (1, len(post(b"")))]


def test_https_uses_a_certificate_of_the_host(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with fleet(tmp_path) as server:
            context = ssl.create_default_context(cadata=server.authority.pem().decode())
            return await talk("127.77.9.1", server.ports.https, post(b""), ssl=context)

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 200 ")


def test_an_unreachable_host_refuses_connections(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with fleet(tmp_path, ConnectionState.OK, ConnectionState.UNREACHABLE) as server:
            await talk("127.77.9.2", server.ports.http, post(b""))

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(scenario())


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.77.9.2", 0))
            taken.listen()
            async with fleet(tmp_path, ConnectionState.UNREACHABLE) as server:
                server.services[0].host.connection = ConnectionState.OK
                server.services[0].host.address = "127.77.9.2"
                await server.start(Ports(taken.getsockname()[1], 0))

    with pytest.raises(ConfigError, match=r"port \d+ on 127\.77\.9\.2 is taken"):
        asyncio.run(scenario())


def test_a_reset_is_a_reset_on_the_wire(tmp_path: Path, envelope: Any) -> None:
    async def scenario() -> None:
        async with fleet(tmp_path, rules=({"kind": "reset"},)) as server:
            await talk("127.77.9.1", server.ports.http, post(envelope("urn:x")))

    with pytest.raises(ConnectionResetError):
        asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["drop", "truncate"])
def test_drop_and_truncate_end_the_stream_early(tmp_path: Path, envelope: Any, kind: str) -> None:
    async def scenario() -> None:
        async with fleet(tmp_path, rules=({"kind": kind},)) as server:
            await talk("127.77.9.1", server.ports.http, post(envelope("urn:x")))

    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(scenario())


def test_a_host_can_lose_all_its_connections(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with fleet(tmp_path) as server:
            reader, writer = await asyncio.open_connection("127.77.9.1", server.ports.http)
            writer.write(post(b""))
            await reader.readuntil(b"\r\n\r\n")
            count = server.disconnect("ex0")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            return count

    assert asyncio.run(scenario()) == 1


def test_a_client_that_hangs_up_mid_request_does_no_harm(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with fleet(tmp_path) as server:
            _, writer = await asyncio.open_connection("127.77.9.1", server.ports.http)
            writer.write(post(b"x" * 100)[:-50])
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return await talk("127.77.9.1", server.ports.http, post(b""))

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 200 ")
