# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what would be done now is what was planned, and what has changed if not. Pure.

Reasons and clauses are words about a change, so they are not compared; the catalogue that they are
from is (``plan/fleet.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .serialize import step_to_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import HostPlan, Step

_COMPARED = ("operation", "parameters", "before", "after", "needs")
_SHOWN = 120  # characters of a value in a message
_ABSENT = object()


def stale(expected: HostPlan, found: HostPlan) -> tuple[str, ...]:
    """Say what is not as planned: facts by section, steps by id; empty if the plan fits."""
    return (*_facts(expected, found), *_steps(expected, found))


def beyond(expected: HostPlan, found: HostPlan) -> tuple[str, ...]:
    """Say which steps go beyond the plan, for a run that was begun under it and is continued.

    What was done already is not planned again, and what it changed is a fact now. What is left must
    be planned, with the same parameters.
    """
    planned = {step.id: step for step in expected.steps}
    said = []
    for step in found.steps:
        old = planned.get(step.id)
        if old is None:
            said.append(f"step {step.id} is not in the plan")
        else:
            said += _differences(old, step, ("operation", "parameters"))
    return tuple(said)


def _facts(expected: HostPlan, found: HostPlan) -> Iterator[str]:
    if expected.rests_on == found.rests_on:
        return
    old, new = dict(expected.sections), dict(found.sections)
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    for name in names:
        yield f"the facts in {name} have changed"
    if not names:
        yield "the facts that the plan rests on have changed"


def _steps(expected: HostPlan, found: HostPlan) -> Iterator[str]:
    old, new = ({step.id: step for step in plan.steps} for plan in (expected, found))
    for name in old.keys() - new.keys():
        yield f"step {name} is not needed any more"
    for name in new.keys() - old.keys():
        yield f"step {name} is needed and is not in the plan"
    for name in (step.id for step in expected.steps if step.id in new):
        yield from _differences(old[name], new[name], _COMPARED)
    if old.keys() == new.keys() and list(old) != list(new):
        yield f"the steps come in another order: {', '.join(new)}"


def _differences(old: Step, new: Step, members: tuple[str, ...]) -> Iterator[str]:
    before, after = step_to_dict(old), step_to_dict(new)
    for name in members:
        place = _first_difference(name, before[name], after[name])
        if place is not None:
            where, was, now = place
            yield f"step {old.id}: {where} was {_show(was)}, would be {_show(now)}"


def _first_difference(where: str, old: Any, new: Any) -> tuple[str, Any, Any] | None:
    """Return place, old and new value of the first leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{where}.{key}", key) for key in sorted({*old, *new}, key=str)]
        found = ((place, old.get(key, _ABSENT), new.get(key, _ABSENT)) for place, key in pairs)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        found = ((f"{where}[{n}]", *pair) for n, pair in enumerate(zip(old, new, strict=True)))
    elif old == new and isinstance(old, bool) == isinstance(new, bool):
        return None
    else:
        return where, old, new
    return next((d for place, a, b in found if (d := _first_difference(place, a, b))), None)


def _show(value: Any) -> str:
    """Return a short ASCII form: hosts choose what stands in it."""
    if value is _ABSENT:
        return "absent"
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
