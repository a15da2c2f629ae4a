# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the operator's policy does not let a change start now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ..phases.mitigate.models import Request


def objection(request: Request, now: datetime) -> str | None:
    """Return what is missing: an approval, or time until the window closes."""
    given = {name for name, value in request.given if value.strip()}
    if missing := [name for name in request.required if name not in given]:
        return f"The policy of this inventory asks for {', '.join(missing)}."
    if request.window_end is not None:
        left = int((request.window_end - now).total_seconds())
        if left < request.seconds:
            return (
                f"The window is open for {max(left, 0)} s, the change may take "
                f"{request.seconds} s; run again in the next window."
            )
    return None
