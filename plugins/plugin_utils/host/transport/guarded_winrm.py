# SPDX-License-Identifier: GPL-3.0-or-later
"""pywinrm's Protocol and Transport over the guarded HTTP layer.

Beyond :mod:`.guarded_http`: a reply in clear is refused where message encryption was agreed
(pywinrm accepts it), the decrypted size is capped too, and a body that is not a SOAP message
is an error at once (pywinrm polls for ever when a proxy answers 200 with a page of HTML).
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from winrm.exceptions import InvalidCredentialsError, WinRMError
from winrm.protocol import Protocol
from winrm.transport import Transport

from ...base.errors import MalformedReply, RefusedError, ReplyTooLarge
from .guarded_http import HttpGuard, harden

if TYPE_CHECKING:
    import requests

_NAMESPACE = re.compile(r' xmlns:(\w+)="[^"<>]*"')
_SOAP = b"http://www.w3.org/2003/05/soap-envelope"
_LOOK_AT = 4096
_OK = 200
_SEALING = frozenset({"kerberos", "ntlm", "credssp"})


class GuardedTransport(Transport):
    """pywinrm's transport; every session that it builds is hardened before it sends."""

    def __init__(self, guard: HttpGuard, **settings: Any) -> None:
        self.guard = guard
        super().__init__(**settings)

    def build_session(self) -> requests.Session:
        return self._prepared(super().build_session())

    def setup_encryption(self, session: requests.Session) -> None:
        # Called inside build_session and sends the first request.
        super().setup_encryption(self._prepared(session))

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
        plain = not self.endpoint.lower().startswith("https")
        return plain and self.auth_method in _SEALING and self.message_encryption != "never"

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
        try:
            return super()._send_message_request(session, prepared_request)
        except InvalidCredentialsError:
            self.guard.rejected = True
            raise

    def _get_message_response_text(self, response: requests.Response) -> bytes:
        if self.encryption and response.status_code == _OK and not _is_encrypted(response):
            raise self.guard.refuse(
                RefusedError("a reply came in clear although message encryption was agreed")
            )
        try:
            text: bytes = super()._get_message_response_text(response)
        except (IndexError, KeyError, ValueError, struct.error) as exc:
            raise WinRMError(f"the encrypted reply cannot be taken apart: {exc!r}") from exc
        if len(text) > self.guard.response_bytes:
            raise self.guard.refuse(ReplyTooLarge(f"a reply of {len(text)} bytes after decryption"))
        return text


def lean(message: str) -> str:
    """Drop the namespaces that pywinrm declares in every message and this one does not use."""

    def keep(found: re.Match[str]) -> str:
        return found[0] if f"{found[1]}:" in used else ""

    used = _NAMESPACE.sub("", message)
    return _NAMESPACE.sub(keep, message)


def _is_encrypted(response: requests.Response) -> bool:
    kind = response.headers.get("Content-Type", "").lower()
    return kind.startswith(("multipart/encrypted", "multipart/x-multi-encrypted"))


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
