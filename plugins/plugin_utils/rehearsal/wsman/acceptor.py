# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptor of one login (NTLM, Kerberos, SPNEGO around either), and the sealing of its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from .auth_kerberos import files, is_bound

if TYPE_CHECKING:
    from pathlib import Path

    from .accounts import Account
    from .auth_kerberos import ServiceKeys

_NTLM_SIGNATURE = b"NTLMSSP\x00"


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """The token is not acceptable; ``token`` tells the client why, where the protocol can."""

    def __init__(self, why: str, token: bytes = b"") -> None:
        """Keep the token."""
        super().__init__(why)
        self.token = token


class Acceptor:
    """One security context of one connection, for the kind of token that its client began with.

    ``binding`` is the channel binding that the client must prove, ``keys`` are those of the host's
    service names; without them a ticket is refused.
    """

    def __init__(
        self,
        first: bytes,
        account: Account,
        users: Path,
        binding: bytes | None = None,
        keys: ServiceKeys | None = None,
    ) -> None:
        """Take the client's first token and what the host is; the token is not looked into yet."""
        self._account = account
        self._users = users
        self._keys = keys
        self._first = first
        self._bound = binding is not None
        bindings = GssChannelBindings(application_data=binding) if binding else None
        # Bare NTLM tokens go under Negotiate as well; the rest is SPNEGO or a bare ticket.
        protocol = "ntlm" if first.startswith(_NTLM_SIGNATURE) else "negotiate"
        with files(users, keys):
            self._context: Any = spnego.server(protocol=protocol, channel_bindings=bindings)

    @property
    def complete(self) -> bool:
        """True once the client has proven who it is."""
        return bool(self._context.complete)

    @property
    def kerberos(self) -> bool:
        """True if the client has proven it with a ticket."""
        return self.complete and self._context.negotiated_protocol == "kerberos"

    @property
    def delegated(self) -> bool:
        """True if the client's own ticket came along: the host could act as the client anywhere."""
        return self.kerberos and bool(self._context.context_attr & spnego.ContextReq.delegate)

    def step(self, token: bytes) -> bytes:
        """Take the client's token, return ours (may be empty); raises Refused."""
        try:
            with files(self._users, self._keys):
                reply: bytes = self._context.step(token) or b""
                if self.kerberos:
                    self._require_account()
        except SpnegoError as error:
            raise Refused(str(error), getattr(error.base_error, "token", None) or b"") from None
        except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            # pyspnego's unpackers raise these for bytes that are no token.
            raise Refused(str(error)) from None
        return reply

    def _require_account(self) -> None:
        """A ticket is good for any service; only the host's account may use this one."""
        name = str(self._context.client_principal).rpartition("@")[0]
        if not self._account.is_named(name):
            raise Refused(f"{name} is no administrator of this host")
        if self._bound and not is_bound(self._first):
            raise Refused("the ticket is not bound to the certificate of the connection")

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
