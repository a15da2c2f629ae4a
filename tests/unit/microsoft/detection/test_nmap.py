# SPDX-License-Identifier: GPL-3.0-or-later
"""The real nmap against servers of our own on loopback: only a whole answer can say "not exposed"."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection import (
    nmap_run,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.nmap_run import (
    NmapRequest,
    NmapRun,
    run_nmap,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.nmap_xml import (
    read_nmap,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
    RunEnd,
)
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

_STAND_IN = Path(__file__).parent / "nmap" / "stand-in.nse"
_SHA256 = hashlib.sha256(_STAND_IN.read_bytes()).hexdigest()
_OK = b"HTTP/1.1 %s\r\nContent-Length: 2\r\n%sConnection: close\r\n\r\nhi"
_BACK_END = b"X-CalculatedBETarget: localhost\r\n"
needs_nmap = pytest.mark.skipif(
    shutil.which("nmap") is None and not os.environ.get("CI"), reason="nmap is not installed"
)


def _request(port: int, **changes: Any) -> NmapRequest:
    return replace(NmapRequest("127.0.0.1", port, _STAND_IN, _SHA256, timeout=15), **changes)


@contextmanager
def _server(
    answer: bytes | None, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Answer every request alike on a free port; None: reset the connection; empty: say nothing."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_talk, args=(raw, answer, tls, heard), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.close()


def _talk(
    raw: socket.socket, answer: bytes | None, tls: ssl.SSLContext | None, heard: list[bytes]
) -> None:
    # A client that is refused, or that goes away, is of no interest here.
    with suppress(OSError), raw:
        raw.settimeout(10)
        if not raw.recv(1, socket.MSG_PEEK):
            return  # nmap looks whether the port is open
        with tls.wrap_socket(raw, server_side=True) if tls else raw as line:
            request = line.recv(65536)
            if not request:
                return
            heard.append(request)
            if answer is None:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif answer:
                line.sendall(answer)
            else:
                line.recv(1)


@needs_nmap
@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (_OK % (b"200 OK", _BACK_END), "exposed", "VULNERABLE"),
        (_OK % (b"200 OK", b""), "not-exposed", "answered"),
        (_OK % (b"404 Not Found", b""), "not-exposed", "answered"),
        (
            _OK % (b"500 Error", b"X-CalculatedBETarget: ex01.example\r\n"),
            "not-exposed",
            "answered",
        ),
        (_OK % (b"302 Found", b"Location: /elsewhere\r\n"), "inconclusive", "redirect (302)"),
        (_OK % (b"403 Forbidden", b""), "inconclusive", "status 403"),
        (_OK % (b"503 Unavailable", b""), "inconclusive", "status 503"),
        (b"220 mail.example ESMTP\r\n", "inconclusive", ""),
        (b"", "inconclusive", ""),
        (None, "inconclusive", ""),
    ],
)
def test_a_front_end_on_an_odd_port(answer: bytes | None, state: str, reason: str) -> None:
    with _server(answer) as (port, _):
        run = run_nmap(_request(port))
    found = read_nmap(run)
    assert found.state.value == state, (found.reasons, run.trace[-3000:])
    assert reason in found.reasons[0]
    assert found.cves == (("CVE-2021-26855",) if state == "exposed" else ())


@needs_nmap
@pytest.mark.parametrize(("header", "state"), [(_BACK_END, "exposed"), (b"", "not-exposed")])
def test_a_front_end_behind_tls(tmp_path: Path, header: bytes, state: str) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ex01", "-days", "2",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with _server(_OK % (b"200 OK", header), tls) as (port, _):
        run = run_nmap(_request(port))
    assert read_nmap(run).state.value == state, run.trace[-3000:]


@needs_nmap
def test_a_closed_port_is_not_a_patched_one() -> None:
    with socket.socket() as taken:  # nobody listens, and nobody else can
        taken.bind(("127.0.0.1", 0))
        run = run_nmap(_request(taken.getsockname()[1]))
    assert read_nmap(run).reasons == ("the port is closed",)


@needs_nmap
def test_the_name_goes_into_the_request_and_nobody_resolves_it() -> None:
    with _server(_OK % (b"200 OK", b"")) as (port, heard):
        run = run_nmap(_request(port, host_name="mail.nowhere.invalid"))
    assert b"Host: mail.nowhere.invalid\r\n" in b"".join(heard)
    assert "mail.nowhere.invalid" in read_nmap(run).subject
    assert "-n" in run.command


@needs_nmap
def test_a_run_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmap_run, "_GRACE", -0.5)
    with _server(b"") as (port, _):
        run = run_nmap(_request(port, timeout=1))
    assert run.ended is RunEnd.TIMED_OUT
    assert read_nmap(run).state.value == "inconclusive"


@pytest.mark.parametrize(
    "changes",
    [{"address": "ex01.example"}, {"address": "127.0.0.1/8"}, {"address": "-iL"}, {"address": ""},
     {"address": "224.0.0.1"}, {"address": "0.0.0.0"}, {"address": "fe80::1%eth0"}, {"port": 0},
     {"port": 65536}, {"port": True}, {"port": "443"}, {"host_name": "a,b=c"}, {"host_name": "-x"},
     {"host_name": "a\n"}, {"timeout": 0}, {"script": Path("/nowhere.nse")}],
)  # fmt: skip
def test_what_is_no_address_port_or_name_is_refused(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nmap_run.shutil, "which", lambda _: "/usr/bin/nmap")
    with pytest.raises(ConfigError):
        run_nmap(replace(_request(443), **changes))


def test_another_script_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmap_run.shutil, "which", lambda _: "/usr/bin/nmap")
    with pytest.raises(RefusedError, match="it was not run"):
        run_nmap(_request(443, sha256="0" * 64))


def test_without_nmap_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="apt-get install nmap"):
        run_nmap(_request(443))


def _xml(word: str = "NOT VULNERABLE", port: int = 443, end: str = "success") -> bytes:
    return (
        f'<nmaprun><host><address addr="127.0.0.1"/><ports><port portid="{port}"><state state="open"/>'
        f'<script id="http-vuln-cve2021-26855"><table><elem key="state">{word}</elem></table></script>'
        f'</port></ports></host><runstats><finished exit="{end}"/></runstats></nmaprun>'
    ).encode()


def _dump(arrow: str, data: bytes) -> bytes:
    rows = [f"{at:08x}: {data[at : at + 16].hex(' ')} " for at in range(0, len(data), 16)]
    return f"NSE: TCP 127.0.0.1:1 {arrow} 127.0.0.1:443 | {chr(10).join(rows)}\n".encode()


_GET = b"GET /owa/auth/x.js HTTP/1.1\r\nHost: a\r\n\r\n"
_CONNECT = b"NSE: TCP 127.0.0.1:1 > 127.0.0.1:443 | CONNECT\n"


def _trace(answer: bytes, request: bytes = _GET) -> bytes:
    return _CONNECT + _dump(">", request) + _dump("<", answer)


def _run(xml: bytes, trace: bytes, **changes: Any) -> NmapRun:
    return replace(
        NmapRun(_request(443), (), RunEnd.FINISHED, 0, xml, trace, truncated=False), **changes
    )


_GOOD = _trace(_OK % (b"200 OK", b""))


@pytest.mark.parametrize(
    ("xml", "trace", "changes", "reason"),
    [
        (_xml(), _GOOD, {"truncated": True}, "more than is kept"),
        (_xml(), _GOOD, {"exit_code": 1}, "status 1"),
        (_xml(), _GOOD, {"ended": RunEnd.TIMED_OUT}, "timed-out"),
        (_xml(port=444), _GOOD, {}, "the port that was asked"),
        (_xml(end="error"), _GOOD, {}, "not finished"),
        (_xml("LIKELY VULNERABLE"), _GOOD, {}, "LIKELY VULNERABLE"),
        (_xml().replace(b'id="http', b'id="other'), _GOOD, {}, "left no word"),
        (_xml().replace(b"127.0.0.1", b"127.0.0.2"), _GOOD, {}, "the address that was asked"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + _xml(), _GOOD, {}, "no report"),
        (_xml(), b"", {}, "no HTTP answer"),
        (_xml(), _trace(b"HTTP/1.1 200 OK\r\nA: b"), {}, "not whole"),
        (_xml(), _trace(b"HTTP/1.1 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"), {}, "no HTTP answer"),
        (_xml(), _trace(_OK % (b"200 OK", _BACK_END)), {}, "names a back end"),
        (_xml(), _GOOD + _trace(_OK % (b"200 OK", _BACK_END)), {}, "names a back end"),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_inconclusive(
    xml: bytes, trace: bytes, changes: dict[str, Any], reason: str
) -> None:
    found = read_nmap(_run(xml, trace, **changes))
    assert found.state.value == "inconclusive"
    assert reason in found.reasons[0]


def test_vulnerable_is_exposed_however_the_run_ended() -> None:
    run = _run(_xml("VULNERABLE"), b"", ended=RunEnd.TIMED_OUT, exit_code=None)
    assert read_nmap(run).state.value == "exposed"
    assert read_nmap(_run(_xml(), _GOOD)).state.value == "not-exposed"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_random_bytes_never_say_that_it_is_not_exposed(xml: bytes, trace: bytes) -> None:
    for run in (_run(xml, trace), _run(xml, _GOOD), _run(_xml(), trace)):
        assert read_nmap(run).state.value != "not-exposed"
