# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may speak with the servers at a level; the same for all network templates."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.kinds import (
    KINDS,
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


@pytest.mark.parametrize(
    ("level", "name", "networks"),
    [
        ("https-blocked", "internal", ["0.0.0.0/1", "128.0.0.0/1"]),
        ("https-blocked", "internal", ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/3"]),
        ("vpn-only", "vpn", ["::/1", "8000::/1"]),
        ("vpn-only", "vpn", ["2000::/4", "3000::/4", "10.0.0.0/8"]),
        ("disconnected", "keep", ["2000::/3"]),
    ],
)
def test_everybody_by_halves_is_everybody(level: str, name: str, networks: list[str]) -> None:
    with pytest.raises(ConfigError, match=f"here: {name} holds everybody there is of IPv"):
        policy(level, _values(["192.0.2.10"], **{name: networks}), "here")


def test_half_of_the_internet_is_not_everybody() -> None:
    networks = ["0.0.0.0/1", "2000::/4", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]

    assert policy("https-blocked", _values(["192.0.2.10"], internal=networks), "here")


@pytest.mark.parametrize(
    "text",
    ["::ffff:192.0.2.10", "::192.0.2.10", "64:ff9b::c000:20a", "255.255.255.255", "240.0.0.1", "0.0.0.1",
     "127.0.0.1", "::1", "::", "224.0.0.1", "ff02::1", "169.254.1.1", "fe80::1", "100::1", "fec0::1"],
)  # fmt: skip
def test_an_address_that_is_no_machines_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of one machine") as raised:
        address(text, "here")

    embedded = text in ("::ffff:192.0.2.10", "::192.0.2.10", "64:ff9b::c000:20a")
    assert ("write the IPv4 address that is in it" in str(raised.value)) == (
        embedded or text in ("::", "::1")
    )


@pytest.mark.parametrize(
    "text",
    ["::ffff:192.0.2.0/120", "::ffff:0:0/96", "64:ff9b::/96", "0.0.0.0/8", "240.0.0.0/4", "224.0.0.0/4",
     "255.255.255.255", "ff00::/8", "100::/64"],
)  # fmt: skip
def test_a_network_of_no_machines_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a network of machines"):
        network(text, "here")


@pytest.mark.parametrize("table", ["filter", "inet", "table", "1abc", "er_", "nat", "er_a-b"])
def test_a_table_that_may_be_somebody_elses_is_refused(table: str) -> None:
    with pytest.raises(ConfigError, match="is not er_ and then"):
        KINDS["nft_table"](table, "here")


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
