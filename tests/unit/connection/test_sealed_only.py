# SPDX-License-Identifier: GPL-3.0-or-later
"""Where message encryption was agreed, only what was sealed is believed (I7, I20)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    MalformedReply,
    RefusedError,
    TransportError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.guarded_http import (
    HttpGuard,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.guarded_winrm import (
    GuardedProtocol,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.sealing import (
    is_of_the_web_server,
    missing_protection,
)
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WSManFaultError

from .conftest import ZERO_ID, soap
from .sealed_service import ACCOUNT, SEALED, SealedExchange, SealedWinRM, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRONG = 'multipart/encrypted;protocol="application/HTTP-Kerberos-session-encrypted";boundary="x"'
ASK_AGAIN = 2150858793
UNSEALED = (RefusedError, TransportError)
BOUNDARY = b"--Encrypted Boundary\r\n"
HEAD = (
    b"\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
    b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SealedWinRM]:
    server = SealedWinRM(tmp_path)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def client(server: SealedWinRM, **settings: Any) -> GuardedProtocol:
    return GuardedProtocol(
        server.url, HttpGuard(), transport="ntlm", read_timeout_sec=30, operation_timeout_sec=20,
        username=ACCOUNT.username, password=ACCOUNT.password, **settings,
    )  # fmt: skip


def test_what_is_sealed_is_believed(service: SealedWinRM) -> None:
    one = client(service)
    shell = one.open_shell()
    assert shell == ZERO_ID
    assert one.get_command_output(shell, one.run_command(shell, "hostname"))[0] == b"out"
    service.script = lambda exchange: exchange.answer(
        exchange.sealed(fault(ASK_AGAIN)), 500, Content_Type=SEALED
    )
    with pytest.raises(WinRMOperationTimeoutError):
        one.run_command(shell, "hostname")
    service.script = lambda exchange: exchange.answer(
        exchange.sealed(fault(5, "no right to do so")), 500, Content_Type=SEALED
    )
    with pytest.raises(WSManFaultError, match="no right to do so"):
        one.run_command(shell, "hostname")


def in_a_frame(message: bytes) -> bytes:
    """A MIME frame as of a sealed reply, and in it the message as it is."""
    payload = b"\tContent-Type: application/octet-stream\r\n\x10\x00\x00\x00" + bytes(16) + message
    return BOUNDARY + HEAD % len(message) + BOUNDARY + payload + b"--Encrypted Boundary--\r\n"


BODIES: dict[str, Callable[[SealedExchange], bytes]] = {
    "result": lambda exchange: exchange.reply(),
    "ask again": lambda _exchange: fault(ASK_AGAIN),
    "other fault": lambda _exchange: fault(5),
    "nothing": lambda _exchange: b"",
    "result in a frame": lambda exchange: in_a_frame(exchange.reply()),
}
KINDS = {
    "soap": "application/soap+xml;charset=UTF-8",
    "soap in UTF-16": "application/soap+xml;charset=UTF-16",
    "sealed": SEALED,
    "of another protocol": WRONG,
    "of no protocol": "multipart/encrypted",
    "two types": f"application/soap+xml, {SEALED}",
    "multipart": f"multipart/mixed;{SEALED}",
    "html": "text/html",
    "none": "",
}
STATUS = (200, 202, 206, 299, 400, 403, 500, 503)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("known", [True, False], ids=["host", "stranger"])
def test_nothing_in_clear_is_believed_whatever_its_status(
    service: SealedWinRM, kind: str, body: str, *, known: bool
) -> None:
    """The stranger does not know the password, and does not need it."""
    service.knows_password = known
    for status in STATUS:
        service.script = lambda exchange, status=status: exchange.answer(
            BODIES[body](exchange), status, Content_Type=KINDS[kind]
        )
        with pytest.raises(UNSEALED, match=r"in clear although|cannot be opened") as caught:
            client(service).open_shell()
        if status < 400 and not KINDS[kind].startswith("multipart/encrypted"):
            assert isinstance(caught.value, RefusedError), status


@pytest.mark.parametrize("status", [102, 103, 199, 204, 205])
def test_reply_without_a_body_is_no_reply(service: SealedWinRM, status: int) -> None:
    def script(exchange: SealedExchange) -> None:
        exchange.send_response(status)
        exchange.send_header("Content-Type", SEALED)
        exchange.send_header("Content-Length", "0")
        exchange.end_headers()

    service.script = script
    with pytest.raises(RefusedError, match="in clear although"):
        client(service).open_shell()


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 399])
def test_redirect_is_refused_sealed_or_not(service: SealedWinRM, status: int) -> None:
    service.script = lambda exchange: exchange.answer(
        exchange.sealed(exchange.reply()), status, Content_Type=SEALED, Location="http://127.0.0.1/"
    )
    with pytest.raises(RefusedError, match=f"answered {status}"):
        client(service).open_shell()


def second_part(sealed: bytes, clear: bytes) -> bytes:
    """A sealed reply with one more part that is in clear."""
    return sealed.removesuffix(b"--Encrypted Boundary--\r\n") + in_a_frame(clear)


def sealed_tricks(exchange: SealedExchange, name: str) -> bytes:
    message = exchange.reply()
    whole = exchange.sealed(message)
    size = b"Length=%d" % len(message)
    return {
        "clear part behind": lambda: second_part(whole, message),
        "clear part before": lambda: in_a_frame(message)[:-24] + whole,
        "clear text before": lambda: message + whole,
        "clear text with a length before": lambda: b"Length=5\r\n" + BOUNDARY + whole,
        "clear text behind": lambda: whole + message,
        "shorter than it says": lambda: whole.replace(size, b"Length=%d" % (len(message) + 1)),
        "longer than it says": lambda: whole.replace(size, b"Length=1"),
        "negative length": lambda: whole.replace(size, b"Length=-1"),
        "no length": lambda: whole.replace(size, b""),
        "one bit": lambda: whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:],
        "cut off": lambda: whole[: len(whole) // 2],
        "twice": lambda: whole[:-24] + whole,
        "no frame": lambda: b"x" * 100,
        "empty frame": lambda: BOUNDARY + BOUNDARY,
    }[name]()


@pytest.mark.parametrize("status", [200, 206, 500])
@pytest.mark.parametrize(
    "trick",
    [
        "clear part behind", "clear part before", "clear text before",
        "clear text with a length before", "clear text behind", "shorter than it says",
        "longer than it says", "negative length", "no length", "one bit", "cut off", "twice",
        "no frame", "empty frame",
    ],
)  # fmt: skip
def test_frame_that_is_not_sealed_as_a_whole_is_not_believed(
    service: SealedWinRM, trick: str, status: int
) -> None:
    service.script = lambda exchange: exchange.answer(
        sealed_tricks(exchange, trick), status, Content_Type=SEALED
    )
    with pytest.raises((TransportError, MalformedReply)):
        client(service).open_shell()


@pytest.mark.parametrize("status", [200, 500])
def test_reply_of_another_connection_is_not_believed(service: SealedWinRM, status: int) -> None:
    kept: list[bytes] = []
    service.script = lambda exchange: (
        kept.append(exchange.sealed(exchange.reply())),
        exchange.answer(kept[0], status, Content_Type=SEALED),
    )
    if status == 200:
        client(service).open_shell()
    else:
        with pytest.raises(Exception, match="500"):
            client(service).open_shell()
    with pytest.raises(TransportError, match="cannot be opened"):
        client(service).open_shell()


def test_earlier_reply_of_the_same_connection_is_not_believed(service: SealedWinRM) -> None:
    kept: list[bytes] = []

    def script(exchange: SealedExchange) -> None:
        kept.append(exchange.sealed(exchange.reply()))
        exchange.answer(kept[0], Content_Type=SEALED)

    service.script = script
    one = client(service)
    shell = one.open_shell()
    with pytest.raises(TransportError, match="cannot be opened"):
        one.run_command(shell, "hostname")


def test_trailers_and_headers_say_nothing(service: SealedWinRM) -> None:
    """A reply in clear whose type is corrected behind its end."""

    def script(exchange: SealedExchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Type", "application/soap+xml")
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.send_header("Trailer", "Content-Type")
        exchange.end_headers()
        body = exchange.reply()
        exchange.wfile.write(b"%x\r\n%s\r\n0\r\n" % (len(body), body))
        exchange.wfile.write(f"Content-Type: {SEALED}\r\n\r\n".encode())

    service.script = script
    with pytest.raises(RefusedError, match="in clear although"):
        client(service).open_shell()


@pytest.mark.parametrize("status", [200, 206, 400, 500, 503])
def test_text_of_the_login_in_clear_is_no_fault_and_no_result(
    service: SealedWinRM, status: int
) -> None:
    """The end of the handshake is in clear by nature: what it says steers nobody."""
    service.knows_password = status < 400
    service.logged_on = lambda exchange: exchange.answer(fault(ASK_AGAIN), status)
    if status < 400:
        assert client(service).open_shell() == ZERO_ID
        return
    with pytest.raises(TransportError, match=f"login was answered with status {status}"):
        client(service).open_shell()


def test_host_that_asks_for_no_login_is_refused_before_anything_is_sent(
    service: SealedWinRM,
) -> None:
    service.asks = False
    service.script = lambda exchange: exchange.answer(soap("Create", "x"))
    one = client(service)
    with pytest.raises(RefusedError, match="without asking who we are"):
        one.open_shell()
    with pytest.raises(RefusedError, match="agreed on no message encryption"):
        one.open_shell()  # pywinrm keeps the session, and would send in clear now
    assert [action for action, *_ in service.seen] == [""]


def test_after_a_failed_login_nothing_goes_in_clear(service: SealedWinRM) -> None:
    service.logged_on = lambda exchange: exchange.answer(b"", 503)
    one = client(service)
    with pytest.raises(TransportError):
        one.open_shell()
    with pytest.raises(RefusedError, match="agreed on no message encryption"):
        one.open_shell()
    assert service.seen == []


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (0x10, "signing"),
        (0x20, "sealing"),
        (0x80000, "extended session security"),
        (0x20000000, "128-bit keys"),
    ],
)
def test_login_after_which_a_seal_proves_nothing_is_refused(
    service: SealedWinRM, flag: int, name: str
) -> None:
    """The flags are the server's: without signing, its signature is a constant."""
    service.without, service.knows_password = flag, False
    with pytest.raises(RefusedError, match=f"NTLM does without .*{name}"):
        client(service).open_shell()
    assert service.seen == []


def test_rejected_login_is_terminal_and_said_so(service: SealedWinRM) -> None:
    service.logged_on = lambda exchange: exchange.answer(b"", 401, WWW_Authenticate="Negotiate")
    with pytest.raises(InvalidCredentialsError):
        client(service).open_shell()


def test_401_in_the_middle_ends_it_and_nothing_more_is_sent(service: SealedWinRM) -> None:
    one = client(service)
    shell = one.open_shell()
    service.script = lambda exchange: exchange.answer(b"", 401, WWW_Authenticate="Basic")
    with pytest.raises(InvalidCredentialsError):
        one.run_command(shell, "hostname")
    with pytest.raises(InvalidCredentialsError, match="nothing more is sent"):
        one.close_shell(shell)


def test_encryption_that_is_demanded_and_not_there_is_refused(service: SealedWinRM) -> None:
    one = client(service, message_encryption="always")
    one.transport.setup_encryption = lambda _session: None  # a library that cannot
    with pytest.raises(RefusedError, match="agreed on no message encryption"):
        one.open_shell()
    assert service.seen == []


def test_what_http_sys_says_by_itself_is_a_line_that_broke(service: SealedWinRM) -> None:
    """It answers in clear while the service restarts: that is worth another try, and no more."""
    service.script = lambda exchange: exchange.answer(
        b"<h1>503</h1>", 503, Content_Type="text/html"
    )
    with pytest.raises(TransportError) as caught:
        client(service).open_shell()
    assert type(caught.value) is TransportError
    assert not is_of_the_web_server(200, "text/html")
    assert not is_of_the_web_server(503, "application/soap+xml")


@pytest.mark.parametrize("header", ["", "NTLM", "NTLM !", "Negotiate " + "QUFB" * 40, "Basic eDp5"])
def test_header_that_is_no_end_of_a_handshake_says_nothing(header: str) -> None:
    assert missing_protection({"Authorization": header}) == []
