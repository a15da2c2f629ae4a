# SPDX-License-Identifier: GPL-3.0-or-later
"""A directive's deadline for one CVE on one asset, from its table.

The clock starts with the earlier of the KEV entry and the detection on the asset. A CVE
whose decision points are not known counts as not automatable with total impact, which
is how the directive's guidance treats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records.campaigns import CampaignCve
    from .records.directives import Directive


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something is due; ``due`` ``None`` = with the next upgrade."""

    directive: str
    cve: str
    clock: date
    days: int | None
    due: date | None
    triage: bool  # forensic triage is asked for as well
    source: str


def deadline(
    directive: Directive, entry: CampaignCve, *, exposed: bool, detected: date
) -> Deadline | None:
    """See :meth:`Catalog.deadline`."""
    kev = entry.known_exploited
    key = (bool(entry.automatable), entry.impact or "total", kev is not None, exposed)
    rule = next(
        (
            row
            for row in directive.deadlines
            if (row.automatable, row.impact, row.known_exploited, row.exposed) == key
        ),
        None,
    )
    if rule is None:
        return None
    clock = min(kev.added, detected) if kev else detected
    return Deadline(
        directive=directive.id,
        cve=entry.cve,
        clock=clock,
        days=rule.days,
        due=None if rule.days is None else clock + timedelta(days=rule.days),
        triage=rule.triage,
        source=directive.source,
    )
