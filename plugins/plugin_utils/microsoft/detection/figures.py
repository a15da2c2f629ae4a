# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of days as the culture of the server writes them."""

from __future__ import annotations

import re
from datetime import timedelta

# One decimal always ("N1"); groups of three before it, whatever separates them: 2,149.3 2.149,3
# 2 149,3 2'149.3, and 2?149,3 where ASCII lost a narrow blank.
_DAYS = re.compile(r"(\d{1,3}(?:[^\d]\d{3})*|\d+)[^\d](\d)\Z")
_CHARACTERS = 40
_ROUNDED = timedelta(days=0.05)  # up by as much as this
_LONGEST = 40_000  # days; older than any log


def age(text: str) -> timedelta | None:
    """Return the least age that a text can mean, for it is rounded; None where it says none."""
    match = _DAYS.match(text.strip()) if len(text) <= _CHARACTERS else None
    if match is None:
        return None
    days = int(re.sub(r"\D", "", match[1]))
    if days > _LONGEST:
        return None
    return max(timedelta(days=days, hours=2.4 * int(match[2])) - _ROUNDED, timedelta())
