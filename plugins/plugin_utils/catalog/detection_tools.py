# SPDX-License-Identifier: GPL-3.0-or-later
"""The detection tools that the collection knows: the files of ``data/detection_tools/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import ConfigError
from .loader import load

if TYPE_CHECKING:
    from .records.detection_tools import DetectionTool


def detection_tool(name: str) -> DetectionTool:
    """One detection tool by its id; raises :class:`ConfigError` that names those there are."""
    known = load().detection_tools()
    found = known.get(name)
    if found is None:
        raise ConfigError(
            f"there is no detection tool {name!r}; known are {', '.join(sorted(known))}"
        )
    return found
