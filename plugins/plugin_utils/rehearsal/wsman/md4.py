# SPDX-License-Identifier: GPL-3.0-or-later
"""MD4 (RFC 1320), only for the NT hash of the rehearsal's own accounts.

OpenSSL 3 no longer offers it, and pyspnego takes accounts as NT hashes.
"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_ORDER = (
    tuple(range(16)),
    (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
    (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
)
_SHIFTS = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))
_CONSTANTS = (0, 0x5A827999, 0x6ED9EBA1)


def _mix(turn: int, x: int, y: int, z: int) -> int:
    if turn == 0:
        return (x & y) | (~x & z)
    if turn == 1:
        return (x & y) | (x & z) | (y & z)
    return x ^ y ^ z


def md4(data: bytes) -> bytes:
    """Return the 16 byte digest."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    for (*words,) in struct.iter_unpack("<16I", padded):
        a, b, c, d = state
        for turn in range(3):
            for step, index in enumerate(_ORDER[turn]):
                total = (a + _mix(turn, b, c, d) + words[index] + _CONSTANTS[turn]) & _MASK
                shift = _SHIFTS[turn][step % 4]
                a, b, c, d = d, ((total << shift) | (total >> (32 - shift))) & _MASK, b, c
        state = [(old + new) & _MASK for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)


def nt_hash(password: str) -> bytes:
    """Return the NT hash of a password."""
    return md4(password.encode("utf-16-le"))
