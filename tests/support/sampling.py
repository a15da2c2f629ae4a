# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a sweep is run: all of it, or what a seed draws.

A sweep strikes every command with every fault; that is minutes. A sample strikes every command and
with every fault, but not every pair of them. ``SWEEP_SEED`` in the environment names the sample,
``all`` is the whole sweep; the day is the seed of a run that does not say (see tests/conftest.py).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

VARIABLE = "SWEEP_SEED"
WHOLE = "all"
_DRAWN = 4
_Item = TypeVar("_Item")
Draw = Callable[[Iterable[int]], list[int]]


def settle() -> None:
    """Choose the seed of this run, for all of its processes."""
    os.environ.setdefault(VARIABLE, f"{datetime.now(UTC):%Y%m%d}")


def seed() -> str:
    """The seed of this run."""
    return os.environ.get(VARIABLE, WHOLE)


def again() -> str:
    """How to run the same once more."""
    if seed() == WHOLE:
        return "the whole sweep: make sweep"
    return f"a sample with seed {seed()}: make sweep SEED={seed()}"


def drawn(items: Iterable[_Item], sweep: str, count: int = _DRAWN) -> list[_Item]:
    """Return the items that a sweep of this name strikes, in their order."""
    known = list(items)
    if seed() == WHOLE or len(known) <= count:
        return known
    places = random.Random(f"{seed()} {sweep}").sample(range(len(known)), count)
    return [known[place] for place in sorted(places)]


def covering(rows: Sequence[Mapping[str, Hashable]], sweep: str) -> set[int]:
    """Return numbers of rows such that each value of each column is in one of them."""
    if seed() == WHOLE:
        return set(range(len(rows)))
    missing = {(column, value) for row in rows for column, value in row.items()}
    order = list(range(len(rows)))
    random.Random(f"{seed()} {sweep}").shuffle(order)
    chosen: set[int] = set()
    # Rows with something new in every column first: as few rows as will do.
    for wanted in range(max(map(len, rows), default=0), 0, -1):
        for number in order:
            new = missing & rows[number].items()
            if len(new) >= wanted:
                chosen.add(number)
                missing -= new
    return chosen
