# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kerberos login of one WinRM connection.

pywinrm's own handler sends a ticket up to three times when it is refused, drops the reason, and
sends the first one over TLS without a channel binding, which a host takes unless it is hardened.
This one logs in once, bound to the certificate of the connection, demands that the host proves
itself, and says why not. Importing this module needs pykerberos.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import kerberos
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from requests.auth import AuthBase
from requests.exceptions import ConnectionError as ConnectionLost

from ...base.errors import AuthenticationFailed
from .kerberos_causes import Login, explain, explain_refusal, minor_code, said

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from .guarded_http import HttpGuard

_TOKEN = re.compile(r"(?:^|,)\s*Negotiate(?:\s+([A-Za-z0-9+/=]+))?\s*(?:,|$)", re.IGNORECASE)
_UNAUTHORIZED = 401
_ERROR = 400


class KerberosLogin(AuthBase):
    """What ``requests`` and pywinrm's message encryption want of a Kerberos login."""

    def __init__(self, guard: HttpGuard, endpoint: str, settings: Any) -> None:
        """Take pywinrm's transport as ``settings``; nothing is asked of Kerberos yet."""
        parts = urlsplit(endpoint)
        host = settings.kerberos_hostname_override or parts.hostname
        self._guard = guard
        self._secure = parts.scheme == "https"
        self._name = f"{settings.service}@{host}"
        self._principal: str | None = settings.username or None
        self._binds = settings.send_cbt
        self._flags = kerberos.GSS_C_MUTUAL_FLAG | kerberos.GSS_C_SEQUENCE_FLAG
        if settings.kerberos_delegation:  # only where the rule against it was waived by name
            self._flags |= kerberos.GSS_C_DELEG_FLAG
        self._login = Login(self._name.replace("@", "/"), self._principal)
        self._context: Any = None
        self._proven = False  # both sides, to each other
        self._sealing = False

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._proven:
            request.register_hook("response", self._later)
        elif self._secure and self._binds:
            # Without a token: the answer brings the certificate that the ticket is bound to. That
            # there is a ticket is made sure of before anything is sent.
            self._token(None)
            request.register_hook("response", self._challenged)
        else:
            request.headers["Authorization"] = self._token(None)
            request.register_hook("response", self._answered)
        return request

    def wrap_winrm(self, _host: object, message: bytes) -> tuple[bytes, bytes]:
        """Seal a message: sealed bytes and signature."""
        self._sealing = True
        sealed: tuple[bytes, bytes] = kerberos.authGSSWinRMEncryptMessage(self._context, message)
        return sealed

    def unwrap_winrm(self, _host: object, message: bytes, signature: bytes) -> bytes:
        """Open a sealed message; raises ValueError when it was changed or cut."""
        try:
            opened: bytes = kerberos.authGSSWinRMDecryptMessage(self._context, message, signature)
        except kerberos.GSSError as error:
            raise ValueError(said(error)) from None
        return opened

    def _token(self, certificate: bytes | None) -> str:
        """The header of a new login; raises before anything is sent."""
        bound = {}
        if certificate is not None:
            bound["channel_bindings"] = kerberos.channelBindings(
                application_data=_binding(certificate)
            )
        try:
            _, self._context = kerberos.authGSSClientInit(
                self._name, gssflags=self._flags, principal=self._principal
            )
            kerberos.authGSSClientStep(self._context, "", **bound)
        except kerberos.GSSError as error:
            raise explain(minor_code(error) or 0, said(error), self._login) from None
        return f"Negotiate {kerberos.authGSSClientResponse(self._context)}"

    def _later(self, response: Response, **kwargs: Any) -> Response:
        """After the login: a host that asks for another one has lost the connection."""
        if response.status_code != _UNAUTHORIZED:
            return response
        if self._sealing:
            response.close()
            raise ConnectionLost("the connection was lost, and with it the keys of its messages")
        self._proven = False
        return self._challenged(response, **kwargs)

    def _challenged(self, response: Response, **kwargs: Any) -> Response:
        if response.status_code != _UNAUTHORIZED:
            return self._answered(response)
        if _TOKEN.search(_offers(response)) is None:
            raise self._refused(response)
        _ = response.content  # read to its end, so that the login goes over the same connection
        certificate = getattr(response, "certificate", None) if self._binds else None
        request = response.request.copy()
        request.headers["Authorization"] = self._token(certificate)
        response.raw.release_conn()
        answer: Response = response.connection.send(request, **kwargs)
        answer.history.append(response)
        return self._answered(answer)

    def _answered(self, response: Response, **_: Any) -> Response:
        """The answer to a ticket: a refusal is final, anything else must prove the host."""
        if response.status_code == _UNAUTHORIZED:
            raise self._refused(response)
        found = _TOKEN.search(_offers(response))
        if found is None or not found[1]:
            if response.status_code >= _ERROR:
                return response  # no content that anybody believes
            raise self._unproven(response, "it sent none")
        try:
            done = kerberos.authGSSClientStep(self._context, found[1])
        except kerberos.GSSError as error:
            raise self._unproven(response, said(error)) from None
        if done != kerberos.AUTH_GSS_COMPLETE:
            raise self._unproven(response, "it asked for more")
        self._proven = True
        return response

    def _refused(self, response: Response) -> AuthenticationFailed:
        self._guard.rejected = True
        response.close()
        if _TOKEN.search(_offers(response)) is None:
            return AuthenticationFailed(
                f"the host offers no Kerberos, only {_offers(response)[:80]!r}; on the host: "
                "Set-Item WSMan:\\localhost\\Service\\Auth\\Kerberos -Value $true"
            )
        return explain_refusal(self._reason(response), self._login, _apart(response))

    def _unproven(self, response: Response, why: str) -> AuthenticationFailed:
        self._guard.rejected = True
        response.close()
        return AuthenticationFailed(
            f"the host did not prove that it is {self._login.spn} ({why}): something else may answer "
            "on its address; nothing of the answer was used"
        )

    def _reason(self, response: Response) -> int | None:
        """The krb5 code in the token of a refusal, if it has one."""
        found = _TOKEN.search(_offers(response))
        if found is None or not found[1]:
            return None
        try:
            kerberos.authGSSClientStep(self._context, found[1])
        except kerberos.GSSError as error:
            return minor_code(error)
        return None


def _offers(response: Response) -> str:
    return str(response.headers.get("WWW-Authenticate", ""))


def _binding(certificate: bytes) -> bytes:
    """The channel binding of a certificate: RFC 5929 section 4.1."""
    used = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    weak = used is None or used.name in {"md5", "sha1"}
    digest = hashes.Hash(hashes.SHA256() if weak or used is None else used)
    digest.update(certificate)
    return b"tls-server-end-point:" + digest.finalize()


def _apart(response: Response) -> float | None:
    """How many seconds the host's clock is ahead of ours, by its Date header."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp() - time.time()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
