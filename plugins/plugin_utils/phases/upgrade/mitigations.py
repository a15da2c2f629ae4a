# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade does to mitigations, and which are to be applied again. Pure.

Setup overwrites every web.config, so rules are gone afterwards. Services and pools that a mitigation
stopped are given back before: setup starts what it installs, and takes the start types that it finds
for the right ones. What was in effect is written to the host first, so that whoever goes on after a
kill still knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...facts.read import Facts
from ...judge.knowledge import knowledge_of
from ...judge.mitigations.judge import judge_mitigation
from ...judge.mitigations.state import MitigationState
from ...judge.subject import subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ...base.model import Build
    from ...catalog.catalog import Catalog
    from ...catalog.records.mitigations import Mitigation
    from ...install.models import HostReading


@dataclass(frozen=True, slots=True)
class MitigationsInEffect:
    """Ids of mitigations, in the catalogue's order."""

    present: tuple[str, ...] = ()  # something of it is on the server
    holding: tuple[str, ...] = ()  # all of it is
    unread: tuple[str, ...] = ()  # could not be told
    ours: tuple[str, ...] = ()  # the server has our record of the state before

    @property
    def remembered(self) -> tuple[str, ...]:
        """What was in effect, by whomever."""
        return tuple(dict.fromkeys((*self.present, *self.ours)))


def stops_something(mitigation: Mitigation) -> bool:
    """Whether it works by stopping services or pools, not by rules."""
    return bool(mitigation.services or mitigation.app_pools)


def candidates(catalog: Catalog, build: Build) -> tuple[Mitigation, ...]:
    """The mitigations that can be on a server of this build."""
    return tuple(m for m in catalog.mitigations() if catalog.applies(m.id, build))


def read(
    catalog: Catalog,
    campaign: str,
    seen: HostReading,
    build: Build,
    at: datetime,
    ours: Iterable[str],
) -> MitigationsInEffect:
    """Judge one reading; ``ours``: those of which the server has our record."""
    one = subject(
        Facts.of(seen.facts, seen.errors), knowledge_of(catalog), catalog.campaign(campaign), at
    )
    states = {m.id: judge_mitigation(m, one) for m in candidates(catalog, build)}
    mine = set(ours)
    return MitigationsInEffect(
        tuple(name for name, state in states.items() if state.present),
        tuple(name for name, state in states.items() if state.state is MitigationState.HOLDS),
        tuple(name for name, state in states.items() if state.state is MitigationState.UNKNOWN),
        tuple(name for name in states if name in mine),
    )


def released(catalog: Catalog, found: MitigationsInEffect) -> tuple[str, ...]:
    """Those that are undone before setup starts: ours that stop services or pools."""
    return tuple(name for name in found.ours if stops_something(catalog.mitigation(name)))


def foreign(catalog: Catalog, found: MitigationsInEffect) -> tuple[str, ...]:
    """Those that stop services or pools and are not ours: their prior state is not known."""
    return tuple(
        name
        for name in found.present
        if name not in found.ours and stops_something(catalog.mitigation(name))
    )


def to_reapply(
    catalog: Catalog, remembered: Iterable[str], after: MitigationsInEffect, build: Build
) -> tuple[str, ...]:
    """What was in effect, is not any more, and is still needed at the build that is there now."""
    return tuple(
        name
        for name in dict.fromkeys(remembered)
        if name not in after.holding
        and catalog.applies(name, build)
        and catalog.must_come_off(name, build) is not True
    )
