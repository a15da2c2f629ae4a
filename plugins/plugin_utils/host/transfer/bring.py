# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a file to a host within a run: noted before and after, and again while the line breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from .order import Delivered, Delivery

_OPERATION = "Add-PackageChunk"  # as journals of every release call it, also where the host fetches


class TransferSession(Protocol):
    """What is needed of the session of a run."""

    @property
    def record(self) -> Callable[[str, dict[str, Any]], None]: ...
    def again(self, act: Callable[[], Delivered]) -> Delivered: ...


def bring(
    session: TransferSession, step: str, file: Delivery, send: Callable[[Delivery], Delivered]
) -> Delivered:
    """Bring it by ``send``, which pushes or lets the host fetch; the host hashes it (I10).

    The journal gets ``intent`` with the file's name, hash and size, and ``done`` with its path on
    the host. Bytes that lie there already are not sent again.
    """
    about = {"step": step, "operation": _OPERATION}
    session.record("intent", {**about, "parameters": file.wanted()})
    delivered = session.again(lambda: send(file))
    result = {"changed": delivered.changed, "path": delivered.path}
    session.record("done", {**about, "result": result})
    return delivered
