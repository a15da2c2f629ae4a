# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations over a connection plugin of Ansible (winrm, psrp, ours), without importing Ansible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ...base.errors import RefusedError, RemediationError
from .base import ExecResult, ExecTransport

if TYPE_CHECKING:
    from collections.abc import Callable


class CommandConnection(Protocol):
    """What we use of ``ansible.plugins.connection.ConnectionBase``."""

    become: Any

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run one command; returns exit code, stdout, stderr."""


class AnsibleTransport(ExecTransport):
    """``classify`` turns an exception of the connection into one of our errors.

    A task's ``timeout`` passes through: Ansible raises it outside of ``Exception``.
    """

    def __init__(
        self,
        connection: CommandConnection,
        classify: Callable[[Exception], RemediationError],
        *,
        peer: str = "",
        **options: Any,
    ) -> None:
        if getattr(connection, "become", None):
            raise RefusedError(
                f"{peer or 'this host'}: become is set, and raw commands over WinRM ignore it, so "
                "they would run unprivileged and report success; connect as an administrator and "
                "remove become"
            )
        super().__init__(self._exec, peer=peer, **options)
        self._connection = connection
        self._classify = classify

    def _exec(self, command: str, stdin: bytes) -> ExecResult:
        try:
            code, stdout, stderr = self._connection.exec_command(
                command, in_data=stdin, sudoable=False
            )
        except RemediationError:
            raise  # our own connection plugin speaks our language already
        except Exception as error:
            raise self._classify(error) from error
        return ExecResult(stdout=stdout, stderr=stderr, exit_code=code)
