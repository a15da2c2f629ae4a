# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the action to an upgrade, and one result as data in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...install import options as patch_options
from .phase import INTENT, PHASE

if TYPE_CHECKING:
    from ...install.request import InstallRequest, InstallResult

# What an update and an upgrade have in common has one name inside.
STATES = {"patched": "upgraded", "not-patched": "not-upgraded"}


def request(host: str, options: dict[str, Any], *, check: bool) -> InstallRequest:
    """Read the options; raises :class:`ConfigError`."""
    run = options.get("run") or f"upgrade-{utc_now():%Y-%m-%d}"
    return patch_options.request(host, {**options, "run": run, "kb": None}, check=check)


def state_of(result: InstallResult) -> str:
    """The verdict in the words of an upgrade."""
    return STATES.get(result.outcome.state.value, result.outcome.state.value)


def to_dict(wanted: InstallRequest, result: InstallResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    entry = patch_options.to_dict(wanted, result)
    state = state_of(result)
    told = PHASE.told(INTENT, state)
    return {**entry, "state": state, **told, "reapply": list(result.reapply)}
