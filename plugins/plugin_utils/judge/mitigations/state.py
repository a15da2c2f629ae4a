# SPDX-License-Identifier: GPL-3.0-or-later
"""In what state a mitigation is on a host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class MitigationState(Enum):
    """The state of a mitigation, or of one part of it. Only ``HOLDS`` protects."""

    HOLDS = "holds"
    UNKNOWN = "unknown"  # could not be read
    PARTIAL = "partial"  # some parts hold, others do not
    OVERRIDDEN = "overridden"  # a child configuration clears or removes it
    SHADOWED = "shadowed"  # a rule before it ends the processing
    DISABLED = "disabled"  # there, but switched off
    WEAKER = "weaker revision"  # a published edition that is known not to protect
    ALTERED = "altered"  # carries the name, has other content
    WRONG_PLACE = "wrong site or path"  # the right content where it has no effect
    MISSING = "missing"
    NOT_APPLICABLE = "not applicable"  # cannot exist on this product or role


@dataclass(frozen=True, slots=True)
class Part:
    """One rule, service or application pool of a mitigation."""

    name: str
    state: MitigationState
    detail: str
    # Something of it is on the host, whatever its state: it can be left over.
    present: bool = False
    # A watchdog is stopped only so that it does not start the real target again.
    watchdog: bool = False


@dataclass(frozen=True, slots=True)
class JudgedMitigation:
    """One mitigation on one host."""

    id: str
    state: MitigationState
    detail: str
    present: bool
    parts: tuple[Part, ...] = ()


_LONGEST = 500  # names and patterns in it are the host's
# Of several things that are wrong, the one that an operator has to know first.
_TELLING = (
    MitigationState.ALTERED,
    MitigationState.WEAKER,
    MitigationState.OVERRIDDEN,
    MitigationState.SHADOWED,
    MitigationState.DISABLED,
    MitigationState.WRONG_PLACE,
)


def combine(mitigation: str, parts: Sequence[Part], *, absent: str) -> JudgedMitigation:
    """The state of the whole: it holds only if every part does.

    ``absent`` says why, where there is no part to look at.
    """
    if not parts:
        return JudgedMitigation(mitigation, MitigationState.NOT_APPLICABLE, absent, present=False)
    present = any(part.present and not part.watchdog for part in parts)
    failing = [part for part in parts if part.state is not MitigationState.HOLDS]
    if not failing:
        return JudgedMitigation(mitigation, MitigationState.HOLDS, "in full", present, tuple(parts))
    detail = "; ".join(f"{part.name}: {part.detail}"[:_LONGEST] for part in failing)
    return JudgedMitigation(
        mitigation, _whole(failing, present=present), detail, present, tuple(parts)
    )


def _whole(failing: Sequence[Part], *, present: bool) -> MitigationState:
    # The targets decide; where they are as wanted, their watchdogs do.
    deciding = [part for part in failing if not part.watchdog] or failing
    states = {part.state for part in deciding}
    for state in _TELLING:
        if state in states:
            return state
    if states == {MitigationState.UNKNOWN}:
        return MitigationState.UNKNOWN
    # Where only watchdogs are in the wanted state, somebody else stopped those.
    return MitigationState.PARTIAL if present else MitigationState.MISSING
