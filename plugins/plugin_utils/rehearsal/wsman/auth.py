# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a connection is: the authentication state, which WinRM keeps per connection."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import auth_basic
from .acceptor import Acceptor, Refused
from .http import Response

if TYPE_CHECKING:
    from pathlib import Path

    from .accounts import Account
    from .auth_kerberos import ServiceKeys
    from .counters import Counters
    from .http import HttpRequest

_BASIC = b'WWW-Authenticate: Basic realm="WSMAN"'


@dataclass(frozen=True, slots=True)
class AuthPolicy:
    """What a host's WinRM service is configured to accept."""

    basic: bool = True
    negotiate: bool = True
    unencrypted: bool = False  # AllowUnencrypted: Basic and plain NTLM over HTTP
    channel_binding: bool = False  # CbtHardeningLevel Strict: over TLS, prove which certificate

    def offers(self, *, secure: bool) -> tuple[bytes, ...]:
        """Return the WWW-Authenticate headers of a 401."""
        headers: tuple[bytes, ...] = ()
        if self.negotiate:
            headers += (b"WWW-Authenticate: Negotiate",)
        if self.basic and (secure or self.unencrypted):
            headers += (_BASIC,)
        return headers


class ClientIdentity:
    """The authentication of one connection."""

    __slots__ = (
        "_account",
        "_basic",
        "_binding",
        "_counters",
        "_keys",
        "_policy",
        "_secure",
        "_users",
        "acceptor",
        "proof",
        "proven",
    )

    def __init__(
        self,
        account: Account,
        users: Path,
        policy: AuthPolicy,
        *,
        secure: bool,
        counters: Counters,
        binding: bytes | None = None,
        keys: ServiceKeys | None = None,
    ) -> None:
        """Start unauthenticated; ``binding`` is that of the connection's certificate."""
        self._counters = counters
        self._keys = keys
        self._binding = binding if policy.channel_binding else None
        self._account = account
        self._users = users
        self._policy = policy
        self._secure = secure
        self._basic = b""
        self.acceptor: Acceptor | None = None
        self.proven = False
        self.proof: tuple[bytes, ...] = ()  # header for the answer to a request with the last token

    @property
    def may_be_plain(self) -> bool:
        """True if unsealed SOAP is acceptable on this connection."""
        return self._secure or self._policy.unencrypted

    def check(self, request: HttpRequest) -> Response | None:
        """Return None if the request may pass, else what to answer (401, or a token)."""
        header = request.headers.get(b"authorization")
        if header is None:
            return None if self.proven else self._unauthorized()
        if self._basic and header == self._basic:
            return None
        scheme, _, token = header.partition(b" ")
        scheme = scheme.lower()
        if scheme == b"basic" and _BASIC in self._policy.offers(secure=self._secure):
            if not auth_basic.accepts(token.strip(), self._account):
                return self._refuse()
            self._basic = header
            self.proven = True
            return None
        if scheme in (b"negotiate", b"ntlm") and self._policy.negotiate:
            return self._negotiate(scheme, token, request)
        return self._refuse()

    def _negotiate(self, scheme: bytes, token: bytes, request: HttpRequest) -> Response | None:
        try:
            raw = base64.b64decode(token.strip(), validate=True)
        except binascii.Error:
            return self._refuse()
        if self.acceptor is None or self.acceptor.complete:
            self.proven = False  # a client that starts again is a stranger until it ends
            self.acceptor = Acceptor(raw, self._account, self._users, self._binding, self._keys)
        try:
            reply = self.acceptor.step(raw)
        except Refused as refused:
            self.acceptor = None
            return self._refuse(_header(scheme, refused.token) if refused.token else None)
        header = _header(scheme, reply)
        if not self.acceptor.complete:
            return Response(401, headers=(header,))
        self.proven = True
        self._counters.kerberos += self.acceptor.kerberos
        self._counters.delegated += self.acceptor.delegated
        headers = (header,) if reply else ()
        if request.body:
            self.proof = headers
            return None
        return Response(200, headers=headers)

    def _refuse(self, header: bytes | None = None) -> Response:
        self._counters.refused += 1
        return Response(401, headers=(header,)) if header else self._unauthorized()

    def _unauthorized(self) -> Response:
        return Response(401, headers=self._policy.offers(secure=self._secure))


def _header(scheme: bytes, token: bytes) -> bytes:
    name = b"Negotiate" if scheme == b"negotiate" else b"NTLM"
    return b"WWW-Authenticate: " + name + b" " + base64.b64encode(token)
