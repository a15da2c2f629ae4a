# SPDX-License-Identifier: GPL-3.0-or-later
"""When a package was signed, against the day on which the update was released. Pure.

A signature of another season is that of another file. Microsoft signs an update in the weeks before
its release. Afterwards: the packages of March 2021 for older cumulative updates came until 16 March
and are all dated 2 March; a second version with other content has a build, and so a row, of its own.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from ...base.errors import RefusedError

if TYPE_CHECKING:
    from .binding import Binding
    from .records import Signature

BEFORE = timedelta(days=120)  # a quarter, the rhythm of cumulative updates, and a month
AFTER = timedelta(days=30)  # twice what March 2021 took
_FORM = "%b %d %H:%M:%S %Y %Z"  # as OpenSSL prints: "Mar  2 10:11:12 2021 GMT"


def signed_at(signature: Signature, name: str) -> datetime:
    """Return the moment of the time stamp; raises ``RefusedError`` for one that cannot be read."""
    try:
        return datetime.strptime(signature.timestamp, _FORM).replace(tzinfo=UTC)
    except ValueError as error:
        raise RefusedError(
            f"{name}: the time of its time stamp cannot be read ({signature.timestamp!r})"
        ) from error


def out_of_season(binding: Binding, signature: Signature, name: str) -> str | None:
    """Say how the time of signing does not fit the release; ``None`` when it fits."""
    day = signed_at(signature, name).date()
    first, last = season(binding.released, binding.release_known_to_the_day)
    if first <= day <= last:
        return None
    return (
        f"it was signed on {day}, the update was released on {binding.released}; an update is "
        f"signed between {first} and {last}"
    )


def season(released: date, to_the_day: bool) -> tuple[date, date]:  # noqa: FBT001 - two facts of one row
    """Return the first and the last day on which an update of that release is signed."""
    month = timedelta(0) if to_the_day else timedelta(days=31)
    return released - BEFORE, released + AFTER + month
