# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan, and what became of it, for a terminal: every host and step, then why, then the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..change.states import Standing
from ..plan.show import about, change_of
from ..report.columns import line, widths, wrap
from .standing import standing_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..plan.fleet import FleetPlan, HostEntry
    from ..plan.records import Step

_RED, _YELLOW, _MAGENTA, _GREEN = "31", "33", "35", "32"
_COLOURS = {
    Standing.DONE: _GREEN,
    Standing.PLANNED: _YELLOW,
    Standing.WRONG: _RED,
    Standing.UNKNOWN: _MAGENTA,
    Standing.LEFT_OUT: "",
}
_HEAD = ("HOST", "STATE", "STEP", "OPERATION", "BEFORE -> AFTER")
_CAPS = (40, 16, 44, 28)  # a hostile name must not push the change off the screen
_NARROWEST = 30


def plan_table(plan: FleetPlan, *, columns: int = 120, colour: bool = False) -> str:
    """Return the hosts with their steps, the reasons, then the hosts without steps and why."""
    with_steps = {name: entry for name, entry in plan.hosts.items() if entry.has_steps}
    without = {name: entry for name, entry in plan.hosts.items() if not entry.has_steps}
    lines = _steps(plan.intent, with_steps, columns, colour=colour) if with_steps else []
    lines += _reasons(with_steps, columns)
    lines += _grouped("Without steps:", without, columns)
    lines += _notes(with_steps, columns)
    lines += _directive(plan.hosts, columns)
    lines += [*missing_lines(plan.missing), *([""] if plan.missing else [])]
    return "\n".join([*lines, *_summary(plan, len(with_steps))]) + "\n"


def missing_lines(missing: Mapping[str, str]) -> list[str]:
    """Servers that the directory knows and the inventory does not; none: no line."""
    lines = ["In no inventory:"] if missing else []
    return lines + [f"  {server}: {reason}" for server, reason in sorted(missing.items())]


def outcome_table(
    intent: str, hosts: Mapping[str, HostEntry], *, columns: int = 120, colour: bool = False
) -> str:
    """Return how each host ended; ``intent`` is that of the plan."""
    rows = [(name, entry.state, entry.reason) for name, entry in sorted(hosts.items())]
    head = ("HOST", "STATE", "WHY")
    cells = widths([head, *rows], (*_CAPS[:2], 10_000))
    cells[2] = max(columns - sum(cells[:2]) - 4, _NARROWEST)
    lines = [line(head, cells)]
    for row in rows:
        paint = _COLOURS[standing_of(intent, hosts[row[0]])] if colour else ""
        why = wrap(row[2], cells[2]) or [""]
        lines.append(line((row[0], row[1], why[0]), cells, paint))
        lines += [line(("", "", rest), cells) for rest in why[1:]]
    return "\n".join(lines) + "\n"


def _steps(intent: str, hosts: Mapping[str, HostEntry], columns: int, *, colour: bool) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for name, entry in sorted(hosts.items()):
        for number, step in enumerate(_steps_of(entry)):
            first = (name, entry.state) if number == 0 else ("", "")
            rows.append((*first, step.id, step.operation, change_of(step)))
    cells = widths([_HEAD, *rows], (*_CAPS, 10_000))
    cells[4] = max(columns - sum(cells[:4]) - 8, _NARROWEST)
    lines = [line(_HEAD, cells)]
    for row in rows:
        paint = _COLOURS[standing_of(intent, hosts[row[0]])] if colour and row[0] else ""
        lines.append(line(row, cells, paint))
    return [*lines, ""]


def _steps_of(entry: HostEntry) -> tuple[Step, ...]:
    return entry.plan.steps if entry.plan else ()


def _reasons(hosts: Mapping[str, HostEntry], columns: int) -> list[str]:
    """Each reason with its clause once, with the steps that it is for."""
    reasons: dict[str, dict[str, None]] = {}
    for entry in hosts.values():
        for step in _steps_of(entry):
            reasons.setdefault(about(step), {})[step.id] = None
    lines = ["Why:"] if reasons else []
    for reason, steps in reasons.items():
        lines += wrap(f"{', '.join(steps)}: {reason}", columns, first="  ", rest="    ")
    return [*lines, ""] if lines else []


def _grouped(title: str, hosts: Mapping[str, HostEntry], columns: int) -> list[str]:
    """Hosts of the same end together: nothing is cut off."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, entry in sorted(hosts.items()):
        refused = entry.plan.refused if entry.plan else ()
        why = " ".join([entry.reason, *refused])
        groups.setdefault((entry.state, why), []).append(name)
    lines = [title] if groups else []
    for (state, why), names in sorted(groups.items()):
        lines += wrap(f"{', '.join(names)}: {state}: {why}", columns, first="  ", rest="    ")
    return [*lines, ""] if lines else []


def _notes(hosts: Mapping[str, HostEntry], columns: int) -> list[str]:
    """What an operator should know about hosts with steps: refused parts, notes."""
    said: dict[str, list[str]] = {}
    for name, entry in sorted(hosts.items()):
        for text in (*(entry.plan.refused if entry.plan else ()), *_plan_notes(entry)):
            said.setdefault(text, []).append(name)
    lines = ["Note:"] if said else []
    for text, names in said.items():
        lines += wrap(f"{', '.join(names)}: {text}", columns, first="  ", rest="    ")
    return [*lines, ""] if lines else []


def _directive(hosts: Mapping[str, HostEntry], columns: int) -> list[str]:
    """What the directive says of the change, each sentence once with the hosts it is for."""
    said: dict[str, list[str]] = {}
    for name, entry in sorted(hosts.items()):
        for text in entry.directive:
            said.setdefault(text, []).append(name)
    lines = ["Directive:"] if said else []
    for text, names in said.items():
        lines += wrap(f"{', '.join(names)}: {text}", columns, first="  ", rest="    ")
    return [*lines, ""] if lines else []


def _plan_notes(entry: HostEntry) -> tuple[str, ...]:
    return entry.plan.notes if entry.plan else ()


def _summary(plan: FleetPlan, with_steps: int) -> list[str]:
    until = f"expires {plan.expires:%Y-%m-%d %H:%M} UTC" if plan.expires else "does not expire"
    signed = f"signed by {', '.join(plan.signed_by)}" if plan.signed_by else "not signed"
    counts = f"{with_steps} of {len(plan.hosts)} hosts with steps"
    return [f"{plan.intent} for {plan.campaign}: {counts}; run {plan.run}, {until}, {signed}."]
