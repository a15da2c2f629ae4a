# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser: it renders, and hostile text neither runs nor fetches anything."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.formats.html import html

from ..unit.report.samples import (
    CLEAN,
    OPEN,
    check,
    host_result,
    report,
    unreached,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> str:
    path = shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("no chromium on this machine")
    assert path, "CI looks at the report in a browser; install chromium"
    return path


@pytest.fixture
def tripwire() -> Iterator[tuple[int, list[bytes]]]:
    """A loopback port that records whatever connects to it."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        stop = threading.Event()

        def watch() -> None:
            while not stop.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                with client:
                    seen.append(client.recv(200))

        thread = threading.Thread(target=watch)
        thread.start()
        yield server.getsockname()[1], seen
        stop.set()
        thread.join()


def browse(chromium: str, tmp_path: Path, page: str, *arguments: str) -> str:
    file = tmp_path / "report.html"
    file.write_text(page)
    return subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments, file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


def test_hostile_text_neither_runs_nor_fetches(
    chromium: str, tmp_path: Path, tripwire: tuple[int, list[bytes]]
) -> None:
    port, seen = tripwire
    text = (
        f'"><script>document.title="owned";fetch("http://127.0.0.1:{port}/s")</script>'
        f'<img src="http://127.0.0.1:{port}/i" onerror="document.title=\'owned\'">'
        f"<style>@import url(http://127.0.0.1:{port}/c);</style>"
    )
    result = host_result("ex1", "unknown", checks=[check("a.b", "finding", summary=text)])
    result["errors"] = [{"source": text, "message": text}]
    result["assessment"]["identity"]["name"] = text
    dom = browse(
        chromium, tmp_path, html(report(result, unreached("ex2", reason=text))), "--dump-dom"
    )
    assert "&lt;script&gt;" in dom
    assert "<title>ProxyLogon" in dom
    assert not seen


def test_policy_stops_what_a_template_bug_would_let_through(
    chromium: str, tmp_path: Path, tripwire: tuple[int, list[bytes]]
) -> None:
    port, seen = tripwire
    hole = f'<script>document.title="owned"</script><img src="http://127.0.0.1:{port}/i">'
    page = html(report(CLEAN)).replace("</footer>", f"{hole}</footer>")
    dom = browse(chromium, tmp_path, page, "--dump-dom")
    assert "<title>ProxyLogon" in dom
    assert not seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_painted_in_both_colour_schemes(chromium: str, tmp_path: Path, scheme: str) -> None:
    picture = tmp_path / "page.png"
    page = html(report(CLEAN, OPEN, unreached("ex9")))
    browse(
        chromium, tmp_path, page, f"--screenshot={picture}", "--window-size=1200,900",
        *(["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []),
    )  # fmt: skip
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert struct.unpack(">II", header[16:24]) == (1200, 900)
    assert picture.stat().st_size > 20_000, "the page looks empty"
