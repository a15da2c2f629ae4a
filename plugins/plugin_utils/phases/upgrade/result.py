# SPDX-License-Identifier: GPL-3.0-or-later
"""One result of an upgrade as data, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...install import result as install
from .phase import INTENT, PHASE

if TYPE_CHECKING:
    from ...install.request import InstallRequest
    from ...install.result import InstallResult

# What an update and an upgrade have in common has one name inside.
STATES = {"patched": "upgraded", "not-patched": "not-upgraded"}


def state_of(result: InstallResult) -> str:
    """The verdict in the words of an upgrade."""
    return STATES.get(result.outcome.state.value, result.outcome.state.value)


def to_dict(wanted: InstallRequest, result: InstallResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    entry = install.to_dict(wanted, result)
    state = state_of(result)
    told = result.told(PHASE, INTENT, state)
    return {**entry, "state": state, **told, "reapply": list(result.reapply)}
