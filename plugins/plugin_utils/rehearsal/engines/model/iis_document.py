# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of IIS as one collection of facts remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True, slots=True)
class Configuration:
    """The server's configuration file."""

    file: str
    root: Element
