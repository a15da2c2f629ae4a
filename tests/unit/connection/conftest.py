# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny hostile WinRM service on loopback: says what a test tells it, records what arrives."""

from __future__ import annotations

import base64
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:r="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">'
    "<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
ZERO_ID = "00000000-0000-0000-0000-000000000001"


def soap(action: str, message_id: str, stdout: bytes = b"", *, done: bool = True) -> bytes:
    """The reply of a friendly WinRM service to one action."""
    bodies = {
        "Create": f'<r:Shell><w:Selector Name="ShellId">{ZERO_ID}</w:Selector></r:Shell>',
        "Command": f"<r:CommandResponse><r:CommandId>{ZERO_ID}</r:CommandId></r:CommandResponse>",
        "Receive": _receive(stdout, done=done),
    }
    header = f"<a:RelatesTo>{message_id}</a:RelatesTo>"
    return ENVELOPE.format(header=header, body=bodies.get(action, "")).encode()


def _receive(stdout: bytes, *, done: bool) -> str:
    text = base64.b64encode(stdout).decode()
    stream = f'<r:Stream Name="stdout" CommandId="{ZERO_ID}">{text}</r:Stream>' if stdout else ""
    state = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/"
    ending = f'<r:CommandState State="{state}Done"><r:ExitCode>0</r:ExitCode></r:CommandState>'
    return f"<r:ReceiveResponse>{stream}{ending if done else ''}</r:ReceiveResponse>"


class Exchange(BaseHTTPRequestHandler):
    """One connection; ``answer`` sends a whole reply, a script may also write on its own."""

    protocol_version = "HTTP/1.1"
    server: FakeWinRM

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = re.search(rb"/(\w+)</a:Action>", body)
        self.action = found[1].decode() if found else ""
        found = re.search(rb"<a:MessageID>([^<]+)<", body)
        self.message_id = found[1].decode() if found else ""
        self.server.seen.append((self.action, dict(self.headers), self.path))
        try:
            self.server.script(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        given = {"Content-Type": "application/soap+xml", "Content-Length": str(len(body))}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in (given | named).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def friendly(self, stdout: bytes = b"out", *, done: bool = True) -> None:
        self.answer(soap(self.action, self.message_id, stdout, done=done))

    def log_message(self, *args: object) -> None:
        """Stay silent."""


class FakeWinRM(ThreadingHTTPServer):
    daemon_threads = True
    script: Callable[[Exchange], None] = staticmethod(lambda exchange: exchange.friendly())

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.seen: list[tuple[str, dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/wsman"

    @property
    def actions(self) -> list[str]:
        return [action for action, _, _ in self.seen]


@pytest.fixture
def servers() -> Iterator[Callable[[], FakeWinRM]]:
    """Make as many fake services as a test needs."""
    running: list[tuple[FakeWinRM, threading.Thread]] = []

    def start() -> FakeWinRM:
        server = FakeWinRM()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(servers: Callable[[], FakeWinRM]) -> FakeWinRM:
    return servers()
