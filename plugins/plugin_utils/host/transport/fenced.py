# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a host for whoever holds its lock: the ticket goes with everything that is no question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..operations import loader

if TYPE_CHECKING:
    from .base import Transport
    from .codec import Operation
    from .reply import Reply


@dataclass(slots=True)
class FencedTransport:
    """``ticket``: of the lock as it was had last, ``None`` before. The host refuses an older one (I16)."""

    inner: Transport
    ticket: str | None = None

    @property
    def peer(self) -> str:
        """Whom the connection authenticated."""
        return self.inner.peer

    def run(self, operation: Operation) -> Reply:
        """Return the reply of the host."""
        if not loader.reads_only(operation.name):
            operation = replace(operation, lock=self.ticket)
        return self.inner.run(operation)
