# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Ansible's ``--diff`` shows it: one block per step, one line per value. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import HostPlan, Step


def step_diffs(host: str, plan: HostPlan) -> list[dict[str, str]]:
    """Return the value of a result's ``diff``: before and after of every step, with its reason."""
    return [
        {
            "before_header": f"{host}: {step.id} ({step.operation})",
            "after_header": about(step),
            "before": lines_of(step.before),
            "after": lines_of(step.after),
        }
        for step in plan.steps
    ]


def about(step: Step) -> str:
    """Return reason and clause of a step as one line."""
    return f"{step.reason} [{step.clause}]" if step.clause else step.reason


def lines_of(value: Any) -> str:
    """Write a JSON value with one ``path: value`` a line; ASCII, so that it is inert (I4)."""
    return "".join(
        f"{path}: {text}\n" if path else f"{text}\n" for path, text in _leaves("", value)
    )


def change_of(step: Step) -> str:
    """Return what a step changes as one line: ``build: 15.1.2176.2 -> 15.1.2176.9``."""
    before, after = (dict(_leaves("", value)) for value in (step.before, step.after))
    parts = []
    for path in [*after, *(path for path in before if path not in after)]:
        old, new = before.get(path, "-"), after.get(path, "-")
        if old != new:
            parts.append(f"{path}: {old} -> {new}" if path else f"{old} -> {new}")
    return "; ".join(parts) or "unchanged"


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield each value that holds no other one, with its place."""
    if isinstance(value, dict) and value:
        for key in sorted(value, key=str):
            name = json.dumps(str(key))[1:-1]
            yield from _leaves(f"{path}.{name}" if path else name, value[key])
    elif isinstance(value, list | tuple) and value:
        for number, item in enumerate(value):
            yield from _leaves(f"{path}[{number}]", item)
    elif value is not None or path:
        text = json.dumps(value)
        yield path, text[1:-1] if isinstance(value, str) and '\\"' not in text else text
