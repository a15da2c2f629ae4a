# SPDX-License-Identifier: GPL-3.0-or-later
"""No place of a signature takes a byte more, wherever it is, in its time stamp or nested in it (I10)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import forging as f
import genuine as g
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
)
from asn1crypto import parser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = b" TSS ESN:"
NESTED = "microsoft_nested_signature"


def tree(der: bytes) -> list[Any]:
    """Nodes as ``[tag, content or nodes]``."""
    nodes, place = [], 0
    while place < len(der):
        whole = parser.peek(der[place:])
        head = parser.parse(der[place : place + whole])
        content = tree(head[4]) if head[1] else head[4]
        nodes.append([(head[0], head[1], head[2]), content])
        place += whole
    return nodes


def encoded(nodes: list[Any]) -> bytes:
    return b"".join(
        bytes(parser.emit(*tag, encoded(content) if isinstance(content, list) else content))
        for tag, content in nodes
    )


@pytest.fixture(params=["plain", "nested"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = g.of_package()
    made = tmp_path / found.name
    made.write_bytes(found.read_bytes())
    if request.param == "nested":
        info = f.take(made)
        f.replace(made, f.rebuilt(info, unsigned=[*f.unsigned(info), (NESTED, f.take(made))]))
    return made


def refused(path: Path, der: bytes) -> str:
    f.put(path, f.certificate(der))
    with pytest.raises(RefusedError) as caught:
        authenticode.verify(path, authenticode.microsoft_policy())
    return str(caught.value)


def outside_of_clocks(nodes: list[Any]) -> Iterator[list[Any]]:
    """All but the attribute certificate of a time stamp, which nobody can verify and which has a bound."""
    for node in nodes:
        if node[0] == (2, 1, 1) and CLOCK in encoded([node]) and len(encoded([node])) < 2048:
            continue
        yield node
        if isinstance(node[1], list):
            yield from outside_of_clocks(node[1])


def test_message_put_together_anew_passes(path: Path) -> None:
    der = f.take(path).dump()
    assert encoded(tree(der)) == der
    f.put(path, f.certificate(der))
    assert authenticode.verify(path, authenticode.microsoft_policy()).digest == "SHA256"


def test_no_element_takes_another_one(path: Path) -> None:
    """Behind the last element of every one that has elements."""
    nodes = tree(f.take(path).dump())
    extra = [(0, 0, 4), f.PAYLOAD]
    found = [node for node in outside_of_clocks(nodes) if isinstance(node[1], list)]
    for node in found:
        node[1].append(extra)
        refused(path, encoded(nodes))
        node[1].pop()
    assert len(found) > 100


def test_no_number_is_longer_than_it_must_be(path: Path) -> None:
    """Versions and serial numbers, also those in certificates and time stamps."""
    nodes = tree(f.take(path).dump())
    numbers = [node for node in outside_of_clocks(nodes) if node[0] == (0, 0, 2)]
    for node in numbers:
        old = node[1]
        for new in (bytes(20_000) + old, b"\x01" + f.PAYLOAD * 300):
            node[1] = new
            refused(path, encoded(nodes))
        node[1] = old
    assert len(numbers) >= 10


def test_eight_mebibytes_in_the_version_of_the_signer_are_refused(path: Path) -> None:
    info = f.take(path)
    nodes = tree(info.dump())
    data = nodes[0][1][1][1][0][1]
    data[-1][1][0][1][0][1] = b"\x01" + bytes(8 << 20)
    assert "belong to no part of it" in refused(path, encoded(nodes))


def test_length_with_zeros_in_front_is_refused(path: Path) -> None:
    """BER says one length in many ways, DER in one."""
    der = f.take(path).dump()
    at = der.index(bytes.fromhex("020101310f"))
    longer = der[:at] + bytes.fromhex("02840000000101") + der[at + 3 :]
    data = bytearray(longer)
    for place in (2, 17, 21):  # the lengths of what it stands in
        struct.pack_into(">H", data, place, struct.unpack_from(">H", der, place)[0] + 4)
    assert "tampered" in refused(path, bytes(data))
