# SPDX-License-Identifier: GPL-3.0-or-later
"""What a level lets through, once for all network templates, so that they cannot differ."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from .complement import everybody_but

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .complement import AddressRange
    from .kinds import Address, Network

HTTPS = 443


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    """Who may speak with the servers at a level.

    ``everything``: all traffic in both directions is cut but for ``sources``; otherwise only
    connections to port 443 of the servers are, but for those from ``sources``. Where the device
    stands for the servers (a load balancer), their addresses are none of the template's values, and
    ``servers4`` and ``servers6`` are empty.
    """

    level: str
    everything: bool
    sources4: tuple[ipaddress.IPv4Network, ...]
    sources6: tuple[ipaddress.IPv6Network, ...]
    servers4: tuple[ipaddress.IPv4Address, ...]
    servers6: tuple[ipaddress.IPv6Address, ...]

    @property
    def both_versions(self) -> bool:
        return bool(self.servers4 and self.servers6)

    @property
    def others(self) -> tuple[AddressRange, ...]:
        """Everybody who is not among the sources, for devices on which a block beats an allow."""
        return everybody_but((*self.sources4, *self.sources6))


# What of IPv4 is not the internet: private, shared, of a link, of no machine.
_NO_INTERNET4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.168.0.0/16", "224.0.0.0/3",
)  # fmt: skip
# level -> (cut everything, name of the value with the networks that stay)
_SOURCES = {
    "disconnected": (True, "keep"),
    "https-blocked": (False, "internal"),
    "vpn-only": (False, "vpn"),
    "pages-restricted": (False, "vpn"),
}


def policy(level: str, values: Mapping[str, Any], where: str) -> TrafficPolicy | None:
    """Return the policy of a level, None where the level is not about traffic.

    :raises ConfigError: no server, or a level that would close port 443 to everybody unsaid.
    """
    if level not in _SOURCES or not {"servers", _SOURCES[level][1]} & values.keys():
        return None
    everything, name = _SOURCES[level]
    servers: Sequence[Address] = values.get("servers") or ()
    sources: Sequence[Network] = values.get(name) or ()
    if "servers" in values and not servers:
        raise ConfigError(f"{where}: servers is empty; name the addresses of the server")
    if not sources and not everything:
        raise ConfigError(
            f"{where}: {name} is empty, so {level} would be closed to everybody; name the networks, "
            "or use the level disconnected"
        )
    for version, whole in _internet().items():
        if _hold(whole, [n for n in sources if n.version == version]):
            raise ConfigError(
                f"{where}: {name} holds everybody there is of IPv{version}, taken together; name the "
                "networks that stay"
            )
    overlapping = [s for s in servers for n in sources if s.version == n.version and s in n]
    if overlapping and everything:
        raise ConfigError(
            f"{where}: {name} holds the server's own address {overlapping[0]}; name the networks of "
            "those who manage it, without the server"
        )
    return TrafficPolicy(
        level=level,
        everything=everything,
        sources4=tuple(_collapsed(n for n in sources if isinstance(n, ipaddress.IPv4Network))),
        sources6=tuple(_collapsed(n for n in sources if isinstance(n, ipaddress.IPv6Network))),
        servers4=tuple(sorted({s for s in servers if isinstance(s, ipaddress.IPv4Address)})),
        servers6=tuple(sorted({s for s in servers if isinstance(s, ipaddress.IPv6Address)})),
    )


@cache
def _internet() -> Mapping[int, tuple[Network, ...]]:
    """All that the internet is made of, by version; who names it by halves names it."""
    parts = [ipaddress.IPv4Network("0.0.0.0/0")]
    for hole in map(ipaddress.IPv4Network, _NO_INTERNET4):
        cut = next(part for part in parts if hole.subnet_of(part))
        parts.remove(cut)
        parts += cut.address_exclude(hole)
    return {4: tuple(parts), 6: (ipaddress.IPv6Network("2000::/3"),)}


def _hold(wanted: Iterable[Network], networks: Iterable[Any]) -> bool:
    """Whether some networks, taken together, hold all of the others."""
    joined = _collapsed(networks)
    return all(any(part.subnet_of(entry) for entry in joined) for part in wanted)


def _collapsed(networks: Iterable[Any]) -> list[Any]:
    return list(ipaddress.collapse_addresses(networks))
