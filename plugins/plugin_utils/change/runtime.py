# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of one server works with: knowledge, clocks, journal, notices. Tests bring their own."""

from __future__ import annotations

import time
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..base.progress import silent
from .life import Life

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.progress import Sink
    from ..catalog.catalog import Catalog
    from ..plan.records import HostPlan
    from .machine import MachineIdentity


@dataclass(slots=True)
class Runtime:
    """``sleep`` takes and ``clock`` returns seconds; ``now`` is the controller's time in UTC.

    ``record`` writes one event of the journal; ``admit`` raises ``StalePlan`` unless the approved
    plan says the same. ``claim`` raises ``RefusedError`` where another host of the inventory is the
    same machine.
    """

    catalog: Catalog
    _: KW_ONLY
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    notice: Sink = silent
    record: Callable[[str, dict[str, Any]], None] = lambda _event, _data: None
    admit: Callable[[HostPlan], None] = lambda _plan: None
    life: Life = field(default_factory=Life)
    claim: Callable[[MachineIdentity], None] = lambda _machine: None
