# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that asks each server what it is and judges the answer; it never changes anything."""

from __future__ import annotations

from ...change.states import Phase, Standing, State

PHASE = Phase(
    name="assess",
    result="server_info",
    intents=(),  # nothing to plan or to approve
    states={
        "assessed": State(Standing.DONE, unchanged=True),
        "unreachable": State(Standing.UNKNOWN, unchanged=True),
        "authentication-failed": State(Standing.UNKNOWN, unchanged=True),
        "refused": State(Standing.UNKNOWN, unchanged=True),
        "error": State(Standing.UNKNOWN, unchanged=True),
        "not-attempted": State(Standing.UNKNOWN, unchanged=True),
    },
)
