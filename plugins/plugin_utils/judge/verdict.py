# SPDX-License-Identifier: GPL-3.0-or-later
"""From verdicts on CVEs to the verdict on a server: the worst one, never an average (I2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.model import Exposure, Verdict

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


def at_least_as_bad(left: Verdict, right: Verdict) -> bool:
    """Whether ``left`` is as bad as ``right`` or worse."""
    return _RANK[left] <= _RANK[right]
