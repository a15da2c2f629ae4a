# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that applies the mitigations of a campaign, or takes them off again."""

from __future__ import annotations

from ...change.states import Intent, Phase, Standing, State

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
            {"mitigated": State(Standing.WRONG), "not-mitigated": State(Standing.DONE)},
        ),
    ),
    states={
        "mitigated": State(Standing.DONE),
        "removed": State(Standing.DONE),
        "not-needed": State(Standing.DONE, unchanged=True),
        "planned": State(Standing.PLANNED, unchanged=True),
        "stale-plan": State(Standing.WRONG, unchanged=True),
        "stopped": State(Standing.WRONG),
        "refused": State(Standing.WRONG, unchanged=True),
        "partial": State(Standing.WRONG),
        "degraded": State(Standing.WRONG),
        "not-mitigated": State(Standing.WRONG),
        "unknown": State(Standing.UNKNOWN),
    },
)
