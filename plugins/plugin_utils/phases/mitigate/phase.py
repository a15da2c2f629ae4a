# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that applies the mitigations of a campaign, or takes them off again."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, StateMeaning

MITIGATE, UNMITIGATE = "mitigate", "unmitigate"
PHASE = Phase(
    name="mitigate",
    result="mitigation",
    intents=(
        Intent(MITIGATE, "apply the mitigations of the campaign"),
        Intent(
            UNMITIGATE,
            "take the mitigations off again",
            # A script of Microsoft is judged by the host: what is off is as wanted here.
            {
                "mitigated": StateMeaning(Standing.WRONG),
                "not-mitigated": StateMeaning(Standing.DONE),
            },
        ),
    ),
    states={
        "mitigated": StateMeaning(Standing.DONE),
        "removed": StateMeaning(Standing.DONE),
        "not-needed": StateMeaning(Standing.DONE, unchanged=True),
        "planned": StateMeaning(Standing.PLANNED, unchanged=True),
        "stale-plan": StateMeaning(Standing.WRONG, unchanged=True),
        "stopped": StateMeaning(Standing.WRONG),
        "refused": StateMeaning(Standing.WRONG, unchanged=True),
        "partial": StateMeaning(Standing.WRONG),
        "degraded": StateMeaning(Standing.WRONG),
        "not-mitigated": StateMeaning(Standing.WRONG),
        "unknown": StateMeaning(Standing.UNKNOWN),
    },
)
