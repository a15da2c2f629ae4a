# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended, judged by what was read back and by what the front end did. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...judge.mitigations.state import MitigationState
from .result import MitigateState, MitigationStanding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...change.run import StepFailure
    from ...plan.records import Refusal
    from .choose import MitigationSelection, SelectedMitigation
    from .probes import Answers

Ended = tuple[MitigateState, str, tuple[MitigationStanding, ...]]


def judge_mitigated(
    now: MitigationSelection,
    before: Answers,
    after: Answers,
    failed: Sequence[StepFailure],
    refused: Sequence[Refusal],
) -> Ended:
    """Judge a run that was to mitigate. ``now``: chosen anew from the facts read afterwards."""
    if now.stop:
        return MitigateState.UNKNOWN, now.stop, _standings(now.found, after)
    standings = _standings(now.found, after)
    needed = [one for one in now.found if one.needed is not False]
    told = {entry.about for entry in refused} | {entry.about for entry in failed}
    wanting = [
        *map(str, refused),
        *map(str, failed),
        *(
            why
            for one in needed
            if one.mitigation.id not in told and (why := _wanting(one, after)) is not None
        ),
    ]
    held = [one for one in needed if one.judged.state is MitigationState.HOLDS]
    if wanting:
        state = MitigateState.PARTIAL if held else MitigateState.STOPPED
        return state, " ".join(f"{line}." for line in wanting), standings
    if lost := sorted(before.healthy() - after.healthy() - _expected(now.found, after)):
        pages = ", ".join(f"{path} on {site}" for site, path in lost)
        return MitigateState.DEGRADED, f"Answered before and does not now: {pages}.", standings
    if not held and now.doubt:
        return MitigateState.STOPPED, now.doubt, standings
    if not held:
        reason = "Nothing is open that a mitigation of this campaign is for."
        if any(one.needed for one in now.found):
            reason = "No mitigation of what is open can be applied to this server."
        return MitigateState.NOT_NEEDED, reason, standings
    names = ", ".join(one.mitigation.id for one in held)
    return MitigateState.MITIGATED, f"{names}: in place in full, read back and tried.", standings


def judge_removed(
    now: MitigationSelection,
    before: Answers,
    after: Answers,
    failed: Sequence[StepFailure],
    refused: Sequence[Refusal],
) -> Ended:
    """Judge a run that was to take mitigations off. Failed steps leave their record on the host."""
    standings = _standings(now.found, None)
    if now.conflict:
        return MitigateState.UNKNOWN, now.conflict, standings
    wanting = [*map(str, failed), *map(str, refused)]
    if wanting:
        state = MitigateState.PARTIAL if failed else MitigateState.STOPPED
        return state, " ".join(f"{line}." for line in wanting), standings
    if lost := sorted(before.healthy() - after.healthy()):
        pages = ", ".join(f"{path} on {site}" for site, path in lost)
        return MitigateState.DEGRADED, f"Answered before and does not now: {pages}.", standings
    return MitigateState.REMOVED, "What was recorded before the mitigations is back.", standings


def _wanting(one: SelectedMitigation, after: Answers) -> str | None:
    """Why a needed mitigation does not count."""
    name = one.mitigation.id
    if one.judged.state is MitigationState.NOT_APPLICABLE:
        return None
    if one.needed is None:
        return f"{name}: whether it is needed is not known"
    if one.judged.state is not MitigationState.HOLDS:
        return f"{name}: {one.judged.state.value}: {one.judged.detail}"
    proven, words = after.proof(one.mitigation)
    return f"{name}: not proven, {words}" if words and proven is not True else None


def _standings(
    found: Iterable[SelectedMitigation], after: Answers | None
) -> tuple[MitigationStanding, ...]:
    return tuple(
        MitigationStanding(
            one.mitigation.id,
            one.judged.state.value,
            one.judged.detail,
            one.needed,
            after.proof(one.mitigation)[1] if after else None,
        )
        for one in found
    )


def _expected(found: Iterable[SelectedMitigation], after: Answers) -> set[tuple[str, str]]:
    """Pages that do not answer because a mitigation has stopped the pool that serves them."""
    stopped = {
        pool.name.casefold()
        for one in found
        if one.judged.state is MitigationState.HOLDS
        for pool in one.mitigation.app_pools
        if pool.state == "Stopped"
    }
    asked = after.questions.asked
    return {(q.site, q.path) for q in asked if (q.pool or "").casefold() in stopped}
