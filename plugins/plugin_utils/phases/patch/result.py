# SPDX-License-Identifier: GPL-3.0-or-later
"""One result of a patch as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...install import result as install
from .phase import INTENT, PHASE

if TYPE_CHECKING:
    from ...install.request import InstallRequest
    from ...install.result import InstallResult


def to_dict(wanted: InstallRequest, result: InstallResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    entry = install.to_dict(wanted, result)
    return {**entry, **result.told(PHASE, INTENT, entry["state"])}
