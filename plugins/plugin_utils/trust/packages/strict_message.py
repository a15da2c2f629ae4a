# SPDX-License-Identifier: GPL-3.0-or-later
"""The one encoding (DER) of a ``SignedData`` that holds the parts that were checked, and nothing else.

A parser takes more than it gives back: numbers that nobody reads, elements behind the last known one, lengths
with zeros in front. So a message is put together anew from what was checked; its bytes must be those. Only the
order within sets is taken as it stands: Microsoft's own certificates and attributes are in no order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asn1crypto import core
from asn1crypto.parser import emit

if TYPE_CHECKING:
    from collections.abc import Iterable

SEQUENCE, SET, OCTETS = 16, 17, 4
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_SIGNER_VERSION = 1  # RFC 5652, 5.3: of a signer who is named by issuer and serial number


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of encoded parts."""
    return bytes(emit(0, 1, SEQUENCE, b"".join(parts)))


def set_of(*parts: bytes) -> bytes:
    """Return a SET OF encoded parts, in their order."""
    return bytes(emit(0, 1, SET, b"".join(parts)))


def octets(content: bytes) -> bytes:
    """Return an OCTET STRING in one piece."""
    return bytes(emit(0, 0, OCTETS, content))


def integer(number: int) -> bytes:
    """Return an INTEGER."""
    return bytes(core.Integer(number).dump())


def identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    return bytes(core.ObjectIdentifier(dotted).dump())


def tagged(number: int, *parts: bytes) -> bytes:
    """Return encoded parts below a tag of the context: ``[number]``."""
    return bytes(emit(2, 1, number, b"".join(parts)))


def message(
    *,
    version: int,
    digest: bytes,
    content_type: str,
    content: bytes,
    certificates: Iterable[bytes],
    signer: bytes,
) -> bytes:
    """Return the ``ContentInfo`` of one signature; all parts but the numbers are encoded ones."""
    data = sequence(
        integer(version),
        set_of(digest),
        sequence(identifier(content_type), tagged(0, content)),
        tagged(0, *certificates),
        set_of(signer),
    )
    return sequence(identifier(_SIGNED_DATA), tagged(0, data))


def signer_info(
    *,
    issuer: bytes,
    serial: int,
    digest: bytes,
    signed: bytes,
    method: bytes,
    value: bytes,
    unsigned: Iterable[tuple[str, bytes]],
) -> bytes:
    """Return a ``SignerInfo``; ``signed``: the signed attributes without their outermost tag."""
    attributes = [sequence(identifier(kind), set_of(found)) for kind, found in unsigned]
    return sequence(
        integer(_SIGNER_VERSION),
        sequence(issuer, integer(serial)),
        digest,
        tagged(0, signed),
        method,
        octets(value),
        *([tagged(1, *attributes)] if attributes else []),
    )
