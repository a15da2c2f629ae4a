# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the host lock in a test: what is sent gets the ticket, the life and the key that it needs.

``lock_of`` beside the parameters of what is sent says under whose ticket; an owner who took no lock has
none. ``ticket`` is one by its text. Each owner's run has one life, unless a
test gives another.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
        Transport,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.reply import (
        Reply,
    )


def life(owner: str, run: str) -> str:
    """The life of a run in tests."""
    return hashlib.sha256(f"{owner} {run}".encode()).hexdigest()[:32]


class Holders:
    """Remembers the tickets that a host gave."""

    def __init__(self) -> None:
        self.ticket: str | None = None  # of whoever took the lock last
        self._tickets: dict[str, str] = {}
        self._keys = (f"{number:064x}" for number in itertools.count(1 << 200))
        self._asked: tuple[str, str] = ("", "")

    def operation(
        self, name: str, parameters: Mapping[str, Any] | None = None, key: str | None = None
    ) -> Operation:
        """What is sent for it."""
        wanted = dict(parameters or {})
        ticket = self.ticket
        if "lock_of" in wanted:
            ticket = self._tickets.get(wanted.pop("lock_of"))
        ticket = wanted.pop("ticket", ticket)
        if name == "Lock-Host" and {"owner", "run"} <= wanted.keys():
            wanted.setdefault("life", life(wanted["owner"], wanted["run"]))
        self._asked = (name, str(wanted.get("owner")))
        way = loader.entry(name)
        if way is loader.OperationEntry.CHANGE and key is None and wanted.get("check") is not True:
            key = next(self._keys)
        return Operation(name, wanted, key, None if way is loader.OperationEntry.READ else ticket)

    def answered(self, result: Any) -> None:
        """Remember what the last one brought."""
        name, owner = self._asked
        if name == "Lock-Host" and isinstance(result, dict):
            self.ticket = self._tickets[owner] = result["ticket"]
        if name == "Unlock-Host" and isinstance(result, dict):
            self.ticket = None
            self._tickets.clear()


@dataclass
class HeldTransport:
    """The way of a test that takes the lock itself, and works without a session."""

    inner: Transport
    holders: Holders = field(default_factory=Holders)

    @property
    def peer(self) -> str:
        return self.inner.peer

    def run(self, operation: Operation) -> Reply:
        wanted = self.holders.operation(operation.name, operation.parameters, operation.key)
        reply = self.inner.run(wanted)
        self.holders.answered(reply.result)
        return reply
