# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of a fleet: WinRM's own numbers with a 1 in front."""

from __future__ import annotations

from dataclasses import dataclass

HTTP_PORT = 15985
HTTPS_PORT = 15986


@dataclass(frozen=True, slots=True)
class Ports:
    """The two ports of a fleet; 0 asks for free ones."""

    http: int = HTTP_PORT
    https: int = HTTPS_PORT
