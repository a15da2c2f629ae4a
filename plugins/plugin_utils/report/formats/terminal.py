# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary table for a terminal: plain text, colour only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..columns import line, widths, wrap
from ..document import compromise_of
from ..entries import (
    directive_lines,
    entries,
    hosts_of_the_run,
    next_step,
    other_day,
    urgency,
    verdict_of,
)
from ..exit_code import exit_code, meaning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RED, _YELLOW, _MAGENTA, _GREEN = "31", "33", "35", "32"
_COLOURS = {
    "vulnerable": _RED,
    "unsupported-and-vulnerable": _RED,
    "disputed": _RED,
    "vulnerable-mitigated": _YELLOW,
    "fixed": _GREEN,
    "not-affected": _GREEN,
}  # everything else is not known: magenta
_MEANING = (
    "EXPOSURE is what could be done to a host, COMPROMISE what detection tools found on it; no value "
    "of either says that it is clean."
)
_LABELS = ("first", "late", "next", "to be answered by a person", "scans", "conflict")
_HEAD = ("HOST", "EXPOSURE", "COMPROMISE", "EXCHANGE", "BUILD", "FINDINGS", "UNKNOWN")
_CAPS = (40, 26, 15, 14, 15, 8, 7)  # a hostile name must not push the verdicts off the screen
# Left out, in this order, where the terminal is too narrow.
_FIRST_TO_GO = (_HEAD.index("EXCHANGE"), _HEAD.index("BUILD"))


def _row(host: Mapping[str, Any]) -> list[str]:
    assessment = host["assessment"]
    identity = assessment["identity"] if assessment else {}
    lines = entries(host)
    product = (identity.get("product") or "").removeprefix("Exchange")
    return [
        host["host"],
        verdict_of(host),
        compromise_of(host),
        f"{product} {identity.get('cumulative_update') or ''}".strip() or "-",
        identity.get("build") or "-",
        str(sum(line.status == "finding" for line in lines)),
        str(sum(line.status == "unknown" for line in lines)),
    ]


def terminal_table(report: Mapping[str, Any], *, columns: int = 100, colour: bool = False) -> str:
    """Fleet table, most urgent host first; then what to do next; then the totals."""
    hosts = sorted(report["hosts"], key=urgency)
    rows = [_row(host) for host in hosts]
    head, rows, cells = _fitting(rows, columns)
    lines = [line(head, cells)]
    for row in rows:
        paint = _COLOURS.get(row[1], _MAGENTA) if colour else ""
        lines.append(line(row, cells, paint))
    parts = [lines, _steps(hosts, columns), _directive(hosts, columns), _summary(report)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _fitting(rows: list[list[str]], columns: int) -> tuple[list[str], list[list[str]], list[int]]:
    """Head, rows and widths without the columns that a narrow terminal has no room for."""
    cells, gone = widths([_HEAD, *rows], _CAPS), set[int]()
    for index in _FIRST_TO_GO:
        shown = [size for place, size in enumerate(cells) if place not in gone]
        if sum(shown) + 2 * (len(shown) - 1) > columns:
            gone.add(index)
    keep = [place for place in range(len(_HEAD)) if place not in gone]
    return (
        [_HEAD[place] for place in keep],
        [[row[place] for place in keep] for row in rows],
        [cells[place] for place in keep],
    )


def _directive(hosts: Sequence[Mapping[str, Any]], columns: int) -> list[str]:
    """What the directive wants: each sentence once, with the hosts it is for."""
    said: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        for line_ in directive_lines(host):
            said.setdefault(line_, []).append(host["host"])
    title = next((host["directive"]["title"] for host in hosts if host.get("directive")), None)
    lines = [f"{title}:"] if title else []
    for (label, text), names in sorted(said.items(), key=lambda row: _LABELS.index(row[0][0])):
        lines += wrap(f"{label}: {text}", columns, first="  ", rest="    ")
        lines += wrap(", ".join(names), columns, first="      ", rest="      ")
    return lines


def _steps(hosts: Sequence[Mapping[str, Any]], columns: int) -> list[str]:
    """Each next step once, in full, with the hosts it is for: nothing is cut off."""
    steps: dict[str, list[str]] = {}
    for host in hosts:
        steps.setdefault(next_step(host), []).append(host["host"])
    lines = ["Next, most urgent first:"]
    for number, (step, names) in enumerate(steps.items(), 1):
        for text, indent in ((f"{number:2}. {step}", "    "), (", ".join(names), "      ")):
            first = "" if indent == "    " else indent
            lines += wrap(text, columns, first=first, rest=indent)
    return lines


def _summary(report: Mapping[str, Any]) -> list[str]:
    run, groups = report["run"], report["totals"]["by_group"]
    code = exit_code(report)
    counts = (
        f"{groups['findings']} with findings, {groups['unknown']} not fully known, "
        f"{groups['unreached']} not reached, {groups['nothing-found']} with nothing found"
    )
    return [
        f"{run['campaign']['title']}: {hosts_of_the_run(report)} - {counts}.",
        f"Exit status {code}: {meaning(code)}.",
        *filter(None, [other_day(report)]),
        *(f"IN NO INVENTORY: {name}: {state}" for name, state in run.get("unlisted", {}).items()),
        *(f"NOT READ: {name}: {why}" for name, why in run.get("unreadable", {}).items()),
        _MEANING,
    ]
