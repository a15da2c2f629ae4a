# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2021, 3, 5, 10, tzinfo=UTC)


class Killed(BaseException):
    """The controller dies here."""


def journal(folder: Path, host: str = "ex01", secrets: tuple[str, ...] = ()) -> Journal:
    return Journal(folder / "case", host, "run-1", frozenset(secrets), lambda: AT)


def filled(folder: Path, lines: int = 3) -> Journal:
    made = journal(folder)
    for number in range(lines):
        made.record("intent", {"number": number, "text": "é" * number})
    return made
