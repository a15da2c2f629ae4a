# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is noted before it is sent and after it has arrived, and only then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.bring import bring
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.order import (
    Delivered,
    Delivery,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ARRIVED = Delivered("C:\\p\\a.exe", True, 5, 0, 1, 0, 1.0)  # noqa: FBT003 - as the record has it


@dataclass
class File:
    file: str = "a.exe"
    sha256: str = "0" * 64
    size: int = 5


@dataclass
class Journal:
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def record(self, event: str, data: dict[str, Any]) -> None:
        self.events.append((event, data))

    def again(self, act: Callable[[], Delivered]) -> Delivered:
        """The line broke at the first try."""
        act()
        return act()


def _file() -> Delivery:
    transport: Any = None
    return Delivery(transport, "ex01", "run-1", "me", File())


def test_it_is_noted_once_however_often_it_is_sent() -> None:
    journal, sent = Journal(), []

    def send(delivery: Delivery) -> Delivered:
        sent.append(delivery)
        return ARRIVED

    assert bring(journal, "scan/deliver", _file(), send) is ARRIVED

    about = {"step": "scan/deliver", "operation": "Add-PackageChunk"}
    wanted = {"package": "a.exe", "sha256": "0" * 64, "size": 5}
    result = {"changed": True, "path": "C:\\p\\a.exe"}
    assert journal.events == [
        ("intent", {**about, "parameters": wanted}),
        ("done", {**about, "result": result}),
    ]
    assert len(sent) == 2


def test_what_did_not_arrive_stays_an_intent() -> None:
    journal = Journal()

    def send(_delivery: Delivery) -> Delivered:
        raise RefusedError("the host loses what it gets")

    with pytest.raises(RefusedError):
        bring(journal, "scan/deliver", _file(), send)

    assert [event for event, _ in journal.events] == ["intent"]
