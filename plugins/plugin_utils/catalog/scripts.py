# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of Microsoft that the collection knows: the files of ``data/scripts/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import ConfigError
from .loader import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .records.tools import MicrosoftScript


def tools() -> Mapping[str, MicrosoftScript]:
    """Every script by its id, e.g. ``eomt``."""
    return load().scripts()


def tool(name: str) -> MicrosoftScript:
    """One script by its id; raises :class:`ConfigError` that names those there are."""
    found = tools().get(name)
    if found is None:
        raise ConfigError(f"there is no tool {name!r}; known are {', '.join(sorted(tools()))}")
    return found
