# SPDX-License-Identifier: GPL-3.0-or-later
"""A live HAProxy with the lines of haproxy-pages: who gets /owa and /ecp, and how people try to."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from rendered import part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OUTSIDE = "127.0.0.1"
_VPN = "127.0.0.2"  # named in the sample
_CONFIG = """\
global
    log stderr local0 emerg
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend https
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{h2} proto h2
{lines}
    http-request set-header X-Seen yes
    default_backend exchange
frontend second
    bind 127.0.0.1:{second}
{lines}
    default_backend exchange
backend exchange
    http-request return status 200 content-type text/plain string reached
"""
_PAGES = [
    "/owa", "/owa/", "/ecp", "/ecp/default.aspx", "/OWA/", "/Ecp", "/owa?x=1", "/owa/?/ews/",
    "//owa/", "///ecp", "/%6fwa/", "/%4F%57%41", "/o%77a/", "/e%63p/x.js", "/./owa/", "/x/../owa/",
    "/ews/../ecp/", "/%2e/owa/", "/x/%2e%2e/owa", "/..%2fowa", "/.;/owa/", "/;x/owa", "/owa;x",
    "/owa;x=1/auth", "/owa.", "/owa%20", "/owa%09/", "/%20owa/", "/%20%2e/owa",
    "/owa%00", "/%00/owa", "/x%2fowa", "/x%2Fowa", "/%2fowa", "/%5cowa", "/x%5Cecp", "/\\owa",
    "/x\\owa/", "/%u006fwa/", "/%u006Fw%u0061", "/%256fwa/", "/%25%36%66wa", "/%c1%afwa",
    "/%ef%bd%8fwa", "/o%ef%bc%b7a", "/owa%3fx", "/owa%23", "/owa:$i30:$INDEX_ALLOCATION/",
    "/owa::$DATA", "/(S(lit3py55t21z5v55vlm25s55))/owa/", "/(A(x)F(y))/ecp/",
    "/o/(S(x))wa/", "/%28s%28x%29%29/o", "/owa/auth/x.js", "/ecp/y.js", "/owa/%2e%2e/ews/",
    "/%", "/%6", "/%zz/owa", "/owa+", "/owa,", "/owa~1", "/ecp%7f", "/owa%0d%0aX:y", "/&/owa",
    "/autodiscover/../owa", "/mapi/;/ecp/", "/owa/#", "/ecp%2f..%2fews",
]  # fmt: skip
_OTHERS = [
    "/", "/ews/exchange.asmx", "/mapi/emsmdb/?MailboxId=f4b2@corp.example", "/oab/0a1b-2c/oab.xml",
    "/Microsoft-Server-ActiveSync?Cmd=Sync&User=owa", "/autodiscover/autodiscover.xml",
    "/autodiscover/autodiscover.json/v1.0/user%40corp.example?Protocol=EWS",
    "/autodiscover/autodiscover.json/v1.0/owa@corp.example?Protocol=EWS",
    "/autodiscover/autodiscover.json/v1.0/user@owa.example?Protocol=EWS",
    "/rpc/rpcproxy.dll?ex01.corp.example:6001", "/api/v2.0/users('a@corp.example')/messages",
    "/owalike/", "/ecp2", "/showa/", "/x?next=/owa/", "/x?/../ecp/", "//ews/exchange.asmx",
    "/a%20b/c%2bd", "/recipe/", "/owa-x", "/owa_x",
]  # fmt: skip
_HEAD = "Host: mail.corp.example\r\nConnection: close\r\n"


def _tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed; scripts/ci.sh installs it")
    return found


def _free_ports(count: int) -> list[int]:
    links = [socket.socket() for _ in range(count)]
    try:
        for link in links:
            link.bind(("127.0.0.1", 0))
        return [link.getsockname()[1] for link in links]
    finally:
        for link in links:
            link.close()


class _Proxy:
    """HAProxy with these lines first in each of two frontends."""

    def __init__(self, folder: Path, lines: str) -> None:
        self.port, self.h2, self.second = _free_ports(3)
        self.lines = "".join(f"    {line}\n" for line in lines.splitlines())
        self.config = folder / "haproxy.cfg"
        self.config.write_text(self.text(self.lines), encoding="utf-8")
        self.command = [_tool("haproxy"), "-f", str(self.config), "-db"]
        self.process: subprocess.Popen[bytes] | None = None

    def text(self, lines: str) -> str:
        text = _CONFIG.replace("{lines}\n", lines)
        for name in ("port", "h2", "second"):
            text = text.replace(f"{{{name}}}", str(getattr(self, name)))
        return text

    def checked(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, "-c"], capture_output=True, text=True, check=False, timeout=60
        )

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.second), timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("HAProxy did not answer within a minute")

    def status(self, request: str, source: str = _OUTSIDE, port: int | None = None) -> int:
        with socket.create_connection(
            ("127.0.0.1", port or self.port), timeout=30, source_address=(source, 0)
        ) as link:
            link.sendall(request.encode("latin-1"))
            answer = b"".join(iter(lambda: link.recv(65536), b""))
        return int(answer.split(b" ", 2)[1])

    def get(self, target: str, source: str = _OUTSIDE, port: int | None = None) -> int:
        return self.status(f"GET {target} HTTP/1.1\r\n{_HEAD}\r\n", source, port)

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Proxy]:
    found = _Proxy(
        tmp_path_factory.mktemp("pages"), part("haproxy-pages", "pages-restricted", "apply")
    )
    found.start()
    yield found
    found.end()


@pytest.fixture(scope="module")
def open_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Proxy]:
    """The same without the lines: what reaches Exchange today."""
    found = _Proxy(tmp_path_factory.mktemp("open"), "")
    found.start()
    yield found
    found.end()


def test_haproxy_takes_the_lines_without_a_warning(proxy: _Proxy) -> None:
    done = proxy.checked()

    assert done.returncode == 0, done.stderr
    assert "warning" not in f"{done.stdout}{done.stderr}".lower()


def test_haproxy_warns_of_a_frontend_that_sees_no_paths(tmp_path: Path) -> None:
    blind = _Proxy(tmp_path, part("haproxy-pages", "pages-restricted", "apply"))
    text = blind.config.read_text(encoding="utf-8")
    blind.config.write_text(text.replace("mode http", "mode tcp"), encoding="utf-8")

    assert "http" in blind.checked().stderr.lower()


@pytest.mark.parametrize("target", _PAGES, ids=ascii)
def test_nobody_from_elsewhere_reaches_the_pages(
    proxy: _Proxy, open_proxy: _Proxy, target: str
) -> None:
    # 400: HAProxy itself refuses it, with our lines or without.
    today = open_proxy.get(target)

    assert today in (200, 400)
    assert proxy.get(target) == (403 if today == 200 else 400)
    assert proxy.get(target, port=proxy.second) == (403 if today == 200 else 400)


@pytest.mark.parametrize("target", _PAGES, ids=ascii)
def test_the_vpn_sees_no_difference(proxy: _Proxy, open_proxy: _Proxy, target: str) -> None:
    assert proxy.get(target, _VPN) == open_proxy.get(target, _VPN)


@pytest.mark.parametrize("source", [_OUTSIDE, _VPN])
@pytest.mark.parametrize("target", _OTHERS)
def test_everything_else_answers_as_before(proxy: _Proxy, target: str, source: str) -> None:
    assert proxy.get(target, source) == 200


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /owa/ HTTP/1.0",
        "POST /ecp/x.js HTTP/1.0",
        "HEAD //OWA HTTP/1.0",
        "OPTIONS /owa/ HTTP/1.0",
        "PROPFIND /%6fwa HTTP/1.0",
        "GET http://mail.corp.example/owa/ HTTP/1.0",
        "GET http://mail.corp.example//%65cp HTTP/1.0",
        "GET HTTPS://mail.corp.example/x/../OWA HTTP/1.0",
        "GET http://a@mail.corp.example:443/owa HTTP/1.0",
        "GET http://mail.corp.example?/owa HTTP/1.0",
        "GET http:/owa HTTP/1.0",
        "GET owa HTTP/1.0",
        "GET \\owa HTTP/1.0",
        "OPTIONS * HTTP/1.0",
        "GET * HTTP/1.0",
        "CONNECT mail.corp.example:443 HTTP/1.0",
    ],
)
def test_other_forms_of_a_request_do_not_help(
    proxy: _Proxy, open_proxy: _Proxy, request_line: str
) -> None:
    """Without Host, with a whole address, or with no path at all; today each one is passed on."""
    assert open_proxy.status(f"{request_line}\r\n\r\n") == 200
    assert proxy.status(f"{request_line}\r\n\r\n") == 403


def test_a_header_does_not_make_a_client_one_of_the_vpn(proxy: _Proxy) -> None:
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Original-URL", "X-Rewrite-URL"):
        request = f"GET /owa/ HTTP/1.1\r\n{_HEAD}{header}: {_VPN}\r\n\r\n"
        assert proxy.status(request) == 403, header


def test_a_second_request_of_a_connection_is_looked_at_too(proxy: _Proxy) -> None:
    first = "GET /ews/ HTTP/1.1\r\nHost: mail.corp.example\r\n\r\n"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as link:
        link.sendall(f"{first}GET /owa/ HTTP/1.1\r\n{_HEAD}\r\n".encode())
        answer = b"".join(iter(lambda: link.recv(65536), b""))

    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"403"]


@pytest.mark.parametrize(
    ("target", "source", "wanted"),
    [
        ("/owa/", _OUTSIDE, "403"),
        ("/x/../OWA", _OUTSIDE, "403"),
        ("/%u006fwa", _OUTSIDE, "403"),
        ("/owa/", _VPN, "200"),
        ("/ews/", _OUTSIDE, "200"),
    ],
)
def test_http_2_is_no_way_round(proxy: _Proxy, target: str, source: str, wanted: str) -> None:
    done = subprocess.run(
        [
            _tool("curl"), "--silent", "--http2-prior-knowledge", "--path-as-is", "--interface", source,
            "--noproxy", "*", "--max-time", "60", "--write-out", "%{http_version} %{http_code}",
            "--output", "/dev/null", f"http://127.0.0.1:{proxy.h2}{target}",
        ],
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip

    assert done.stdout == f"2 {wanted}"


def test_undo_takes_out_these_lines_and_no_others(proxy: _Proxy, tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    near = "    # er_pagesXex01\n    # about er_pages.ex01 and others\n"
    file.write_text(proxy.text(proxy.lines + near), encoding="utf-8")
    edit, check = part("haproxy-pages", "pages-restricted", "undo").splitlines()

    subprocess.run(
        ["sh", "-euc", edit.replace("/etc/haproxy/haproxy.cfg", str(file))], check=True, timeout=60
    )

    assert file.read_text(encoding="utf-8") == proxy.text(near)
    assert check == "haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"


def test_verify_shows_every_line_that_was_put_in(proxy: _Proxy) -> None:
    shown = part("haproxy-pages", "pages-restricted", "verify").splitlines()[0]
    done = subprocess.run(
        ["sh", "-euc", shown.replace("/etc/haproxy/haproxy.cfg", str(proxy.config))],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert len(done.stdout.splitlines()) == 2 * len(proxy.lines.splitlines())


@pytest.mark.parametrize("mark", ["a", "x.y-z_0", "if", "unless", "owa", "M" * 63])
def test_a_mark_that_is_taken_changes_no_other_line(mark: str, tmp_path: Path) -> None:
    plain = part("haproxy-pages", "pages-restricted", "apply").splitlines()
    lines = part("haproxy-pages", "pages-restricted", "apply", mark=mark)
    done = _Proxy(tmp_path, lines).checked()

    assert done.returncode == 0, done.stderr
    assert len(lines.splitlines()) == len(plain)
    assert all(line.endswith(f"  # {mark}") for line in lines.splitlines())


def test_many_networks_fit(tmp_path: Path) -> None:
    """HAProxy takes 64 words a line; a network stands on a line of its own."""
    vpn = [f"10.{n}.0.0/24" for n in range(200)]
    lines = part("haproxy-pages", "pages-restricted", "apply", vpn=vpn)
    done = _Proxy(tmp_path, lines).checked()

    assert done.returncode == 0, done.stderr
    assert all(f" src {network} " in lines for network in vpn)
