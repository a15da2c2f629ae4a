# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one host that something is to be installed on, read from the options."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..base.clock import utc_now
from ..change import limits
from ..change.options import controller, policy, takeover_reason
from ..change.policy import Policy
from ..host.jobs.restart import RESTART_SECONDS
from .components import Maintenance

if TYPE_CHECKING:
    from .models import UpdateSelection


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
    busy_pause: float = 300.0  # seconds between them, while another installation is at work
    repair: bool = False  # somebody has looked: what does not hold is installed again
    takeover: str = ""  # the operator's reason to take the host from another owner
    place: str = ""  # the machine of the controller: several may work for one owner
    maintenance: Maintenance = Maintenance.AS_FOUND

    @property
    def holder(self) -> str:
        """The owner of the host lock: this run of the owner, on this machine, is one of its own."""
        who = f"{self.run}@{self.place}" if self.place else self.run
        return f"{self.owner}/{hashlib.sha256(who.encode()).hexdigest()[:8]}"

    @property
    def longest(self) -> float:
        """The seconds that the task may take, all waits included: no time limit may be shorter.

        An installer of an earlier run is awaited, then ours is ordered, again while another is busy.
        """
        pauses = (self.busy_attempts - 1) * self.busy_pause
        return limits.longest(
            self.policy.seconds,
            jobs=1 + self.busy_attempts,
            besides=pauses + RESTART_SECONDS + self.usable_seconds,
        )


def read(host: str, options: dict[str, Any], *, check: bool) -> InstallRequest:
    """Read the options; raises :class:`ConfigError`."""
    # Any run of this owner goes on with what another one has begun; the name is for people.
    run = options.get("run") or f"{options['campaign']}-{utc_now():%Y-%m-%d}"
    owner = options.get("owner") or controller()
    return InstallRequest(
        host,
        run,
        owner,
        options["campaign"],
        check=check or not options["confirm"],
        kb=options.get("kb"),
        policy=policy(options),
        restart=options["restart"],
        usable_seconds=float(options["usable_seconds"]),
        repair=options["repair"],
        takeover=takeover_reason(options.get("lock_takeover")),
        place=socket.gethostname(),
        maintenance=Maintenance(options["maintenance"]),
    )


def update_name(choice: UpdateSelection) -> str:
    """The name of an update on the host: by KB and resulting build."""
    return f"{(choice.kb or 'cu').lower()}-{choice.target}"
