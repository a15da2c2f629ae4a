# SPDX-License-Identifier: GPL-3.0-or-later
"""Everybody but some networks: nobody forgotten, nobody twice, nothing that a rule refuses."""

from __future__ import annotations

import ipaddress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.complement import (
    MOST_RANGES,
    NEVER4,
    NEVER6,
    AddressRange,
    everybody_but,
)
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.render.kinds import Network

_END = {4: 2**32 - 1, 6: 2**128 - 1}


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> Network:
    return ipaddress.ip_network((address, min(length, address.max_prefixlen)), strict=False)


_ADDRESSES = st.one_of(
    st.ip_addresses(),
    # beside the ends of what is never listed, where an error by one would hide
    st.sampled_from(
        [ipaddress.ip_address(a) for a in (
            "0.0.0.0", "1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255", "255.255.255.255",
            "::", "::1", "::2", "fe80::1", "feff:ffff::", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        )]
    ),
)  # fmt: skip
_NETWORKS = st.lists(st.builds(_network, _ADDRESSES, st.integers(1, 128)), max_size=12)


def _spans(networks: list[Network], version: int) -> list[tuple[int, int]]:
    never = [*NEVER4, *NEVER6]
    return [(int(n[0]), int(n[-1])) for n in (*networks, *never) if n.version == version]


@pytest.mark.parametrize("version", [4, 6])
@given(networks=_NETWORKS)
def test_kept_blocked_and_never_listed_are_everything_and_apart(
    version: int, networks: list[Network]
) -> None:
    blocked = [(r.first, r.last) for r in everybody_but(networks) if r.version == version]
    others = _spans(networks, version)

    assert all(first <= last for first, last in blocked)
    for first, last in blocked:
        assert not [1 for begin, end in others if begin <= last and first <= end], (
            "kept and blocked"
        )
    after = 0
    for first, last in sorted([*blocked, *others]):
        assert first <= after, f"nobody said what happens to {ipaddress.ip_address(after)}"
        after = max(after, last + 1)
    assert after == _END[version] + 1


@given(networks=_NETWORKS)
def test_ranges_ascend_and_do_not_touch(networks: list[Network]) -> None:
    ranges = everybody_but(networks)

    for one, two in pairwise(ranges):
        assert (one.version, one.last + 1) < (two.version, two.first)


@given(networks=_NETWORKS, order=st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(networks: list[Network], order: object) -> None:
    turned = [*networks, *networks[:1]]
    order.shuffle(turned)  # type: ignore[attr-defined]

    assert everybody_but(turned) == everybody_but(networks)


def test_a_range_reads_as_the_cmdlet_takes_it() -> None:
    kept = [
        ipaddress.ip_network(n)
        for n in ("192.0.2.10", "192.0.2.12", "198.51.100.0/24", "fe80::/10")
    ]

    assert [str(found) for found in everybody_but(kept)] == [
        "1.0.0.0-126.255.255.255",
        "128.0.0.0-192.0.2.9",
        "192.0.2.11",
        "192.0.2.13-198.51.99.255",
        "198.51.101.0-223.255.255.255",
        "::2-fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]


def test_without_a_network_everybody_is_blocked_in_both_versions() -> None:
    first = int(ipaddress.ip_address("1.0.0.0"))

    assert everybody_but(()) == (
        AddressRange(4, first, int(ipaddress.ip_address("126.255.255.255"))),
        AddressRange(4, 2**31, int(ipaddress.ip_address("223.255.255.255"))),
        AddressRange(6, 2, int(ipaddress.ip_address("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))),
    )


def test_more_ranges_than_a_rule_takes_are_refused_with_the_cure() -> None:
    single = [ipaddress.ip_network(f"10.{n // 100}.{n % 100}.1") for n in range(MOST_RANGES)]

    with pytest.raises(ConfigError, match=r"1000 networks .* 1003 ranges, .* larger networks"):
        everybody_but(single)
    assert len(everybody_but(single[:-3])) == MOST_RANGES
