# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds on what a host may make us hold (I5); all are checked before parsing."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.errors import MalformedReply, ReplyTooLarge

_MIB = 1024 * 1024

_BRACKETS = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps per reply: frame bytes, all output bytes, JSON levels, JSON values, noise kept."""

    reply_bytes: int = 16 * _MIB
    command_bytes: int = 64 * _MIB
    depth: int = 64
    values: int = 1_000_000  # 16 MiB of "[],[],[]" would else become a gigabyte of objects
    noise_chars: int = 4_096


def without_pairs(document: bytes) -> bytes:
    """Drop escaped back slashes from JSON text: one that is left starts another escape."""
    return document.replace(b"\\\\", b"")


def check_shape(document: bytes, limits: Limits, unpaired: bytes | None = None) -> None:
    """Raise unless the JSON text is within the caps on size, values and nesting.

    ``unpaired`` is its text `without_pairs`, when the caller has it already.

    Runs before `json.loads`, whose recursion a host could else exhaust. Strings are blanked, then
    ``()`` pairs are removed once per level, so the work is linear times the allowed depth.
    """
    if len(document) > limits.reply_bytes:
        raise ReplyTooLarge(
            f"the reply has {len(document):,} bytes, the cap is {limits.reply_bytes:,}; "
            "raise the cap only for a host that you trust"
        )
    quotes = document.count(b'"')
    if quotes > 4 * (limits.values + 1):  # a key and a value each: two strings, four quotes
        raise ReplyTooLarge(
            f"the reply holds {quotes:,} quotes, too many for {limits.values:,} values"
        )
    # Without escapes every quote opens or closes a string: each second piece is outside. A back
    # slash outside a string is no JSON; the parser stops there, whatever is counted behind it.
    plain = (without_pairs(document) if unpaired is None else unpaired).replace(b'\\"', b"")
    skeleton = b"".join(plain.split(b'"')[::2])
    values = sum(skeleton.count(mark) for mark in (b",", b"[", b"{"))
    if values > limits.values:
        raise ReplyTooLarge(f"the reply holds {values:,} values, the cap is {limits.values:,}")
    nesting = skeleton.translate(_BRACKETS, _NOT_BRACKETS)
    for _level in range(limits.depth):
        if not nesting:
            return
        nesting = nesting.replace(b"()", b"")
    if not nesting:
        return
    if b"()" in nesting:
        raise ReplyTooLarge(
            f"the reply is nested more than {limits.depth} levels deep; no operation does that"
        )
    raise MalformedReply("the reply's brackets do not match: it is not JSON")
