# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that runs Microsoft's detection tools on a server and says what they prove."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, StateMeaning

DETECT = "detect"
PHASE = Phase(
    name="detect",
    result="detection",
    intents=(
        Intent(DETECT, "run Microsoft's detection tools, collect what they leave, and read it"),
    ),
    states={
        # The verdict: what the checks of this run come to together.
        "no-indicator": StateMeaning(Standing.DONE),
        "indicator-found": StateMeaning(Standing.WRONG),
        "conflict": StateMeaning(Standing.UNKNOWN),
        "inconclusive": StateMeaning(Standing.UNKNOWN),
        # No verdict of this run.
        "planned": StateMeaning(Standing.PLANNED, unchanged=True),
        "stopped": StateMeaning(Standing.WRONG, unchanged=True),
        "stale-plan": StateMeaning(Standing.WRONG, unchanged=True),
        "unknown": StateMeaning(Standing.UNKNOWN),
    },
)
