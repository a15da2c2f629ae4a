# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything came of an order whose sender was cut off before it saw its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from ...facts.read import moment
from ..calls.core import order_status
from .driver import ORDERS

if TYPE_CHECKING:
    from datetime import datetime

    from ..calls.asking import Asks
    from .driver import JobOrder


def may_go_on(host: Asks, order: JobOrder, host_now: datetime) -> bool:
    """Whether the very same order is sent (again) for a job that the host does not know.

    False: nothing came of it and nothing will, so another order may be made. ``host_now``: the time
    on the host's clock.

    :raises RefusedError: it was carried out, and its job is gone from the host.
    """
    keys = [order.key(attempt) for attempt in range(1, ORDERS + 1)]
    fates = {fate for fate in order_status(host, keys) if fate}
    if "ok" in fates:
        raise RefusedError(
            f"job {order.job} was ordered on this host and is gone; whether the program ran is "
            "not known. Look at the host, then start another run"
        )
    # What the host refused, and what is too late, starts nothing any more. Everything else may
    # still be on its way: the very same order cannot start it twice.
    deadline = moment(order.deadline_utc)
    late = deadline is None or host_now >= deadline
    return "error" not in fates and ("begun" in fates or not late)
