# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP layer below pywinrm, made safe against the server.

Everything that a suspect host answers passes through :class:`GuardedAdapter`, also the replies
that the NTLM and Kerberos handlers read on their own:

- no redirect is followed (a 307 makes a client replay the body to any address),
- only the identity encoding is accepted (1 MB of gzip becomes 1 GB),
- bodies are read in pieces and refused at a cap, the declared length before the first piece,
- the environment decides nothing: no proxies, no .netrc, no certificate store from variables.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from requests import Response
from requests.adapters import HTTPAdapter

from ...base.errors import RefusedError, ReplyTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest, Session

MIB = 1024 * 1024
DEFAULT_RESPONSE_BYTES = 16 * MIB
DEFAULT_COMMAND_BYTES = 64 * MIB
_PIECE = 64 * 1024
_LARGEST_REDIRECT_ECHO = 200


@dataclass(slots=True)
class HttpGuard:
    """The caps of one connection, what it has counted, and whom it spoke to.

    ``refusal`` keeps the first error that a cap or rule raised, because the clean-up that
    follows it often fails with a less telling one. ``rejected`` is set for good by a rejected
    login: nothing more is sent, because the clean-up would be further attempts.
    """

    response_bytes: int = DEFAULT_RESPONSE_BYTES
    command_bytes: int = DEFAULT_COMMAND_BYTES
    requests: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    command_received: int = 0
    tls_fingerprint: str | None = None
    peer_address: str | None = None
    refusal: Exception | None = field(default=None, repr=False)
    rejected: bool = False

    def refuse(self, error: Exception) -> Exception:
        """Remember the first refusal and hand the error back to be raised."""
        if self.refusal is None:
            self.refusal = error
        return error

    def start_command(self) -> None:
        """Begin anew: an earlier refusal explains no later failure."""
        self.command_received = 0
        self.refusal = None

    def count_command_output(self, size: int) -> None:
        """Add the output of one Receive; raises :class:`ReplyTooLarge` over the cap."""
        self.command_received += size
        if self.command_received > self.command_bytes:
            raise self.refuse(
                ReplyTooLarge(
                    f"the command's output exceeds {self.command_bytes} bytes and is still "
                    "growing; the host may be hostile, or raise exchange_command_max_bytes"
                )
            )

    def figures(self) -> dict[str, Any]:
        """What the connection cost and whom it reached, as plain data for a report."""
        known = asdict(self)
        names = ("requests", "sent_bytes", "received_bytes", "tls_fingerprint", "peer_address")
        return {name: known[name] for name in names}


class GuardedResponse(Response):
    """A response whose body cannot grow over the guard's cap, whoever reads it."""

    guard: HttpGuard
    certificate: bytes | None = None  # of the connection that it came over, DER

    def iter_content(
        self,
        chunk_size: int | None = 1,
        decode_unicode: Any = False,  # noqa: FBT002 - requests' signature
    ) -> Iterator[Any]:
        received = 0
        size = max(chunk_size or _PIECE, _PIECE)
        for piece in super().iter_content(size, decode_unicode=decode_unicode):
            received += len(piece)
            self.guard.received_bytes += len(piece)
            if received > self.guard.response_bytes:
                self.close()
                raise self.guard.refuse(_too_large(self.guard, f"more than {received}"))
            yield piece


def _too_large(guard: HttpGuard, size: str) -> ReplyTooLarge:
    return ReplyTooLarge(
        f"a reply of {size} bytes is over the cap of {guard.response_bytes}; WinRM never sends "
        "that much at once: the host may be hostile, or raise exchange_response_max_bytes"
    )


class GuardedAdapter(HTTPAdapter):
    """Sends as requests does, and refuses what a WinRM service has no reason to answer."""

    def __init__(self, guard: HttpGuard) -> None:
        self._guard = guard
        super().__init__(max_retries=0)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        self._guard.requests += 1
        self._guard.sent_bytes += _request_size(request)
        return super().send(request, *args, **kwargs)

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        self._note_peer(resp)
        plain = super().build_response(req, resp)
        response = GuardedResponse()
        response.__dict__.update(plain.__dict__)
        response.guard = self._guard
        response.certificate = _certificate(resp)
        self._refuse_by_head(response)
        return response

    def _refuse_by_head(self, response: GuardedResponse) -> None:
        """Judge status and headers; raises before the first byte of the body is read."""
        guard = self._guard
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        length = response.headers.get("Content-Length", "").strip()
        error: Exception | None = None
        if 300 <= response.status_code < 400:  # noqa: PLR2004 - the redirect class of HTTP
            target = response.headers.get("Location", "nowhere")[:_LARGEST_REDIRECT_ECHO]
            error = RefusedError(
                f"the host answered {response.status_code} and points to {target!r}; redirects "
                "are never followed, WinRM has none: check what listens on that port"
            )
        elif encoding not in ("identity", ""):
            error = RefusedError(
                f"the host answered in content encoding {encoding[:40]!r}, only identity was "
                "asked for; a compressed reply is not unpacked"
            )
        elif length.isdigit() and int(length) > guard.response_bytes:
            error = _too_large(guard, length[:30])
        if error is not None:
            response.close()
            raise guard.refuse(error)

    def _note_peer(self, resp: Any) -> None:
        """Record certificate and address of the other end while its socket is still attached."""
        sock = getattr(getattr(resp, "connection", None), "sock", None)
        if sock is None or self._guard.peer_address is not None:
            return
        self._guard.peer_address = str(sock.getpeername()[0])
        if certificate := _certificate(resp):
            self._guard.tls_fingerprint = "sha256:" + hashlib.sha256(certificate).hexdigest()


def _certificate(resp: Any) -> bytes | None:
    """The other end's certificate (DER) while the socket is still attached; None without TLS."""
    sock = getattr(getattr(resp, "connection", None), "sock", None)
    found: bytes | None = getattr(sock, "getpeercert", lambda **_: None)(binary_form=True)
    return found


def harden(session: Session, guard: HttpGuard) -> Session:
    """Put the guard under a session; safe to call twice."""
    session.trust_env = False
    session.max_redirects = 0
    session.headers["Accept-Encoding"] = "identity"
    if not isinstance(session.get_adapter("https://"), GuardedAdapter):
        session.mount("https://", GuardedAdapter(guard))
        session.mount("http://", GuardedAdapter(guard))
    return session


def _request_size(request: PreparedRequest) -> int:
    """Bytes of the request as they go onto the wire above TLS (head and body)."""
    body = request.body if isinstance(request.body, bytes | str) else b""
    head = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    return head + len(body) + len(request.url or "")
