# SPDX-License-Identifier: GPL-3.0-or-later
"""A perfect upgrade is proven on servers without a front end, and asks for nothing they do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    Holds,
    InstallState,
)
from upgraded_host import UpgradedHost

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("role", "aside", "checks"),
    [
        ("Edge", {"pools", "probe"}, {"upgrade.front-end", "cu.schema"}),
        (
            "ManagementTools",
            {"components", "pools", "probe"},
            {"upgrade.front-end", "upgrade.services.disabled"},
        ),
        ("Mailbox", set(), set()),
    ],
)
def test_perfect_upgrade_is_proven_by_what_the_server_has(
    role: str, aside: set[str], checks: set[str], tmp_path: Path
) -> None:
    host = UpgradedHost(tmp_path, spec={"role": role})
    # Whoever has a directory of its own needs nobody who prepares that of the domain.
    result = host.upgrade(prepared_by=None if role == "Edge" else "jane")
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    conditions = result.outcome.conditions
    assert {c.condition for c in conditions if c.holds is Holds.NOT_APPLICABLE} == aside
    assert {c.check for c in result.prechecks if c.status.value == "not-applicable"} == checks
    assert host.asked.count("Test-FrontEnd") == 0 or role == "Mailbox"
