# SPDX-License-Identifier: GPL-3.0-or-later
"""A failure that has a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that has a name, with the repair that Microsoft documents."""

    failure: str  # stable id, e.g. "half-patch"
    title: str
    repair: str
    source: str
    detail: str | None = None
