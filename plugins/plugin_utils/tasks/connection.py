# SPDX-License-Identifier: GPL-3.0-or-later
"""One host behind an Ansible connection: checked before use, described afterwards.

No import of ansible: the connection object is handed in.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..base.errors import TransportError
from ..host.transport.ansible_connection import AnsibleTransport
from ..host.transport.classify import classify
from ..host.transport.peer import checked_settings, peer_record
from .time_limit import command_seconds, limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..host.transport.base import Transport
    from ..host.transport.preflight import ConnectionSettings

_TRAFFIC = ("requests", "sent_bytes", "received_bytes")
# The transport asks again, or asks what became of it: no need to wait for a command without input.
_RECOVERY_SECONDS = 2
# Removing a shorter text from all results would make holes everywhere and protect nothing.
_SHORTEST_SECRET = 4


def contains_any(entry: Mapping[str, Any], secrets: Iterable[str]) -> bool:
    """Whether a secret is anywhere in the entry; much cheaper than looking at each value."""
    text = json.dumps(entry)
    return any(json.dumps(secret)[1:-1] in text for secret in secrets)


def _nonce(request: bytes) -> bytes:
    return str(json.loads(request)["nonce"]).encode()


class HostConnection:
    """``open`` checks and connects; ``peer`` and ``traffic`` are for the report."""

    def __init__(self, host: str, connection: Any, allowed: object) -> None:
        self.host = host
        self.become = getattr(connection, "become", None)  # the transport refuses it
        self._connection = connection
        self._allowed = allowed
        self._settings: ConnectionSettings | None = None
        self._waived: tuple[str, ...] = ()

    def address(self) -> str | None:
        """Where the inventory says that the host is."""
        value = self._option("remote_addr")
        return None if value is None else str(value)

    def place(self) -> str:
        """Address and port: two inventories may give different servers one name."""
        return f"{self.address()}-{self._option('port')}"

    def open(self) -> Transport:
        """A transport over the connection; raises before anything is sent if a rule forbids it."""
        self._settings, self._waived = checked_settings(
            self.host, self._plugin(), self._option, self._allowed
        )
        if hasattr(self._connection, "recovery_seconds"):
            self._connection.recovery_seconds = _RECOVERY_SECONDS
        return AnsibleTransport(self, classify, peer=self.host)

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run one command. After a failure the next one starts on a connection of its own.

        The old one cannot be used again: its message encryption belongs to a socket that is gone.
        A host that answers "still busy" for ever is given up here, whichever connection asks it.
        """
        try:
            with limited(command_seconds(in_data or b"")):
                done: tuple[int, bytes, bytes] = self._connection.exec_command(
                    cmd, in_data=in_data, sudoable=sudoable
                )
            self._require_input_sent(in_data or b"", done[1])
        except Exception:
            self._drop()
            raise
        return done

    def _require_input_sent(self, request: bytes, stdout: bytes) -> None:
        """Raise if sending the request broke off and the output does not answer it all the same."""
        broken = getattr(self._connection, "send_error", None)
        if broken is not None and _nonce(request) not in stdout:
            raise TransportError(f"the request did not arrive whole: {broken}")

    def _drop(self) -> None:
        with suppress(Exception):
            self._connection.close()
        for name in ("protocol", "shell_id", "runspace"):
            if hasattr(self._connection, name):
                setattr(self._connection, name, None)
        self._connection._connected = False  # noqa: SLF001 - what close() leaves when it fails

    def close(self) -> None:
        """Delete the shell now, so that its request is counted; Ansible's own close finds none."""
        with suppress(Exception):  # a suspect host's goodbye changes nothing about its answer
            self._connection.close()

    def peer(self) -> dict[str, Any]:
        """Whom we spoke to and how."""
        figures = {name: value for name, value in self._figures().items() if name not in _TRAFFIC}
        return peer_record(self.host, self._settings, self._waived, figures)

    def traffic(self) -> dict[str, int] | None:
        """Requests and bytes, where the connection counts them (``exchange.remediation.winrm``)."""
        figures = self._figures()
        return {name: figures[name] for name in _TRAFFIC} if figures else None

    def secrets(self) -> set[str]:
        """Values that must not come back in any result."""
        password = self._option("remote_password")
        return {str(password)} if password and len(str(password)) >= _SHORTEST_SECRET else set()

    def _figures(self) -> dict[str, Any]:
        guard = getattr(self._connection, "guard", None)
        figures: dict[str, Any] = guard.figures() if guard is not None else {}
        return figures

    def _plugin(self) -> str:
        return str(getattr(self._connection, "ansible_name", None) or self._connection.transport)

    def _option(self, name: str) -> Any:
        try:
            return self._connection.get_option(name)
        except KeyError:
            return None
