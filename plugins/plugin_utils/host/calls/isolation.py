# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters the network of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .asking import mapping, mapping_or_none

if TYPE_CHECKING:
    from .asking import Asks


@dataclass(frozen=True, slots=True)
class Firewall:
    """The Windows firewall as it is set, which does not say that it filters.

    ``profiles``: rows of the domain, private and public profile, each with the settings enabled,
    inbound, outbound and local_rules, such as ``{"value": "block", "source": "policy"}``; a value
    that nobody has set is null. ``service``: status and start_type of MpsSvc; ``None``: not there.
    """

    profiles: tuple[dict[str, Any], ...]
    service: dict[str, Any] | None


def firewall(host: Asks) -> Firewall:
    """Return how the profiles of the Windows firewall are set; rows of another shape are left out."""
    result = mapping(host.ask("Get-FirewallProfile", {}).result)
    rows = result.get("profiles")
    listed = rows if isinstance(rows, list) else []
    return Firewall(
        tuple(row for row in listed if isinstance(row, dict)),
        mapping_or_none(result.get("service")),
    )
