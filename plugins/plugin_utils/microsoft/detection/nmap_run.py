# SPDX-License-Identifier: GPL-3.0-or-later
"""Run nmap on the controller with one pinned script against one address and port, and keep what was said."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ...base.errors import ConfigError, RefusedError
from .records import RunEnd

SCRIPT = "http-vuln-cve2021-26855"
_CURE = "install nmap (Debian: apt-get install nmap) on the controller"
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LAST_PORT = 65535
_MOST = 4 * 1024 * 1024  # bytes of the trace, and of the XML
_BODY = 65536  # of an answer; its head is what counts
_LOOK = 0.05  # seconds between two looks whether it ended
_GRACE = 10  # seconds that nmap has beyond its own time-out of the host


@dataclass(frozen=True, slots=True)
class NmapRequest:
    """What is asked. ``host_name``: goes into the Host header; it is never resolved."""

    address: str
    port: int
    script: Path
    sha256: str
    host_name: str = ""
    timeout: int = 60


@dataclass(frozen=True, slots=True)
class NmapRun:
    """What came of it: ``xml`` is nmap's own report, ``trace`` all that went to and fro."""

    request: NmapRequest
    command: tuple[str, ...]
    ended: RunEnd
    exit_code: int | None
    xml: bytes
    trace: bytes
    truncated: bool


def run_nmap(request: NmapRequest) -> NmapRun:
    """Run the script once, without a shell and without a question to a name server.

    :raises ConfigError: nmap is not there, or the address, port or name is none.
    :raises RefusedError: the script is not the pinned one.
    """
    _check(request)
    tool = shutil.which("nmap")
    if tool is None:
        raise ConfigError(f"nmap is not installed, so no front end can be asked; {_CURE}")
    script = _pinned(request)
    with tempfile.TemporaryDirectory(prefix="nmap-") as name:
        folder = Path(name)
        # What was hashed is what runs, whatever becomes of the operator's file.
        (folder / f"{SCRIPT}.nse").write_bytes(script)
        command = _command(tool, request, folder)
        ended, code = _run(command, folder, request.timeout + _GRACE)
        xml, xml_cut = _read(folder / "out.xml")
        trace, trace_cut = _read(folder / "trace")
    return NmapRun(request, command, ended, code, xml, trace, xml_cut or trace_cut)


def _check(request: NmapRequest) -> None:
    try:
        address = ipaddress.ip_address(request.address)
    except ValueError:
        raise ConfigError(f"nmap: {request.address[:100]!r} is no IP address") from None
    if address.is_multicast or address.is_unspecified or "%" in request.address:
        raise ConfigError(f"nmap: {request.address[:100]!r} is not the address of one server")
    port = request.port
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _LAST_PORT:
        raise ConfigError(f"nmap: {str(port)[:20]!r} is no port; use 1 to {_LAST_PORT}")
    if request.host_name and not _NAME.fullmatch(request.host_name):
        raise ConfigError(f"nmap: {request.host_name[:100]!r} is no name of a host")
    if request.timeout < 1:
        raise ConfigError("nmap: the time-out has to be a second at least")


def _pinned(request: NmapRequest) -> bytes:
    try:
        with request.script.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise ConfigError(f"{request.script}: {error.strerror}; name the script's file") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != request.sha256.lower():
        raise RefusedError(
            f"{request.script} has SHA-256 {digest}, not the pinned {request.sha256[:64]}; "
            "it was not run"
        )
    return data


def _command(tool: str, request: NmapRequest, folder: Path) -> tuple[str, ...]:
    # showall: it says so where it ran and found nothing, instead of nothing.
    given = ["vulns.showall", f"http.max-body-size={_BODY}", "http.truncated-ok"]
    if request.host_name:
        given.append(f"http.host={request.host_name}")
    six = ["-6"] if ":" in request.address else []
    return (
        tool, *six, "-n", "-Pn", "-sT", "-p", str(request.port),
        "--script", f"+{folder / SCRIPT}.nse",  # + forces it on a port that nmap names otherwise
        "--script-args", ",".join(given), "--script-trace",
        "--host-timeout", f"{request.timeout}s", "--max-retries", "2",
        "-oX", str(folder / "out.xml"), "--", request.address,
    )  # fmt: skip


def _run(command: tuple[str, ...], folder: Path, seconds: float) -> tuple[RunEnd, int | None]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(folder)}
    until = time.monotonic() + seconds
    with (folder / "trace").open("wb") as trace:
        process = subprocess.Popen(  # noqa: S603 - a list of checked arguments, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=trace,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if time.monotonic() > until:
                    return RunEnd.TIMED_OUT, None
                if any(_size(folder / name) > _MOST for name in ("trace", "out.xml")):
                    return RunEnd.INTERRUPTED, None
                time.sleep(_LOOK)
            code = process.returncode
            return (RunEnd.FINISHED if code >= 0 else RunEnd.INTERRUPTED), code
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path) -> tuple[bytes, bool]:
    if not path.exists():
        return b"", False
    with path.open("rb") as file:
        data = file.read(_MOST + 1)
    return data[:_MOST], len(data) > _MOST
