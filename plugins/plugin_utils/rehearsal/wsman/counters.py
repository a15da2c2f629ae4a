# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has served, for ``rehearse status`` and for tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What the host has served."""

    connections: int = 0
    requests: int = 0
    bytes_received: int = 0  # of HTTP, without TLS
    refused: int = 0  # 401 that ended an attempt
    kerberos: int = 0  # logins with a ticket
    delegated: int = 0  # of them, with the client's own ticket for everything
    commands: int = 0
