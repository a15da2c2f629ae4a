# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that installs the security update for each exact build."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, State

INTENT = "patch"
PHASE = Phase(
    name="patch",
    result="security_update",
    intents=(Intent(INTENT, "install the security update for each exact build"),),
    states={
        "patched": State(Standing.DONE),
        "nothing-to-do": State(Standing.DONE, unchanged=True),
        "planned": State(Standing.PLANNED, unchanged=True),
        "stale-plan": State(Standing.WRONG, unchanged=True),
        "stopped": State(Standing.WRONG, unchanged=True),
        "not-patched": State(Standing.WRONG, unchanged=True),
        "degraded": State(Standing.WRONG),
        "unknown": State(Standing.UNKNOWN),
    },
)
