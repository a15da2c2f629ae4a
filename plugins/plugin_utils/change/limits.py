# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a task that changes a server may take, from what bounds its parts. Pure.

Nothing is ended by it: it says which time limit around a task would cut it off at work.
"""

from __future__ import annotations

from ..host.jobs.decide import Patience

# What has no end by the clock. Bytes that are pushed are bounded by their number: 12 hours are an
# image of 6 GiB over a line of 1.2 Mbit/s. Facts, locks and steps are each asked a few times.
DELIVERY_SECONDS = 12 * 3600
QUESTIONS_SECONDS = 3600


def longest(job_seconds: float, *, jobs: int = 1, besides: float = 0.0) -> float:
    """Return the seconds for the delivery, so many jobs one after the other, and what is besides."""
    patience = Patience(job_seconds)
    watched = jobs * (patience.deadline + patience.grace)
    return DELIVERY_SECONDS + watched + besides + QUESTIONS_SECONDS
