# SPDX-License-Identifier: GPL-3.0-or-later
"""What each level lets through, written a second time: plainly, from the raw values, for comparison.

Nothing of the toolkit is used here. The text is a chain of nftables that accepts first and drops then; the
templates exclude ("all but"), and each platform in its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SOURCES = {"disconnected": "keep", "https-blocked": "internal", "vpn-only": "vpn"}


def reference(
    level: str,
    values: Mapping[str, Any],
    *,
    discovery: bool = False,
    rest: str = "accept",
) -> str:
    """Return the chain of a level. ``discovery``: neighbour discovery of IPv6 passes; ``rest``: what
    becomes of traffic that is neither from nor to the servers.
    """
    rules = ["icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"] if discovery else []
    for family, servers, sources in _versions(level, values):
        rules += [r for s in servers for r in _server(level, family, s, sources)]
    lines = "\n".join(f"\t\t{rule}" for rule in rules)
    return (
        "table inet reference {\n\tchain forward {\n"
        f"\t\ttype filter hook forward priority 0; policy {rest};\n{lines}\n\t}}\n}}\n"
    )


def _versions(level: str, values: Mapping[str, Any]) -> Iterator[tuple[str, list[str], list[str]]]:
    for family, colon in (("ip", False), ("ip6", True)):
        yield (
            family,
            [text for text in values["servers"] if (":" in text) is colon],
            [text for text in values.get(_SOURCES[level]) or [] if (":" in text) is colon],
        )


def _server(level: str, family: str, server: str, sources: list[str]) -> Iterator[str]:
    to, by = f"{family} daddr {server}", f"{family} saddr {server}"
    if level == "disconnected":
        for source in sources:
            yield f"{family} saddr {source} {to} accept"
            yield f"{by} {family} daddr {source} accept"
        yield f"{to} drop"
        yield f"{by} drop"
        return
    for protocol in ("tcp", "udp"):
        for source in sources:
            yield f"{family} saddr {source} {to} {protocol} dport 443 accept"
        yield f"{to} {protocol} dport 443 drop"
