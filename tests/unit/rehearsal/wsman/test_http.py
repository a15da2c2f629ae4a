# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.http import (
    Breakage,
    HttpConnection,
    HttpRequest,
    Response,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeTransport(asyncio.Transport):
    """Remembers what is written and how it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.ended = ""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.data += bytes(data)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


def _echo(request: HttpRequest) -> Response:
    return Response(200, request.body)


def _open(
    answer: Callable[[HttpRequest], Any] = _echo, limits: ServiceLimits | None = None
) -> tuple[HttpConnection, FakeTransport]:
    connection = HttpConnection(answer, limits or ServiceLimits())
    transport = FakeTransport()
    connection.connection_made(transport)
    return connection, transport


def _post(body: bytes = b"", extra: bytes = b"") -> bytes:
    return b"POST /wsman HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (
        extra,
        len(body),
        body,
    )


@given(
    bodies=st.lists(st.binary(max_size=40), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 60), max_size=12),
)
def test_requests_are_answered_however_the_network_cuts_them(
    bodies: list[bytes], cuts: list[int]
) -> None:
    seen: list[bytes] = []

    def answer(request: HttpRequest) -> Response:
        seen.append(request.body)
        return Response(200)

    connection, _ = _open(answer)
    stream = b"".join(_post(body) for body in bodies)
    for cut in cuts:
        connection.data_received(stream[:cut])
        stream = stream[cut:]
    connection.data_received(stream)
    assert seen == bodies


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /wsman HTTP/2.0\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nContent-Length : 5\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\n\r\n", 411),
        (b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (b"x" * 70_000, 431),
    ],
)
def test_what_is_no_request_is_answered_and_the_connection_closed(data: bytes, status: int) -> None:
    connection, transport = _open()
    connection.data_received(data)
    assert transport.data.startswith(b"HTTP/1.1 %d " % status)
    assert transport.ended == "closed"


def test_the_connection_stays_open_unless_the_client_wants_it_closed() -> None:
    connection, transport = _open()
    connection.data_received(_post(b"a"))
    assert transport.ended == ""
    connection.data_received(_post(b"b", b"Connection: close\r\n"))
    assert transport.ended == "closed"


@pytest.mark.parametrize(
    ("breakage", "ended"),
    [(Breakage.DROP, "closed"), (Breakage.RESET, "aborted"), (Breakage.HANG, "")],
)
def test_a_broken_connection_says_nothing(breakage: Breakage, ended: str) -> None:
    connection, transport = _open(lambda _: Response(200, b"body", breakage=breakage))
    connection.data_received(_post())
    assert (transport.data, transport.ended) == (b"", ended)


def test_a_truncated_reply_promises_more_than_it_sends() -> None:
    connection, transport = _open(lambda _: Response(200, b"x" * 100, breakage=Breakage.TRUNCATE))
    connection.data_received(_post())
    assert b"Content-Length: 100\r\n" in transport.data
    assert transport.data.endswith(b"\r\n\r\n" + b"x" * 50)
    assert transport.ended == "closed"


def test_requests_wait_while_one_is_answered() -> None:
    async def scenario() -> bytes:
        gate = asyncio.Event()

        async def answer(request: HttpRequest) -> Response:
            await gate.wait()
            return Response(200, request.body)

        connection, transport = _open(answer)
        connection.data_received(_post(b"first") + _post(b"second"))
        await asyncio.sleep(0)
        assert transport.data == b""
        gate.set()
        for _ in range(6):
            await asyncio.sleep(0)
        return transport.data

    data = asyncio.run(scenario())
    assert data.index(b"first") < data.index(b"second")


def test_a_client_that_sends_without_reading_is_cut_off() -> None:
    connection, transport = _open(
        lambda _: Response(200, breakage=Breakage.HANG), ServiceLimits(http_body_bytes=1000)
    )
    connection.data_received(_post())
    connection.data_received(b"x" * 1001)
    assert transport.ended == "aborted"


def test_an_answer_nobody_waits_for_is_given_up() -> None:
    async def scenario() -> bool:
        cancelled = asyncio.Event()

        async def answer(_: HttpRequest) -> Response:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            return Response(200)

        connection, _ = _open(answer)
        connection.data_received(_post())
        await asyncio.sleep(0)
        connection.connection_lost(None)
        await cancelled.wait()
        return cancelled.is_set()

    assert asyncio.run(scenario())
