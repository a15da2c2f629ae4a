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
    return "".join(f"{line}\n" for line in _lines("", value))


def _lines(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key in sorted(value, key=str):
            name = json.dumps(str(key))[1:-1]
            yield from _lines(f"{path}.{name}" if path else name, value[key])
    elif isinstance(value, list | tuple) and value:
        for number, item in enumerate(value):
            yield from _lines(f"{path}[{number}]", item)
    elif value is not None or path:
        text = json.dumps(value)
        plain = text[1:-1] if isinstance(value, str) and '\\"' not in text else text
        yield f"{path}: {plain}" if path else plain
