# SPDX-License-Identifier: GPL-3.0-or-later
"""Everybody but some networks, as ranges that the Windows Firewall takes.

A block rule there beats every allow rule, whatever is more specific (Microsoft, windows-firewall/rules.md),
so what stays is not allowed: it is left out of what is blocked.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .kinds import Network

# The firewall refuses a rule that names one of them (FW_RULE_STATUS_SEMANTIC_ERROR_ADDRESS, 0x0010004A
# and 0x0010004C): unspecified, loopback, multicast, broadcast.
NEVER4 = tuple(map(ipaddress.IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))
NEVER6 = tuple(map(ipaddress.IPv6Network, ("::/127", "ff00::/8")))
MOST_RANGES = 1000  # no document says how many a rule takes; reported ones stay below it
_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class AddressRange:
    """From one address to another of the same version, both included."""

    version: int
    first: int
    last: int

    def __str__(self) -> str:
        """As ``-RemoteAddress`` takes it: ``192.0.2.1-192.0.2.9``, or one address alone."""
        kind = ipaddress.IPv4Address if self.version == 4 else ipaddress.IPv6Address  # noqa: PLR2004
        first, last = kind(self.first), kind(self.last)
        return str(first) if first == last else f"{first}-{last}"


def everybody_but(networks: Iterable[Network]) -> tuple[AddressRange, ...]:
    """Return all addresses of both versions outside the networks, those left out that no rule takes.

    Ascending, IPv4 first; no two touch or overlap. A version of which no network is named is there
    as a whole.

    :raises ConfigError: more ranges than one rule can be trusted to take.
    """
    kept = tuple(networks)
    ranges = tuple(
        found
        for version, never in ((4, NEVER4), (6, NEVER6))
        for found in _gaps(version, (*never, *(n for n in kept if n.version == version)))
    )
    if len(ranges) > MOST_RANGES:
        raise ConfigError(
            f"{len(kept)} networks that stay leave {len(ranges)} ranges, a rule takes {MOST_RANGES}; "
            "name larger networks instead of many single addresses"
        )
    return ranges


def _gaps(version: int, taken: Iterable[Network]) -> Iterator[AddressRange]:
    after = 0
    for first, last in sorted((int(n[0]), int(n[-1])) for n in taken):
        if first > after:
            yield AddressRange(version, after, first - 1)
        after = max(after, last + 1)
    if after < 2 ** _BITS[version]:
        yield AddressRange(version, after, 2 ** _BITS[version] - 1)
