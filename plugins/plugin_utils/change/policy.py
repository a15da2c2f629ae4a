# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator decides about a change, and why it does not let one start now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class DagAnswer:
    """The answer of the DAG guard: asked of the organisation, never of the host itself (I17)."""

    allowed: bool
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decides."""

    room_bytes: int = 2 * _GIB  # logs and whatever else grows meanwhile
    seconds: int = 3600  # the longest that the whole change may take, with restart and proof
    window_end: datetime | None = None
    guard: DagAnswer | None = None
    package_bytes: int | None = None  # where no package of the catalogue says it
    required: tuple[str, ...] = ()  # approvals that the policy asks for: ticket, approved_by
    given: tuple[tuple[str, str], ...] = ()

    @property
    def approvals(self) -> dict[str, str]:
        """The approvals that say something, by name."""
        return {name: value for name, value in self.given if value.strip()}

    @property
    def missing(self) -> tuple[str, ...]:
        """The approvals that are asked for and not given."""
        return tuple(name for name in self.required if name not in self.approvals)

    def seconds_left(self, now: datetime) -> int | None:
        """How long the window is still open; ``None``: there is no window."""
        if self.window_end is None:
            return None
        return int((self.window_end - now).total_seconds())


def objection(policy: Policy, now: datetime) -> str | None:
    """Return what is missing: an approval, or time until the window closes."""
    if policy.missing:
        return f"The policy of this inventory asks for {', '.join(policy.missing)}."
    left = policy.seconds_left(now)
    if left is not None and left < policy.seconds:
        return (
            f"The window is open for {max(left, 0)} s, the change may take "
            f"{policy.seconds} s; run again in the next window."
        )
    return None
