# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be so before an update is started. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...install.checks import _disk, common_prechecks

if TYPE_CHECKING:
    from datetime import datetime

    from ...base.model import Assessment
    from ...change.checks import Precheck
    from ...change.policy import Policy
    from ...facts.read import Facts
    from ...install.models import UpdateSelection


def prechecks(
    choice: UpdateSelection,
    facts: Facts,
    snapshot: dict[str, Any] | None,
    assessment: Assessment | None,
    policy: Policy,
    now: datetime,
) -> tuple[Precheck, ...]:
    """Judge everything; each check reports on its own, none hides another."""
    common = common_prechecks(choice, facts, snapshot, assessment, policy, now)
    return (*common, *_disk(choice, facts, policy))
