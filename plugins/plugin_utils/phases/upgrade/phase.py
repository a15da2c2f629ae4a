# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that changes the cumulative update, which cannot be taken back."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, StateMeaning

INTENT = "upgrade"
PHASE = Phase(
    name="upgrade",
    result="cumulative_update",
    intents=(Intent(INTENT, "change the cumulative update, which cannot be taken back"),),
    states={
        "upgraded": StateMeaning(Standing.DONE),
        "nothing-to-do": StateMeaning(Standing.DONE, unchanged=True),
        "planned": StateMeaning(Standing.PLANNED, unchanged=True),
        "stale-plan": StateMeaning(Standing.WRONG, unchanged=True),
        "stopped": StateMeaning(Standing.WRONG, unchanged=True),
        "not-upgraded": StateMeaning(Standing.WRONG, unchanged=True),
        "degraded": StateMeaning(Standing.WRONG),
        "unknown": StateMeaning(Standing.UNKNOWN),
    },
)
