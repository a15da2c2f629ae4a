# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one host, read from the options of the action."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...catalog.loader import load
from ...change import limits
from ...change.options import controller, policy, takeover_reason
from ...change.policy import Policy
from ...iis_module.models import BUSY_ATTEMPTS, BUSY_PAUSE
from .phase import MITIGATE, UNMITIGATE

if TYPE_CHECKING:
    from collections.abc import Mapping

INTENTS = {"present": MITIGATE, "absent": UNMITIGATE}


@dataclass(frozen=True, slots=True)
class MitigateRequest:
    """What is wanted of one host."""

    host: str
    run: str
    owner: str
    intent: str = MITIGATE
    campaign: str = "proxylogon"
    check: bool = False
    only: tuple[str, ...] = ()  # mitigations of the campaign; all of them when empty
    although_open: str | None = None  # why a mitigation comes off although it is still needed
    policy: Policy = field(default_factory=lambda: Policy(seconds=900))
    controller: str = ""  # its runs may take over from each other
    takeover: str = ""  # why the lock of somebody who is gone is taken

    @property
    def longest(self) -> float:
        """The seconds that the task may take, all waits included: no time limit may be shorter.

        A job of an earlier run is awaited (URL Rewrite, a script), then ours is ordered, again while
        another installation is at work.
        """
        pauses = (BUSY_ATTEMPTS - 1) * BUSY_PAUSE
        return limits.longest(self.policy.seconds, jobs=1 + BUSY_ATTEMPTS, besides=pauses)


def read(host: str, options: Mapping[str, Any], *, check: bool) -> MitigateRequest:
    """Read the options; raises :class:`RemediationError` before anything is sent."""
    load().campaign(options["campaign"])
    own = controller()
    return MitigateRequest(
        host,
        # The same run continues itself; the day makes it another one the next time.
        options.get("run") or f"{options['campaign']}-{utc_now():%Y-%m-%d}",
        options.get("owner") or own,
        INTENTS[options["state"]],
        options["campaign"],
        check=check or not options["confirm"],
        only=tuple(options.get("mitigations") or ()),
        although_open=options.get("although_open") or None,
        policy=policy(options),
        controller=own,
        takeover=takeover_reason(options.get("lock_takeover")),
    )
