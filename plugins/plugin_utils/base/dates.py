# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates as operators write them, and as files have them."""

from __future__ import annotations

from datetime import UTC, datetime

from .errors import (
    ConfigError,
)

_FIRST_YEAR, _LAST_YEAR = 1970, 2200


def utc_text(moment: datetime) -> str:
    """Return a moment as hosts and files have it, such as ``2021-03-05T10:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_date(text: str | None, option: str = "at") -> datetime | None:
    """The moment that an option names; raises :class:`ConfigError` on anything else."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return within_reason(moment)
    except ValueError:
        raise ConfigError(
            f"{option}: {text!r} is no ISO-8601 date; write it like 2021-03-05 or 2021-03-05T10:00:00Z"
        ) from None


def within_reason(moment: datetime) -> datetime:
    """Return a moment in UTC; raises ``ValueError`` for one that nothing can be reckoned from."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{moment.year} is no year of this matter")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
