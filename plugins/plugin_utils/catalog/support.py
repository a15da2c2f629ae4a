# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a cumulative update was supported on a day: Microsoft's N, N-1, and the end dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .records.builds import Confidence, Support, SupportPhase

if TYPE_CHECKING:
    from datetime import date

    from .build_table import BuildTable

_COUNT = {"latest": 1, "latest-two": 2}


def support(table: BuildTable, product: str, cu: str | None, at: date) -> Support:
    """See :meth:`Catalog.support`; raises ``KeyError`` for an unknown product."""
    record = table.product(product)
    phase = next(
        (p for p in record.support if p.start <= at and (p.end is None or at <= p.end)), None
    )
    if phase is None:
        if at < record.release_date:
            note = f"{record.name} was released on {record.release_date}"
            return Support("unknown", note, record.source)
        last = record.support[-1]
        note = f"support of {record.name} ended on {last.end} ({last.note})"
        return Support("unsupported", note, last.source)
    covered = _covered(table, product, phase, at)
    remark = "" if phase.confidence is Confidence.READ else f" [{phase.confidence.value}]"
    if cu is None or not covered or cu in covered:
        return Support(phase.status, f"{phase.note}{remark}", phase.source, covered)
    base = next((entry for entry in table.cumulative_updates(product) if entry.cu == cu), None)
    if base is None:
        note = f"{product} {cu} is not in the catalogue"
        return Support("unknown", note, phase.source, covered)
    if table.released(base.build) > at:
        note = f"{product} {cu} was released on {base.release_date}, after {at}"
        return Support("unknown", note, base.source, covered)
    note = f"on {at} only these of {record.name} were in support: {', '.join(covered)}{remark}"
    return Support("unsupported", note, phase.source, covered)


def _covered(table: BuildTable, product: str, phase: SupportPhase, at: date) -> tuple[str, ...]:
    """The cumulative updates that a phase covers on a day; empty = all."""
    rule = phase.cumulative_updates
    if rule == ("all",):
        return ()
    if rule[0] not in _COUNT:
        return rule
    released = [
        cu
        for cu in table.cumulative_updates(product)
        if table.released(cu.build) <= at and cu.cu != "Preview"
    ]
    released.sort(key=lambda cu: (table.released(cu.build), cu.build))
    return tuple(cu.cu for cu in released[-_COUNT[rule[0]] :])
