# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that installs the security update for each exact build."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, StateMeaning

INTENT = "patch"
PHASE = Phase(
    name="patch",
    result="security_update",
    intents=(Intent(INTENT, "install the security update for each exact build"),),
    states={
        "patched": StateMeaning(Standing.DONE),
        "nothing-to-do": StateMeaning(Standing.DONE, unchanged=True),
        "planned": StateMeaning(Standing.PLANNED, unchanged=True),
        "stale-plan": StateMeaning(Standing.WRONG, unchanged=True),
        "stopped": StateMeaning(Standing.WRONG, unchanged=True),
        "not-patched": StateMeaning(Standing.WRONG, unchanged=True),
        "degraded": StateMeaning(Standing.WRONG),
        "unknown": StateMeaning(Standing.UNKNOWN),
    },
)
