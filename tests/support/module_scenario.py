# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario of the URL Rewrite module: how each host ends, on either engine."""

from __future__ import annotations

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from mitigated_host import AT

FLEET = scenario.load(
    scenario.FOLDER / "rewrite-module.yml",
    at=AT,
    credentials=Credentials("administrator", "nobody"),
)
# host -> status of ensuring it, launches, status of removing it afterwards
EXPECTED = {
    "plain": ("installed", 1, "removed"),
    "german": ("installed", 1, "removed"),
    "turkish": ("installed", 1, "removed"),
    "older-windows": ("installed", 1, "removed"),
    "no-runtime": ("refused", 0, "absent"),
    "foreign": ("present", 0, "not-ours"),
    "ancient": ("refused", 0, "not-ours"),
    "wants-restart": ("installed", 1, "removed"),
    "restarts": ("installed", 1, "removed"),
    "busy": ("installed", 2, "removed"),
    "rolled-back": ("failed", 1, "absent"),
    "reports-only": ("failed", 1, "absent"),
    "half": ("failed", 1, "not-ours"),
    "unknown-code": ("failed", 1, "removed"),
    "hangs": ("unknown", 1, "unknown"),
}


def world_of(name: str) -> World:
    """A fresh host of the scenario with its clock stopped."""
    world = next(one.world for one in FLEET.hosts if one.name == name)
    return World({**world.snapshot(), "now": AT.strftime("%Y-%m-%dT%H:%M:%SZ")})
