# SPDX-License-Identifier: GPL-3.0-or-later
"""The key distribution centre of a realm: MIT's ``krb5kdc`` as a child that cannot outlive us."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from ...base.errors import ConfigError
from .realm import FOLDER, Realm, remove, require_tools, tool_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..engine import Credentials, SimulatedHost

_TRIES = 5
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.02
_GRACE_SECONDS = 5.0


class Kdc:
    """A realm with its process; ``close`` ends the process and removes the realm."""

    def __init__(self, realm: Realm) -> None:
        """Take a realm that was created; nothing runs yet."""
        self.realm = realm
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, folder: Path, hosts: Iterable[SimulatedHost], account: Credentials) -> Kdc:
        """Make a realm in a new folder below ``folder`` and serve it; raises ConfigError."""
        require_tools()
        hosts = list(hosts)
        for _ in range(_TRIES):
            # What a killed fleet left behind has the keys of accounts that are gone.
            remove(folder / FOLDER)
            kdc = cls(Realm(folder.absolute() / FOLDER, _free_port()))
            try:
                kdc.realm.create(hosts, account)
                if kdc.serve():
                    return kdc
            except BaseException:
                kdc.close()
                raise
        kdc.close()
        raise ConfigError("krb5kdc found no free port on 127.0.0.1; see kdc.log.")

    def serve(self) -> bool:
        """Start the process and wait until it listens; False if the port was taken meanwhile."""
        # The kernel ends it when we end, however we end.
        command = [tool_path("setpriv"), "--pdeathsig", "TERM", tool_path("krb5kdc"), "-n"]
        output = os.open(self.realm.folder / "krb5kdc.out", _APPEND, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - found by `require_tools`
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=self.realm.environment(), cwd=self.realm.folder, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(output)
        deadline = time.monotonic() + _READY_SECONDS
        while self._process.poll() is None:
            if _listens(self.realm.port):
                return True
            if time.monotonic() > deadline:
                raise ConfigError(f"krb5kdc does not listen; see {self.realm.folder}/kdc.log.")
            time.sleep(_POLL_SECONDS)
        return False

    def stop(self) -> None:
        """End the process; the realm stays, and `serve` starts it anew."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the process and remove every key."""
        self.stop()
        remove(self.realm.folder)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0
