# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to a simulated host: from an HTTP request to the service and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import envelopes, faults, soap
from .acceptor import Refused
from .encryption import CONTENT_TYPE, is_encrypted, seal, unseal
from .http import SOAP_TYPE, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .auth import ClientIdentity
    from .host_service import HostService
    from .http import HttpRequest

_PATH = b"/wsman"


class WsmanConnection:
    """One connection to a host: who it is, and whether its messages are sealed."""

    __slots__ = ("_identity", "_service")

    def __init__(self, service: HostService, identity: ClientIdentity) -> None:
        """Join a service and a fresh identity."""
        self._service = service
        self._identity = identity

    def answer(self, request: HttpRequest) -> Response | Awaitable[Response]:
        """Answer one HTTP request."""
        service = self._service
        service.counters.requests += 1
        service.counters.bytes_received += request.size
        if request.method != b"POST":
            return Response(405, close=True)
        if not request.path.startswith(_PATH):
            return Response(404)
        response = self._identity.check(request)
        if response is not None:
            return response
        proof = self._identity.proof
        self._identity.proof = ()
        answer = self._soap(request)
        return _with_headers(answer, proof) if proof else answer

    def _soap(self, request: HttpRequest) -> Response | Awaitable[Response]:
        if not request.body:
            return Response(200)
        if not is_encrypted(request.headers.get(b"content-type", b"")):
            if not self._identity.may_be_plain:
                return Response(500)  # AllowUnencrypted is false: no body, no explanation
            return self._serve(request.body, sealed=False)
        acceptor = self._identity.acceptor
        if acceptor is None or not acceptor.complete:
            return Response(400, close=True)
        try:
            body = unseal(acceptor, request.body)
        except Refused:
            return Response(400, close=True)
        return self._serve(body, sealed=True)

    def _serve(self, body: bytes, *, sealed: bool) -> Response | Awaitable[Response]:
        service = self._service
        try:
            if len(body) > service.limits.envelope_bytes:
                raise envelopes.envelope_too_large(service.limits.envelope_bytes)
            message = soap.parse(body, service.limits)
        except soap.SoapError as error:
            return self._fault(envelopes.invalid_xml(str(error)), "", sealed=sealed)
        except envelopes.Fault as fault:
            return self._fault(fault, "", sealed=sealed)
        if service.may_fail:
            return self._with_faults(message, sealed=sealed)
        return self._perform(message, sealed=sealed)

    def _perform(self, message: soap.Message, *, sealed: bool) -> Response | Awaitable[Response]:
        try:
            result = self._service.perform(message)
        except envelopes.Fault as fault:
            return self._fault(fault, message.message_id, sealed=sealed)
        if isinstance(result, str):
            return self._reply(message, result, sealed=sealed)
        return self._later(message, result, sealed=sealed)

    async def _later(
        self, message: soap.Message, result: Awaitable[str], *, sealed: bool
    ) -> Response:
        try:
            return self._reply(message, await result, sealed=sealed)
        except envelopes.Fault as fault:
            return self._fault(fault, message.message_id, sealed=sealed)

    async def _with_faults(self, message: soap.Message, *, sealed: bool) -> Response:
        def encode(fault: envelopes.Fault) -> Response:
            return self._fault(fault, message.message_id, sealed=sealed)

        rule = self._service.strike(message, "before")
        if rule is not None:
            if rule.kind == "flood":
                return self._flood(message, sealed=sealed)
            if rule.kind != "delay":
                return faults.broken(rule, None, encode)
            await faults.pause(rule)
        result = self._perform(message, sealed=sealed)
        response = result if isinstance(result, Response) else await result
        rule = self._service.strike(message, "after")
        if rule is None:
            return response
        self._service.act(message)
        if rule.kind == "flood":
            return self._flood(message, sealed=sealed)
        if rule.kind == "delay":
            await faults.pause(rule)
        return faults.broken(rule, response, encode)

    def _flood(self, message: soap.Message, *, sealed: bool) -> Response:
        element = message.first("DesiredStream")
        command_id = element.attributes.get("CommandId", "") if element is not None else ""
        body = faults.flood(command_id, self._service.limits.receive_bytes)
        return self._reply(message, body, sealed=sealed)

    def _reply(self, message: soap.Message, body: str, *, sealed: bool) -> Response:
        data = envelopes.envelope(f"{message.action}Response", message.message_id, body)
        return self._encode(200, data, sealed=sealed)

    def _fault(self, fault: envelopes.Fault, relates_to: str, *, sealed: bool) -> Response:
        machine = self._service.host.name
        return self._encode(500, envelopes.encode_fault(fault, relates_to, machine), sealed=sealed)

    def _encode(self, status: int, data: bytes, *, sealed: bool) -> Response:
        acceptor = self._identity.acceptor
        if not sealed or acceptor is None:
            return Response(status, data, SOAP_TYPE)
        return Response(status, seal(acceptor, data), CONTENT_TYPE)


async def _with_headers(
    answer: Response | Awaitable[Response], headers: tuple[bytes, ...]
) -> Response:
    """The answer to a request that came with the last token, with the host's own proof."""
    response = answer if isinstance(answer, Response) else await answer
    return replace(response, headers=(*response.headers, *headers))
