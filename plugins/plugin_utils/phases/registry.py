# SPDX-License-Identifier: GPL-3.0-or-later
"""Every phase: from here follow the verbs of ``plan``, exit statuses, stop budgets, failing tasks."""

from __future__ import annotations

from ..base.errors import HostConflict, is_unseen
from ..change.states import Intent, Phase, Standing
from .assess.phase import PHASE as ASSESS
from .detect.phase import PHASE as DETECT
from .mitigate.phase import PHASE as MITIGATE
from .patch.phase import PHASE as PATCH
from .upgrade.phase import PHASE as UPGRADE

PHASES: tuple[Phase, ...] = (ASSESS, DETECT, MITIGATE, PATCH, UPGRADE)
_BY_INTENT: dict[str, Phase] = {intent.name: phase for phase in PHASES for intent in phase.intents}
INTENTS: dict[str, Intent] = {name: phase.intent(name) for name, phase in _BY_INTENT.items()}


def phase_of(intent: str) -> Phase:
    """Return the phase of an intent; raises ``KeyError``."""
    return _BY_INTENT[intent]


def standing(intent: str, state: str, code: str | None = None) -> Standing:
    """Return what an end means for a host.

    ``code``: of the error that ended it. Whoever was stopped because of the way to the host has
    seen nothing there, and what a host says that contradicts itself is not known.
    """
    phase = _BY_INTENT.get(intent)
    if phase is None:
        return Standing.UNKNOWN
    found = phase.meaning(intent, state).standing
    unknown = is_unseen(code) or code == HostConflict.code
    return Standing.UNKNOWN if found is Standing.WRONG and unknown else found
