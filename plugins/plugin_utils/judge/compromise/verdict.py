# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on one server from all its checks: the worst of them, and never better than complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.model import COMPROMISE_ORDER, CompromiseState
from .records import CompromiseVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .records import DetectionCheck

_MOST = 20  # reasons; each check has all of its own


def compromise_of(
    checks: Iterable[DetectionCheck], required: Iterable[str], since: datetime
) -> CompromiseVerdict:
    """Return the verdict. Pure; another check, finding or failure never makes it better (I2).

    ``required``: ids of the checks that had to be answered; one that is missing is inconclusive.
    """
    found = tuple(checks)
    states = [check.state for check in found]
    answered = {check.id for check in found}
    missing = [name for name in dict.fromkeys(required) if name not in answered]
    if missing or not found:
        states.append(CompromiseState.INCONCLUSIVE)
    state = min(states, key=COMPROMISE_ORDER.index)
    reasons = [f"{name}: it was not answered" for name in missing]
    if not found and not missing:
        reasons.append("nothing was looked at")
    for check in sorted(found, key=lambda one: COMPROMISE_ORDER.index(one.state)):
        reasons += _of(check)
    more = len(reasons) - _MOST
    shown = (*reasons[:_MOST], *((f"and {more} more",) if more > 0 else ()))
    if state is CompromiseState.NO_INDICATOR:
        number = "1 check" if len(found) == 1 else f"{len(found)} checks"
        shown = (f"{number} found nothing, as far back as {since:%Y-%m-%d}",)
    return CompromiseVerdict(state, shown, found, since)


def _of(check: DetectionCheck) -> list[str]:
    if check.state is CompromiseState.NO_INDICATOR:
        return []
    why = "; ".join(check.reasons[:3])
    return [f"{check.id}: {check.state.value}" + (f": {why}" if why else "")]
