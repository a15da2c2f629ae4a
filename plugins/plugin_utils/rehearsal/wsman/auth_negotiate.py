# SPDX-License-Identifier: GPL-3.0-or-later
"""Negotiate: SPNEGO around NTLM, or the bare NTLM tokens that many clients send under it.

Kerberos needs a key distribution centre and is not simulated; SPNEGO settles on NTLM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .auth_ntlm import Acceptor

if TYPE_CHECKING:
    from pathlib import Path

_NTLM_SIGNATURE = b"NTLMSSP\x00"


class SpnegoAcceptor(Acceptor):
    """One security context of one connection (SPNEGO tokens)."""

    protocol = "negotiate"


def acceptor_for(token: bytes, users: Path, binding: bytes | None = None) -> Acceptor:
    """Return a new acceptor for the kind of token that a client starts with."""
    bare = token.startswith(_NTLM_SIGNATURE)
    return Acceptor(users, binding) if bare else SpnegoAcceptor(users, binding)
