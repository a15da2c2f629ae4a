# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptor of one NTLM exchange, and the sealing that comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from .accounts import user_file

if TYPE_CHECKING:
    from pathlib import Path


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """The token is not acceptable: wrong password, unknown user, or no token at all."""


class Acceptor:
    """One security context of one connection (raw NTLM tokens)."""

    protocol = "ntlm"

    def __init__(self, users: Path, binding: bytes | None = None) -> None:
        """Take the host's NTLM user file, and the channel binding that a client must prove."""
        self._users = users
        bindings = GssChannelBindings(application_data=binding) if binding else None
        with user_file(users):
            self._context: Any = spnego.server(protocol=self.protocol, channel_bindings=bindings)

    @property
    def complete(self) -> bool:
        """True once the client has proven the password."""
        return bool(self._context.complete)

    def step(self, token: bytes) -> bytes:
        """Take the client's token, return ours (may be empty); raises Refused."""
        try:
            with user_file(self._users):
                return self._context.step(token) or b""
        except (SpnegoError, ValueError, TypeError, IndexError, KeyError) as error:
            # pyspnego's unpackers raise the built-in ones for bytes that are no token.
            raise Refused(str(error)) from None

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        """Seal a reply: (signature, sealed bytes)."""
        sealed = self._context.wrap_winrm(data)
        return sealed.header, sealed.data

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """Open a sealed request; raises Refused when it does not verify."""
        try:
            opened: bytes = self._context.unwrap_winrm(signature, data)
        except SpnegoError as error:
            raise Refused(str(error)) from None
        return opened
