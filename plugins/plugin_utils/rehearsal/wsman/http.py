# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 as WinRM clients use it: POST with a length, keep-alive, one request at a time.

Written on asyncio.Protocol because the rehearsal must break connections on purpose (reset,
half a reply, silence), keep the authentication per connection, and must not be what a
measurement of Ansible measures.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .limits import ServiceLimits

SOAP_TYPE = b"application/soap+xml;charset=UTF-8"

_REASONS = {
    200: b"OK",
    307: b"Temporary Redirect",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    405: b"Method Not Allowed",
    411: b"Length Required",
    413: b"Request Entity Too Large",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


class Breakage(Enum):
    """How a connection is broken instead of answered."""

    DROP = "drop"  # closed without a byte
    RESET = "reset"  # TCP RST
    TRUNCATE = "truncate"  # half the body, then closed
    HANG = "hang"  # nothing at all, the connection stays open


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One parsed request; header names are lower case."""

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool = True
    size: int = 0  # bytes on the wire, head included; TLS not counted


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back; ``breakage`` says how not to send it."""

    status: int
    body: bytes = b""
    content_type: bytes = SOAP_TYPE
    headers: tuple[bytes, ...] = ()
    close: bool = False
    breakage: Breakage | None = None

    def encode(self) -> bytes:
        """Return the bytes of the response, head and body."""
        reason = _REASONS.get(self.status, b"Status")
        head = b"HTTP/1.1 %d %b\r\nServer: Microsoft-HTTPAPI/2.0\r\n" % (self.status, reason)
        for header in self.headers:
            head += header + b"\r\n"
        if self.body:
            head += b"Content-Type: " + self.content_type + b"\r\n"
        if self.close:
            head += b"Connection: close\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(self.body), self.body)


# method, path, headers, keep-alive, length of the body, bytes of the whole request
_Head = tuple[bytes, bytes, dict[bytes, bytes], bool, int, int]


class BadRequest(Exception):  # noqa: N818 - what HTTP calls it
    """The bytes are no request that this server takes; carries the status to answer."""

    def __init__(self, status: int) -> None:
        """Remember the status."""
        super().__init__(status)
        self.status = status


def parse_head(head: bytes) -> tuple[bytes, bytes, dict[bytes, bytes], bool]:
    """Split a request head into method, path, headers and keep-alive; raises BadRequest."""
    line, _, rest = head.partition(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):  # noqa: PLR2004
        raise BadRequest(400)
    headers: dict[bytes, bytes] = {}
    for row in rest.split(b"\r\n"):
        name, colon, value = row.partition(b":")
        if row and (not colon or name != name.strip()):
            raise BadRequest(400)
        headers[name.lower()] = value.strip()
    connection = headers.get(b"connection", b"").lower()
    keep = connection != b"close" and (words[2] != b"HTTP/1.0" or connection == b"keep-alive")
    return words[0], words[1], headers, keep


def body_length(method: bytes, headers: dict[bytes, bytes], limit: int) -> int:
    """Return the length of the body; raises BadRequest (no length, nonsense, too large)."""
    if b"transfer-encoding" in headers:
        raise BadRequest(411)
    text = headers.get(b"content-length")
    if text is None:
        if method == b"POST":
            raise BadRequest(411)
        return 0
    if not text.isdigit():
        raise BadRequest(400)
    length = int(text)
    if length > limit:
        raise BadRequest(413)
    return length


class HttpConnection(asyncio.Protocol):
    """One connection of a client to one simulated host.

    ``answer`` returns a Response, or an awaitable of one when the host has to wait.
    """

    __slots__ = (
        "_answer",
        "_buffer",
        "_busy",
        "_head",
        "_limits",
        "_on_close",
        "_task",
        "_transport",
    )

    def __init__(
        self,
        answer: Callable[[HttpRequest], Response | Awaitable[Response]],
        limits: ServiceLimits,
        on_close: Callable[[HttpConnection], None] | None = None,
    ) -> None:
        """Take the function that answers requests of this connection."""
        self._answer = answer
        self._limits = limits
        self._on_close = on_close
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._busy = False
        self._task: asyncio.Future[Response] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport and send small replies at once."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Stop waiting for an answer nobody reads; the host's command itself goes on."""
        self._transport = None
        if self._task is not None:
            self._task.cancel()
        if self._on_close is not None:
            self._on_close(self)

    def data_received(self, data: bytes) -> None:
        """Collect bytes and answer each complete request."""
        self._buffer += data
        if not self._busy:
            self._pump()
        elif len(self._buffer) > self._limits.http_body_bytes:
            self._reset()  # a client that sends on and on without reading

    def abort(self) -> None:
        """Reset the connection, as a host that goes down does."""
        self._reset()

    def _pump(self) -> None:
        while not self._busy and self._transport is not None:
            try:
                request = self._next_request()
            except BadRequest as error:
                self._send(Response(error.status, close=True))
                return
            if request is None:
                return
            result = self._answer(request)
            if isinstance(result, Response):
                self._send(result, keep_alive=request.keep_alive)
            else:
                self._wait(result, keep_alive=request.keep_alive)

    def _wait(self, result: Awaitable[Response], *, keep_alive: bool) -> None:
        self._busy = True
        task = asyncio.ensure_future(result)
        self._task = task

        def finished(done: asyncio.Future[Response]) -> None:
            self._task = None
            self._busy = False
            if done.cancelled():
                return
            failure = done.exception()
            if failure is not None:
                self._send(Response(500, close=True))
                raise failure
            self._send(done.result(), keep_alive=keep_alive)
            self._pump()

        task.add_done_callback(finished)

    def _next_request(self) -> HttpRequest | None:
        buffer = self._buffer
        if self._head is None:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > self._limits.http_header_bytes:
                    raise BadRequest(431)
                return None
            method, path, headers, keep = parse_head(bytes(buffer[:end]))
            length = body_length(method, headers, self._limits.http_body_bytes)
            del buffer[: end + 4]
            self._head = (method, path, headers, keep, length, end + 4 + length)
        method, path, headers, keep, length, size = self._head
        if len(buffer) < length:
            return None
        body = bytes(buffer[:length])
        del buffer[:length]
        self._head = None
        return HttpRequest(method, path, headers, body, keep, size)

    def _send(self, response: Response, *, keep_alive: bool = True) -> None:
        transport = self._transport
        if transport is None:
            return
        if response.breakage is not None:
            self._break(response)
            return
        transport.write(response.encode())
        if response.close or not keep_alive:
            transport.close()

    def _break(self, response: Response) -> None:
        transport = self._transport
        if transport is None:
            return
        if response.breakage is Breakage.HANG:
            self._busy = True  # never read again; the client's time-out ends it
        elif response.breakage is Breakage.RESET:
            self._reset()
        else:
            if response.breakage is Breakage.TRUNCATE:
                whole = response.encode()
                transport.write(whole[: len(whole) - max(1, len(response.body) // 2)])
            transport.close()

    def _reset(self) -> None:
        transport = self._transport
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
