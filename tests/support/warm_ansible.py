# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible and the toolkit without a new interpreter for each run: imported once, forked for each.

``run()`` stands for ``subprocess.run()`` where a test starts ``python -m ansible ...`` or
``python -m ...cli.main ...``. What Python and Ansible read while they are imported is the
environment, so there is a process for each environment, and only for one that is asked for again:
the first run in an environment is a new interpreter, as for a user. What is not one of the two
commands is started as ever.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet import playbook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TOOLKIT = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
# Read while a run is under way, by this project or by what it stands on, and never at import.
READ_LATE = frozenset(
    {
        "COLUMNS",
        "EXCHANGE_REMEDIATION_KEY_PASSPHRASE",
        "PYTEST_CURRENT_TEST",
        "RESULTS_FILE",
        "XDG_STATE_HOME",
    }
)
_Key = tuple[tuple[str, str], ...]


class _Server:
    """One warm process; it ends when this side of its socket is closed, so also with us."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = theirs.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "warm_process", str(number)],
            env=with_support(environment), pass_fds=(number,), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()

    def start(self, order: dict[str, Any], outputs: tuple[int, int]) -> socket.socket:
        """Have a run started; what it does is said on the socket that is returned."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._ours, [b"run"], [theirs.fileno(), *outputs])
        ours.sendall(json.dumps(order).encode() + b"\n")
        return ours

    def close(self) -> None:
        """End it; runs that go on are left alone."""
        self._ours.close()
        self.process.wait(10)


_servers: dict[_Key, _Server | None] = {}
_lock = threading.Lock()


def with_support(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the warm process, which must find itself."""
    here = os.path.dirname(__file__)  # noqa: PTH120 - as sys.path spells it
    paths = [*filter(None, [environment.get("PYTHONPATH")]), here]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def _server(command: Sequence[str], env: Mapping[str, str]) -> _Server | None:
    """Return the warm process for a command, if it was run in this environment before."""
    # The toolkit needs no Ansible itself, but the playbooks that it starts do.
    known = playbook.environment(env) if command[2] == TOOLKIT else env
    fixed = {name: value for name, value in known.items() if name not in READ_LATE}
    key = tuple(sorted(fixed.items()))
    with _lock:
        if key not in _servers:
            _servers[key] = None
            return None
        server = _servers[key]
        if server is None or server.process.poll() is not None:
            server = _servers[key] = _Server(fixed)
        return server


@atexit.register
def close() -> None:
    """End all warm processes of this process."""
    for server in filter(None, _servers.values()):
        server.close()
    _servers.clear()


def run(
    command: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str],
    timeout: float,
    merged: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its status and output (stderr in stdout if merged).

    Raises TimeoutExpired, after it has killed the run, as subprocess.run does.
    """
    warm = (
        command[0] == sys.executable and command[1] == "-m" and command[2] in {"ansible", TOOLKIT}
    )
    server = _server(command, env) if warm else None
    if server is None:
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True, timeout=timeout, check=False, cwd=cwd, env=env,
        )  # fmt: skip
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        order = {"argv": command[2:], "cwd": str(cwd), "env": dict(env)}
        streams = (output.fileno(), (output if merged else errors).fileno())
        code = _wait(server.start(order, streams), command, timeout)
        output.seek(0)
        errors.seek(0)
        stderr = None if merged else errors.read()
        return subprocess.CompletedProcess(command, code, output.read(), stderr)


def _wait(status: socket.socket, command: Sequence[str], timeout: float) -> int:
    with status, status.makefile("rb") as lines:
        status.settimeout(timeout)
        pid = int(lines.readline())
        try:
            return int(lines.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout) from None
