# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of the controller."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time of the controller, with its zone."""
    return datetime.now(UTC)
