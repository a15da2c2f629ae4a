# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary table for a terminal: plain text, colour only when asked for."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from .entries import entries, next_step, urgency, verdict_of
from .exit_code import exit_code, meaning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RED, _YELLOW, _MAGENTA, _GREEN = "31", "33", "35", "32"
_COLOURS = {
    "vulnerable": _RED,
    "unsupported-and-vulnerable": _RED,
    "vulnerable-mitigated": _YELLOW,
    "fixed": _GREEN,
    "not-affected": _GREEN,
}  # everything else is not known: magenta
_HEAD = ("HOST", "VERDICT", "EXCHANGE", "BUILD", "FINDINGS", "UNKNOWN", "NEXT STEP")
_MIN_LAST = 24


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _fit(text: str, width: int) -> str:
    if _width(text) <= width:
        return text + " " * (width - _width(text))
    kept = ""
    for char in text:
        if _width(kept + char) > width - 1:
            break
        kept += char
    return kept + "…" + " " * (width - 1 - _width(kept))


def _row(host: Mapping[str, Any]) -> list[str]:
    assessment = host["assessment"]
    identity = assessment["identity"] if assessment else {}
    lines = entries(host)
    product = (identity.get("product") or "").removeprefix("Exchange")
    return [
        host["host"],
        verdict_of(host),
        f"{product} {identity.get('cumulative_update') or ''}".strip() or "-",
        identity.get("build") or "-",
        str(sum(line.status == "finding" for line in lines)),
        str(sum(line.status == "unknown" for line in lines)),
        next_step(host),
    ]


def _widths(rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    caps = (28, 26, 12, 15, 8, 7)
    widths = [
        min(cap, max(_width(row[index]) for row in [_HEAD, *rows]))
        for index, cap in enumerate(caps)
    ]
    widths.append(max(_MIN_LAST, columns - sum(widths) - 2 * len(caps)))
    return widths


def terminal_table(report: Mapping[str, Any], *, columns: int = 100, colour: bool = False) -> str:
    """Fleet table, most urgent host first, then the totals and what the exit status means."""
    hosts = sorted(report["hosts"], key=urgency)
    rows = [_row(host) for host in hosts]
    widths = _widths(rows, columns)
    lines = [
        "  ".join(_fit(text, width) for text, width in zip(_HEAD, widths, strict=True)).rstrip()
    ]
    for row in rows:
        cells = [_fit(text, width) for text, width in zip(row, widths, strict=True)]
        if colour:
            cells[1] = f"\x1b[{_COLOURS.get(row[1], _MAGENTA)}m{cells[1]}\x1b[0m"
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", *_summary(report)]) + "\n"


def _summary(report: Mapping[str, Any]) -> list[str]:
    totals, run = report["totals"], report["run"]
    groups = totals["by_group"]
    code = exit_code(report)
    counts = (
        f"{groups['findings']} with findings, {groups['unknown']} not fully known, "
        f"{groups['unreached']} not reached, {groups['nothing-found']} with nothing found"
    )
    return [
        f"{run['campaign']['title']}: {totals['inventory']} hosts in the inventory - {counts}.",
        f"Exit status {code}: {meaning(code)}.",
        "A host without findings is not thereby clean: this assesses exposure, not compromise.",
    ]
