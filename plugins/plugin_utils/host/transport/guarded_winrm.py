# SPDX-License-Identifier: GPL-3.0-or-later
"""pywinrm's Protocol and Transport over the guarded HTTP layer.

Beyond :mod:`.guarded_http`: where message encryption was agreed only a sealed reply is believed,
whatever its status (pywinrm takes one in clear, as a result and as a WSMan fault), the decrypted
size is capped too, and a body that is not a SOAP message is an error at once (pywinrm polls for
ever when a proxy answers 200 with a page of HTML).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol
from winrm.transport import Transport

from ...base.errors import MalformedReply, RefusedError, ReplyTooLarge, TransportError
from .guarded_http import HttpGuard, harden
from .sealing import is_of_the_web_server, is_sealed, missing_protection

if TYPE_CHECKING:
    import requests
    from winrm.encryption import Encryption

_NAMESPACE = re.compile(r' xmlns:(\w+)="[^"<>]*"')
_SOAP = b"http://www.w3.org/2003/05/soap-envelope"
_LOOK_AT = 4096
_LARGEST_REASON = 120  # characters; it may quote the reply
_UNAUTHORIZED = 401
# All of these seal messages; over HTTP they have to.
_SEALING = frozenset({"kerberos", "ntlm", "credssp"})


class GuardedTransport(Transport):
    """pywinrm's transport; every session that it builds is hardened before it sends."""

    def __init__(self, guard: HttpGuard, **settings: Any) -> None:
        self.guard = guard
        self._agreeing = False  # on message encryption: from here on nothing in clear is believed
        super().__init__(**settings)

    def build_session(self) -> requests.Session:
        session = self._prepared(super().build_session())
        # Also after a handshake that failed: pywinrm keeps its session, and would go on in clear.
        if self.must_seal and self.encryption is None:
            raise RefusedError(
                f"{self.auth_method} agreed on no message encryption, so everything would go in "
                "clear; use HTTPS, and for Kerberos a pykerberos that encrypts"
            )
        return session

    def setup_encryption(self, session: requests.Session) -> None:
        # Called inside build_session and sends the first request.
        self._agreeing = True
        super().setup_encryption(self._prepared(session))
        if self.auth_method == "ntlm" and getattr(session.auth, "session_security", None) is None:
            self.encryption = None
            raise self.guard.refuse(
                RefusedError(
                    "the host let us in without asking who we are, so no reply could be sealed; "
                    "it does not know the account: check what listens on that port"
                )
            )

    def _prepared(self, session: requests.Session) -> requests.Session:
        """The session with our HTTP layer and our login; safe to call twice."""
        if self.auth_method == "kerberos":
            from .kerberos_login import KerberosLogin  # noqa: PLC0415 - needs the extra package

            if not isinstance(session.auth, KerberosLogin):
                session.auth = KerberosLogin(self.guard, self.endpoint, self)
        return harden(session, self.guard)

    @property
    def must_seal(self) -> bool:
        """Whether messages may only go sealed: over HTTP, unless that rule was waived."""
        if self.message_encryption != "auto":
            return bool(self.message_encryption == "always")
        return self.auth_method in _SEALING and not self.endpoint.lower().startswith("https")

    def send_message(self, message: str | bytes) -> bytes:
        text: bytes = super().send_message(lean(message) if isinstance(message, str) else message)
        if _SOAP not in text[:_LOOK_AT] or b"<!DOCTYPE" in text or b"\x00" in text[:_LOOK_AT]:
            raise self.guard.refuse(
                MalformedReply(
                    f"what answers is not a WinRM service: {len(text)} bytes that are no SOAP "
                    f"message, beginning {text[:60]!r}; look for a proxy or another web server"
                )
            )
        return text

    def _send_message_request(
        self, session: requests.Session, prepared_request: requests.PreparedRequest
    ) -> requests.Response:
        """Send; a rejected login is the last thing that is sent, each one counts for a lockout."""
        if self.guard.rejected:
            raise InvalidCredentialsError(
                "the specified credentials were rejected by the server; nothing more is sent"
            )
        if self.must_seal and prepared_request.body and self.encryption is None:
            raise self.guard.refuse(
                RefusedError(
                    f"no message encryption was agreed over {self.auth_method}, and nothing goes in "
                    "clear over HTTP; use HTTPS, or install the extra [kerberos] anew"
                )
            )
        response = session.send(prepared_request, timeout=self.read_timeout_sec)
        if response.status_code == _UNAUTHORIZED:
            self.guard.rejected = True
            raise InvalidCredentialsError("the specified credentials were rejected by the server")
        if self._agreeing:
            self._require_protection(response)
        if response.ok:
            return response
        text = self._get_message_response_text(response)
        raise WinRMTransportError("http", response.status_code, text.decode(errors="replace"))

    def _require_protection(self, response: requests.Response) -> None:
        """Refuse a handshake after which a seal proves nothing, and one that ends with an error."""
        if missing := missing_protection(response.request.headers):
            raise self.guard.refuse(
                RefusedError(
                    f"the host's NTLM does without {', '.join(missing)}, so somebody else could "
                    "make its replies; use HTTPS, and check who answers there"
                )
            )
        if self.encryption is None and not response.ok:
            raise self.guard.refuse(
                TransportError(
                    f"the login was answered with status {response.status_code}; what else was "
                    "said came in clear and is not believed"
                )
            )

    def _get_message_response_text(self, response: requests.Response) -> bytes:
        agreed = self.encryption
        text = response.content if agreed is None else self._unsealed(response, agreed)
        if len(text) > self.guard.response_bytes:
            raise self.guard.refuse(ReplyTooLarge(f"a reply of {len(text)} bytes after decryption"))
        return text

    def _unsealed(self, response: requests.Response, agreed: Encryption) -> bytes:
        """Return what was sealed in a reply; nothing else of it is looked at."""
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        if not is_sealed(kind, agreed) or not response.content:
            said = f"a reply (status {status}) came in clear although message encryption was agreed"
            if is_of_the_web_server(status, kind):
                raise self.guard.refuse(TransportError(f"{said}; it is not believed"))
            raise self.guard.refuse(RefusedError(f"{said}; somebody else may have sent it"))
        try:
            text: bytes = super()._get_message_response_text(response)
            if not text:
                raise ValueError("nothing is sealed in it")  # noqa: TRY301 - one message for all
        except Exception as exc:  # the libraries of each scheme raise their own trees
            why = f"{type(exc).__name__}: {str(exc)[:_LARGEST_REASON]!r}"
            raise self.guard.refuse(
                TransportError(f"a sealed reply cannot be opened, it is not believed ({why})")
            ) from exc
        return text


def lean(message: str) -> str:
    """Drop the namespaces that pywinrm declares in every message and this one does not use."""

    def keep(found: re.Match[str]) -> str:
        return found[0] if f"{found[1]}:" in used else ""

    used = _NAMESPACE.sub("", message)
    return _NAMESPACE.sub(keep, message)


class GuardedProtocol(Protocol):
    """pywinrm's protocol with the guarded transport in place of its own.

    ``settings`` are those of :class:`winrm.protocol.Protocol`. Proxies and certificate stores
    come from arguments only; pywinrm's default takes both from the environment.
    """

    def __init__(self, endpoint: str, guard: HttpGuard, **settings: Any) -> None:
        settings.setdefault("proxy", None)
        settings.setdefault("ca_trust_path", None)
        super().__init__(endpoint, **settings)
        stock = self.transport
        names = [
            "username",
            "password",
            "realm",
            "service",
            "keytab",
            "ca_trust_path",
            "cert_pem",
            "cert_key_pem",
            "read_timeout_sec",
            "server_cert_validation",
            "kerberos_delegation",
            "kerberos_hostname_override",
            "auth_method",
            "message_encryption",
            "credssp_disable_tlsv1_2",
            "credssp_auth_mechanism",
            "credssp_minimum_version",
            "send_cbt",
            "proxy",
        ]
        self.transport = GuardedTransport(
            guard,
            endpoint=endpoint,
            **{name: getattr(stock, name) for name in names if hasattr(stock, name)},
        )

    def cleanup_command(self, shell_id: str, command_id: str) -> None:
        """Terminate the command; the output is complete by now, so a failure here loses nothing.

        The end of the shell ends the command as well.
        """
        with suppress(Exception):
            super().cleanup_command(shell_id, command_id)
