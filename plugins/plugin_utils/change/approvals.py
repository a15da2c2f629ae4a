# SPDX-License-Identifier: GPL-3.0-or-later
"""What was approved, as the options of an action give it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def approvals(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Return names and words; an empty YAML value approves nothing and is not the word None."""
    return {str(k): "" if v is None else str(v) for k, v in (given or {}).items()}
