# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may speak with the servers at a level; the same for all network templates."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.kinds import (
    address,
    network,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.policy import policy


def _values(servers: list[str], **networks: list[str]) -> dict[str, Any]:
    return {
        "servers": tuple(address(text, "here") for text in servers),
        **{
            name: tuple(network(text, "here") for text in found) for name, found in networks.items()
        },
    }


@pytest.mark.parametrize(
    ("level", "networks", "message"),
    [
        ("vpn-only", {}, "vpn is empty, so vpn-only would be closed to everybody"),
        ("https-blocked", {"internal": []}, "internal is empty, so https-blocked would be closed"),
        (
            "disconnected",
            {"keep": ["192.0.2.0/24"]},
            "keep holds the server's own address 192.0.2.10",
        ),
    ],
)
def test_a_level_that_is_not_what_it_says_is_refused(
    level: str, networks: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        policy(level, _values(["192.0.2.10"], **networks), "here")

    assert message in str(error.value)


def test_no_server_is_refused() -> None:
    with pytest.raises(ConfigError, match="servers is empty"):
        policy("disconnected", _values([]), "here")


def test_networks_are_joined_and_parted_by_version() -> None:
    found = policy(
        "vpn-only",
        _values(
            ["2001:db8::10", "192.0.2.11", "192.0.2.10"],
            vpn=["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "2001:db8:9::/48"],
        ),
        "here",
    )

    assert found is not None
    assert found.sources4 == (ipaddress.ip_network("10.0.0.0/8"),)
    assert found.sources6 == (ipaddress.ip_network("2001:db8:9::/48"),)
    assert list(map(str, found.servers4)) == ["192.0.2.10", "192.0.2.11"]
    assert found.both_versions
    assert not found.everything


def test_disconnected_may_keep_nobody() -> None:
    found = policy("disconnected", _values(["192.0.2.10"]), "here")

    assert found is not None
    assert found.everything
    assert found.sources4 == ()


@pytest.mark.parametrize(
    "text", ["192.0.2.0", "0.0.0.0/0", "::/0", "10.0.0.1/8", "10.0.0.0/33", "fe80::1%eth0/64"]
)
def test_a_network_is_one(text: str) -> None:
    if text == "192.0.2.0":
        assert network(text, "here").prefixlen == 32
        return
    with pytest.raises(ConfigError, match="here: "):
        network(text, "here")


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "ex01", "192.0.2.10/32"]
)
def test_an_address_is_that_of_one_machine(text: str) -> None:
    with pytest.raises(ConfigError, match="here: "):
        address(text, "here")
