# SPDX-License-Identifier: GPL-3.0-or-later
"""The phase that asks each server what it is and judges the answer; it never changes anything."""

from __future__ import annotations

from ...change.states import Phase, Standing, StateMeaning

PHASE = Phase(
    name="assess",
    result="exchange_server",
    intents=(),  # nothing to plan or to approve
    states={
        "assessed": StateMeaning(Standing.DONE, unchanged=True),
        "unreachable": StateMeaning(Standing.UNKNOWN, unchanged=True),
        "authentication-failed": StateMeaning(Standing.UNKNOWN, unchanged=True),
        "refused": StateMeaning(Standing.UNKNOWN, unchanged=True),
        "error": StateMeaning(Standing.UNKNOWN, unchanged=True),
        "not-attempted": StateMeaning(Standing.UNKNOWN, unchanged=True),
        "not-in-inventory": StateMeaning(Standing.UNKNOWN, unchanged=True),
    },
)
