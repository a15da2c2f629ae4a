# SPDX-License-Identifier: GPL-3.0-or-later
"""What installing or removing the URL Rewrite module works with, and how it ended."""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..base.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.progress import Sink
    from ..catalog.records.iis_modules import ModuleKnowledge
    from ..host.transfer.order import Delivered, Delivery
    from ..plan.records import Step
    from ..trust.packages.iis_module_records import ModuleRecord

# While another installation is at work: so many times, with so many seconds between them.
BUSY_ATTEMPTS = 3
BUSY_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class IisModuleRuntime:
    """What it works with; tests hand in their own clocks.

    ``modules`` are those of the verified package catalogue, ``deliver`` brings one of them.
    """

    host: str
    knowledge: ModuleKnowledge
    modules: tuple[ModuleRecord, ...]
    deliver: Callable[[Delivery], Delivered]
    check: bool = False
    # Files that have no rewrite section any more once the undo of our rules is done, folded: what
    # will not need the module does not keep it. Only for a plan; later the host is asked again.
    undone: frozenset[str] = frozenset()
    seconds: int = 1800  # the longest that the installer may take
    busy_attempts: int = BUSY_ATTEMPTS
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    notice: Sink = silent
    spread: Callable[[], float] = random.random  # keeps the questions of many hosts apart
    # Another name for each invocation: a stored answer of an earlier one must not come back.
    token: Callable[[], str] = lambda: secrets.token_hex(8)


class IisModuleStatus(Enum):
    """What may be done next follows from it, whoever asks."""

    PRESENT = "present"  # it may be used; nothing was done
    PLANNED = "planned"  # check mode: the steps say what would be done
    INSTALLED = "installed"  # done and read back
    REMOVED = "removed"  # done and read back
    NOT_OURS = "not-ours"  # it stays, somebody else installed it
    ABSENT = "absent"  # nothing there and nothing done
    REFUSED = "refused"  # nothing was changed, something forbids it
    FAILED = "failed"  # tried; it did not work
    UNKNOWN = "unknown"  # an installer may be at work: keep the lock


@dataclass(frozen=True, slots=True)
class IisModuleOutcome:
    """``before`` and ``after`` are what was read, for diffs and people."""

    status: IisModuleStatus
    reason: str
    changed: bool = False
    steps: tuple[Step, ...] = ()
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reboot_required: bool = False
    details: dict[str, Any] = field(default_factory=dict)  # job, exit code, bytes sent
