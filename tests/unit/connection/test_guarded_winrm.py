# SPDX-License-Identifier: GPL-3.0-or-later
"""pywinrm over the guarded HTTP layer, against a service that misbehaves."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    MalformedReply,
    RefusedError,
    ReplyTooLarge,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.guarded_http import (
    HttpGuard,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.guarded_winrm import (
    GuardedProtocol,
    lean,
)
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Exchange, FakeWinRM

SMALL = 20_000


def protocol(server: FakeWinRM, **limits: int) -> GuardedProtocol:
    guard = HttpGuard(response_bytes=limits.get("response_bytes", SMALL))
    return GuardedProtocol(server.url, guard, transport="basic", username="u", password="pass-word")


def test_a_friendly_service_is_used_as_usual(server: FakeWinRM) -> None:
    client = protocol(server)
    shell = client.open_shell()
    client.close_shell(shell)
    assert server.actions == ["Create", "Delete"]
    figures = client.transport.guard.figures()
    assert figures["requests"] == 2
    assert figures["peer_address"] == "127.0.0.1"
    assert figures["received_bytes"] > 500
    assert figures["sent_bytes"] > 2000


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_the_body_goes_nowhere_else(
    servers: Callable[[], FakeWinRM], status: int
) -> None:
    server, elsewhere = servers(), servers()
    server.script = lambda exchange: exchange.answer(b"", status, Location=elsewhere.url)
    client = protocol(server)
    with pytest.raises(RefusedError, match=f"answered {status} and points to .*never followed"):
        client.open_shell()
    assert elsewhere.seen == []
    assert isinstance(client.transport.guard.refusal, RefusedError)


def test_a_compressed_reply_is_refused_unread(server: FakeWinRM) -> None:
    bomb = gzip.compress(bytes(1_000_000))
    server.script = lambda exchange: exchange.answer(bomb, Content_Encoding="gzip")
    client = protocol(server)
    with pytest.raises(RefusedError, match="content encoding 'gzip'"):
        client.open_shell()
    assert client.transport.guard.received_bytes == 0
    assert server.seen[0][1]["Accept-Encoding"] == "identity"


def test_a_declared_length_over_the_cap_is_refused_unread(server: FakeWinRM) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", str(300 * 1024 * 1024))
        exchange.end_headers()

    server.script = script
    client = protocol(server)
    with pytest.raises(ReplyTooLarge, match="314572800 bytes is over the cap of 20000"):
        client.open_shell()
    assert client.transport.guard.received_bytes == 0


def endless(exchange: Exchange, status: int = 200) -> None:
    exchange.send_response(status)
    exchange.send_header("Transfer-Encoding", "chunked")
    exchange.end_headers()
    while True:
        exchange.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def test_an_endless_body_is_cut_off_at_the_cap(server: FakeWinRM) -> None:
    server.script = endless
    client = protocol(server)
    with pytest.raises(ReplyTooLarge, match="is over the cap of 20000"):
        client.open_shell()
    assert client.transport.guard.received_bytes < SMALL + 2 * 65536


def test_the_cap_holds_for_the_bodies_of_errors_too(server: FakeWinRM) -> None:
    server.script = lambda exchange: endless(exchange, 500)
    with pytest.raises(ReplyTooLarge):
        protocol(server).open_shell()


def test_the_cap_holds_inside_the_ntlm_handshake(server: FakeWinRM) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send_response(401)
        exchange.send_header("WWW-Authenticate", "NTLM")
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        while True:
            exchange.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    server.script = script
    client = GuardedProtocol(
        server.url, HttpGuard(response_bytes=SMALL), transport="ntlm", username="u", password="p"
    )
    with pytest.raises(ReplyTooLarge):
        client.open_shell()


def test_what_is_no_soap_message_is_an_error_at_once(server: FakeWinRM) -> None:
    server.script = lambda exchange: exchange.answer(
        b"<html><body>Please log in</body></html>", Content_Type="text/html"
    )
    with pytest.raises(MalformedReply, match="not a WinRM service"):
        protocol(server).open_shell()


def test_a_document_type_is_refused_before_the_parser_sees_it(server: FakeWinRM) -> None:
    text = b'<!DOCTYPE x [<!ENTITY a "b">]><x xmlns="http://www.w3.org/2003/05/soap-envelope"/>'
    server.script = lambda exchange: exchange.answer(text)
    with pytest.raises(MalformedReply):
        protocol(server).open_shell()


def test_a_401_is_terminal_after_one_attempt(server: FakeWinRM) -> None:
    server.script = lambda exchange: exchange.answer(b"", 401, WWW_Authenticate="Basic")
    with pytest.raises(InvalidCredentialsError):
        protocol(server).open_shell()
    assert len(server.seen) == 1


def test_after_a_401_nothing_more_is_sent(server: FakeWinRM) -> None:
    client = protocol(server)
    shell = client.open_shell()
    server.script = lambda exchange: exchange.answer(b"", 401, WWW_Authenticate="Basic")
    with pytest.raises(InvalidCredentialsError):
        client.run_command(shell, "hostname")
    with pytest.raises(InvalidCredentialsError, match="nothing more is sent"):
        client.close_shell(shell)
    assert server.actions == ["Create", "Command"]


def test_ntlm_credentials_are_never_answered_with_basic(server: FakeWinRM) -> None:
    server.script = lambda exchange: exchange.answer(b"", 401, WWW_Authenticate='Basic realm="x"')
    client = GuardedProtocol(server.url, HttpGuard(), transport="ntlm", username="u", password="p")
    with pytest.raises(InvalidCredentialsError):
        client.open_shell()
    assert all("Authorization" not in headers for _, headers, _ in server.seen)


def test_an_error_status_keeps_its_text(server: FakeWinRM) -> None:
    server.script = lambda exchange: exchange.answer(b"busy", 503, Content_Type="text/plain")
    with pytest.raises(WinRMTransportError) as caught:
        protocol(server).open_shell()
    assert (caught.value.code, caught.value.response_text) == (503, "busy")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_ignored(
    servers: Callable[[], FakeWinRM], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    server, proxy = servers(), servers()
    monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.server_port}")
    protocol(server).open_shell()
    assert (len(server.seen), proxy.seen) == (1, [])


def test_certificate_stores_of_the_environment_are_ignored(
    server: FakeWinRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    session = protocol(server).transport.build_session()
    assert session.verify is True
    assert session.trust_env is False


def test_a_reply_in_clear_is_refused_where_encryption_was_agreed(server: FakeWinRM) -> None:
    client = protocol(server)
    client.open_shell()
    client.transport.encryption = object()  # as if the handshake had set it up

    class Response:
        status_code = 200
        headers = {"Content-Type": "application/soap+xml"}  # noqa: RUF012 - a fake
        content = b"<x/>"

    with pytest.raises(RefusedError, match="in clear although"):
        client.transport._get_message_response_text(Response())


def test_the_output_of_one_command_is_capped_over_all_its_replies() -> None:
    guard = HttpGuard(command_bytes=1000)
    guard.start_command()
    guard.count_command_output(600)
    with pytest.raises(ReplyTooLarge, match="exceeds 1000 bytes"):
        guard.count_command_output(600)
    guard.start_command()
    assert guard.refusal is None  # it explains no later failure
    guard.count_command_output(600)


def test_only_the_namespaces_that_a_message_uses_are_sent() -> None:
    sent = '<a:x xmlns:a="urn:a" xmlns:b="urn:b" xmlns:c="urn:c" xmlns:d="urn:d" c:y="d:z">b</a:x>'
    assert lean(sent) == '<a:x xmlns:a="urn:a" xmlns:c="urn:c" xmlns:d="urn:d" c:y="d:z">b</a:x>'
