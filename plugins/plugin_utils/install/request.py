# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a patch run, what it works with, and what it hands back."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..base.progress import silent
from ..change.policy import Policy
from .components import Maintenance

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.progress import Sink
    from ..catalog.catalog import Catalog
    from ..change.checks import Precheck
    from ..host.transfer.order import Delivered, Delivery
    from ..plan.records import HostPlan
    from ..trust.packages.catalogue import PackageCatalogue
    from .models import InstallVerdict, UpdateSelection


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """What is wanted of one host. The host is the memory: any run of ``owner`` goes on there."""

    host: str
    run: str
    owner: str
    campaign: str = "proxylogon"
    check: bool = False
    kb: str | None = None
    policy: Policy = field(default_factory=Policy)
    restart: bool = True
    usable_seconds: float = 1800.0
    progress_seconds: int = 1800
    busy_attempts: int = 3
    repair: bool = False  # somebody has looked: what does not hold is installed again
    takeover: str = ""  # the operator's reason to take the host from another owner
    place: str = ""  # the machine of the controller: several may work for one owner
    maintenance: Maintenance = Maintenance.AS_FOUND

    @property
    def holder(self) -> str:
        """The owner of the host lock: this run of the owner, on this machine, is one of its own."""
        who = f"{self.run}@{self.place}" if self.place else self.run
        return f"{self.owner}/{hashlib.sha256(who.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class InstallResult:
    """How it went, with everything it rests on."""

    outcome: InstallVerdict
    choice: UpdateSelection | None = None
    prechecks: tuple[Precheck, ...] = ()
    planned: HostPlan | None = None
    done: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    exit_code: int | None = None
    commands: int = 0
    reapply: tuple[str, ...] = ()  # mitigations that were in effect and are to be applied again
    lock: dict[str, Any] | None = None  # from whom it was taken over, and why

    @property
    def plan(self) -> tuple[str, ...]:
        """The ids of the planned steps."""
        return tuple(step.id for step in self.planned.steps) if self.planned else ()


@dataclass(slots=True)
class InstallRuntime:
    """The world around a run; tests hand in their own."""

    catalog: Catalog
    store: PackageCatalogue | None
    deliver: Callable[[Delivery], Delivered]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    notice: Sink = silent
    delivery: str = "Add-PackageChunk"  # the operation that brings the package
    # The journal; and whether this plan may be carried out, which raises ``StalePlan`` if not.
    record: Callable[[str, dict[str, Any]], None] = lambda _event, _data: None
    admit: Callable[[HostPlan], None] = lambda _plan: None


def update_name(choice: UpdateSelection) -> str:
    """The name of an update on the host: by KB and resulting build."""
    return f"{(choice.kb or 'cu').lower()}-{choice.target}"
