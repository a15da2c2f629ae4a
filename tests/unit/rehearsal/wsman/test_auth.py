# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
import spnego
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.accounts import (
    Account,
    write_user_file,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.connection import (
    WsmanConnection,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.md4 import (
    md4,
    nt_hash,
)
from spnego.channel_bindings import GssChannelBindings

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Desk, Reply

_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_RIGHT = "s3cret:word"
_BOUNDARY = b"--Encrypted Boundary"


def _basic(user: str, password: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Basic " + base64.b64encode(f"{user}:{password}".encode())}


def _offers(reply: Reply) -> list[bytes]:
    return [header.partition(b": ")[2] for header in reply.response.headers]


def _negotiate(
    desk: Desk, user: str = "rehearsal", password: str = _RIGHT, protocol: str = "ntlm",
    binding: GssChannelBindings | None = None,
) -> tuple[Any, Reply]:  # fmt: skip
    context = spnego.client(
        user,
        password,
        protocol=protocol,
        channel_bindings=binding,
        options=spnego.NegotiateOptions.wrapping_winrm,
    )
    token = context.step()
    while True:
        reply = desk.post(b"", {b"authorization": b"Negotiate " + base64.b64encode(token or b"")})
        offer = _offers(reply)[0] if reply.response.headers else b""
        answer = base64.b64decode(offer.partition(b" ")[2]) if b" " in offer else b""
        if answer and not context.complete:
            token = context.step(answer)
        if reply.status != 401 or not answer:
            return context, reply


def _sealed(context: Any, message: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    wrapped = context.wrap_winrm(message)
    body = (
        _BOUNDARY + b"\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
        b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(message)
        + _BOUNDARY + b"\r\n\tContent-Type: application/octet-stream\r\n"
        + len(wrapped.header).to_bytes(4, "little") + wrapped.header + wrapped.data + _BOUNDARY + b"--\r\n"
    )  # fmt: skip
    return body, {b"content-type": b'multipart/encrypted;boundary="Encrypted Boundary"'}


def _opened(context: Any, body: bytes) -> bytes:
    data = body.partition(b"octet-stream\r\n")[2][: -len(_BOUNDARY) - 4]
    opened: bytes = context.unwrap_winrm(data[4:20], data[20:])
    return opened


def test_a_stranger_is_told_what_is_offered(desk: Desk) -> None:
    desk.build(sign_in=False)
    assert _offers(desk.create()) == [b"Negotiate", b'Basic realm="WSMAN"']


def test_basic_is_neither_offered_nor_taken_over_plain_http(desk: Desk) -> None:
    desk.build(secure=False)
    reply = desk.create()
    assert (reply.status, _offers(reply)) == (401, [b"Negotiate"])


def test_a_scenario_may_allow_basic_over_plain_http(desk: Desk) -> None:
    desk.build(secure=False, policy=AuthPolicy(unencrypted=True))
    assert desk.create().status == 200


@pytest.mark.parametrize(
    "user", ["rehearsal", "REHEARSAL", "EX01\\rehearsal", "ex01\\Rehearsal", "rehearsal@rehearsal.example", ".\\rehearsal"],
)  # fmt: skip
def test_windows_spellings_of_the_account_are_one(desk: Desk, user: str) -> None:
    desk.build(sign_in=False)
    desk.headers = _basic(user, _RIGHT)
    assert desk.create().status == 200


@pytest.mark.parametrize(
    ("user", "password"),
    [("rehearsal", "wrong"), ("other", _RIGHT), ("OTHER\\rehearsal", _RIGHT), ("rehearsal", "")],
)
def test_wrong_basic_credentials_get_401_and_are_counted(
    desk: Desk, user: str, password: str
) -> None:
    desk.build(sign_in=False)
    desk.headers = _basic(user, password)
    assert desk.create().status == 401
    assert desk.service.counters.refused == 1


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize("user", ["rehearsal", "EX01\\rehearsal", "rehearsal@rehearsal.example"])
def test_a_sealed_conversation(desk: Desk, envelope: Any, protocol: str, user: str) -> None:
    desk.build(secure=False, sign_in=False)
    context, reply = _negotiate(desk, user, protocol=protocol)
    assert reply.status == 200
    body, headers = _sealed(context, envelope(f"{_TRANSFER}/Create", "<rsp:Shell/>"))
    for _ in range(2):  # the connection stays authenticated, sequence numbers go on
        reply = desk.post(body, headers)
        assert reply.status == 200
        assert b"ShellId" in _opened(context, reply.response.body)
        body, headers = _sealed(context, envelope(f"{_TRANSFER}/Create", "<rsp:Shell/>"))
    assert desk.service.counters.refused == 0


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize(
    ("sent", "status"), [(b"tls-server-end-point:right", 200), (b"tls-server-end-point:other", 401), (None, 401)],
)  # fmt: skip
def test_a_strict_host_wants_proof_of_its_certificate(
    desk: Desk, protocol: str, sent: bytes | None, status: int
) -> None:
    desk.build(sign_in=False, policy=AuthPolicy(channel_binding=True))
    desk.service.binding = b"tls-server-end-point:right"
    desk.connection = WsmanConnection(desk.service, desk.service.identity(secure=True))
    binding = GssChannelBindings(application_data=sent) if sent else None
    assert _negotiate(desk, protocol=protocol, binding=binding)[1].status == status


def test_a_fault_is_sealed_as_well(desk: Desk, envelope: Any) -> None:
    desk.build(secure=False, sign_in=False)
    context, _ = _negotiate(desk)
    reply = desk.post(*_sealed(context, envelope("urn:nonsense")))
    assert reply.status == 500
    assert b"ActionNotSupported" in _opened(context, reply.response.body)


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize(("user", "password"), [("rehearsal", "wrong"), ("other", _RIGHT)])
def test_wrong_credentials_end_the_exchange_with_401(
    desk: Desk, protocol: str, user: str, password: str
) -> None:
    desk.build(sign_in=False)
    _, reply = _negotiate(desk, user, password, protocol)
    assert (reply.status, desk.service.counters.refused) == (401, 1)
    assert desk.create().status == 401


def test_sealed_bytes_that_were_changed_are_refused_and_the_connection_ends(
    desk: Desk, envelope: Any
) -> None:
    desk.build(secure=False, sign_in=False)
    context, _ = _negotiate(desk)
    body, headers = _sealed(context, envelope("urn:x"))
    broken = body[:-40] + bytes([body[-40] ^ 1]) + body[-39:]
    reply = desk.post(broken, headers)
    assert (reply.status, reply.response.close) == (400, True)


@pytest.mark.parametrize(
    "body", [b"x", _BOUNDARY + b"\r\n", b"\tContent-Type: application/octet-stream\r\n"]
)
def test_a_malformed_frame_is_refused(desk: Desk, body: bytes) -> None:
    desk.build(secure=False, sign_in=False)
    _negotiate(desk)
    assert desk.post(body, {b"content-type": b"multipart/encrypted"}).status == 400


def test_a_sealed_message_needs_a_context(desk: Desk) -> None:
    desk.build()
    assert desk.post(b"x", {b"content-type": b"multipart/encrypted"}).status == 400


def test_plain_soap_over_http_is_not_taken_after_ntlm(desk: Desk) -> None:
    desk.build(secure=False, sign_in=False)
    _negotiate(desk)
    reply = desk.create()
    assert (reply.status, reply.response.body) == (500, b"")


def test_a_request_may_come_with_the_last_token(desk: Desk, envelope: Any) -> None:
    desk.build(sign_in=False)
    context = spnego.client("rehearsal", _RIGHT, protocol="ntlm")
    first = desk.post(
        b"", {b"authorization": b"Negotiate " + base64.b64encode(context.step() or b"")}
    )
    answer = base64.b64decode(_offers(first)[0].partition(b" ")[2])
    token = base64.b64encode(context.step(answer) or b"")
    body = envelope(f"{_TRANSFER}/Create", "<rsp:Shell/>")
    assert desk.post(body, {b"authorization": b"Negotiate " + token}).status == 200


@pytest.mark.parametrize(
    "header",
    [b"Negotiate", b"Negotiate !!!", b"Negotiate AAAA", b"Negotiate TlRMTVNTUAABAAAA", b"Basic", b"Basic !!", b"Kerberos AAAA", b"Digest x", b""],
)  # fmt: skip
def test_nonsense_in_the_authorization_header_is_401(desk: Desk, header: bytes) -> None:
    desk.build(sign_in=False)
    assert desk.post(b"", {b"authorization": header}).status == 401


def test_the_environment_is_as_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTLM_USER_FILE", "/somewhere/else")
    desk.build(sign_in=False)
    assert _negotiate(desk)[1].status == 200
    assert os.environ["NTLM_USER_FILE"] == "/somewhere/else"


def test_the_user_file_is_private_and_holds_no_password(tmp_path: Path) -> None:
    path = write_user_file(tmp_path, "ex01", Account("rehearsal", "plain-text-password"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "plain-text-password" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_gives_the_digests_of_rfc_1320(text: bytes, digest: str) -> None:
    assert md4(text).hex() == digest


def test_the_nt_hash_of_a_known_password() -> None:
    assert nt_hash("password").hex() == "8846f7eaee8fb117ad06bdd830b7586c"
