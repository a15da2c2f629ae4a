# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that changes the cumulative update, which cannot be taken back."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, State

INTENT = "upgrade"
PHASE = Phase(
    name="upgrade",
    result="cumulative_update",
    intents=(Intent(INTENT, "change the cumulative update, which cannot be taken back"),),
    states={
        "upgraded": State(Standing.DONE),
        "nothing-to-do": State(Standing.DONE, unchanged=True),
        "planned": State(Standing.PLANNED, unchanged=True),
        "stale-plan": State(Standing.WRONG, unchanged=True),
        "stopped": State(Standing.WRONG, unchanged=True),
        "not-upgraded": State(Standing.WRONG, unchanged=True),
        "degraded": State(Standing.WRONG),
        "unknown": State(Standing.UNKNOWN),
    },
)
