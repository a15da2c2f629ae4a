# SPDX-License-Identifier: GPL-3.0-or-later
"""From verdicts on CVEs to the verdict on a server: the worst one, never an average (I2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.model import OPEN_EXPOSURES, Exposure, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

_RANK = {verdict: position for position, verdict in enumerate(Verdict)}


def verdict_of(exposure: Exposure) -> Verdict:
    """The same word for a whole server."""
    return Verdict(exposure.value)


def worst(exposures: Iterable[Exposure]) -> Verdict:
    """The worst of them; nothing at all to go by is ``unknown``, never ``fixed``."""
    found = [verdict_of(exposure) for exposure in exposures]
    return min(found, key=_RANK.__getitem__) if found else Verdict.UNKNOWN


def verdict_on(required: Iterable[Exposure], related: Iterable[Exposure]) -> Verdict:
    """The verdict for a campaign: the required CVEs decide.

    A related one that is open takes a nice verdict away: the updates of March 2021 for old
    cumulative updates fix the four exploited CVEs and leave three others open.
    """
    found = worst(required)
    still = [exposure for exposure in related if exposure in OPEN_EXPOSURES]
    return worst(still) if still and found in (Verdict.FIXED, Verdict.NOT_AFFECTED) else found


def at_least_as_bad(left: Verdict, right: Verdict) -> bool:
    """Whether ``left`` is as bad as ``right`` or worse."""
    return _RANK[left] <= _RANK[right]
