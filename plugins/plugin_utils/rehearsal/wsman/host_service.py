# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM service of one simulated host: shells, quotas, dispatch by action, faults."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import envelopes, faults, soap
from .auth import Identity, Policy
from .auth_ntlm import Refused
from .encryption import CONTENT_TYPE, is_encrypted, seal, unseal
from .http import SOAP_TYPE, Response
from .shell_psrp import RESOURCE_PREFIX, PsrpShell
from .shell_winrs import RESOURCE_URI, WinrsShell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ..engine import Engine, SimulatedHost
    from .accounts import Account
    from .http import Request
    from .limits import Limits

_ACTIONS = {
    soap.CREATE: "Create",
    soap.COMMAND: "Command",
    soap.SEND: "Send",
    soap.RECEIVE: "Receive",
    soap.SIGNAL: "Signal",
    soap.DELETE: "Delete",
    soap.GET: "Get",
}
_ENVELOPE_OVERHEAD = 4096  # of a Receive response around its base64
_PATH = b"/wsman"


@dataclass(slots=True)
class Counters:
    """What the host has served."""

    connections: int = 0
    requests: int = 0
    refused: int = 0  # 401 that ended an attempt
    commands: int = 0
    faults: int = 0  # injected


@dataclass(slots=True)
class _Open:
    shell: WinrsShell | PsrpShell
    used: float


class HostService:
    """All connections of one host meet here."""

    def __init__(
        self,
        host: SimulatedHost,
        engine: Engine,
        account: Account,
        users: Path,
        *,
        policy: Policy | None = None,
        limits: Limits,
        plan: faults.FaultPlan,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what the host is and how its service is configured."""
        self.host = host
        self.limits = limits
        self.counters = Counters()
        self._engine = engine
        self._account = account
        self._users = users
        self._policy = policy or Policy()
        self._plan = plan
        self._clock = clock
        self._shells: dict[str, _Open] = {}

    def connection(self, *, secure: bool) -> Connection:
        """Return the far end of a new connection."""
        self.counters.connections += 1
        return Connection(self, Identity(self._account, self._users, self._policy, secure=secure))

    @property
    def open_shells(self) -> int:
        """How many shells are open now."""
        self._expire()
        return len(self._shells)

    def close(self) -> None:
        """End every shell."""
        for entry in self._shells.values():
            entry.shell.close()
        self._shells.clear()

    def operations(self, message: soap.Message) -> tuple[str, ...]:
        """Return what fault rules may match: command line or script, and operation name."""
        entry = self._shells.get(message.selectors.get("ShellId", "").upper())
        if message.action == soap.COMMAND:
            return (message.text("Command"),)
        if entry is None:
            return ()
        for element in message.body:
            if "CommandId" in element.attributes:
                return entry.shell.operations(element.attributes["CommandId"])
        return ()

    def strike(self, message: soap.Message, when: str) -> faults.FaultRule | None:
        """Return the fault rule for this request, if one acts."""
        rule = self._plan.strike(
            faults.Occasion(
                self.host.name,
                _ACTIONS.get(message.action, message.action),
                self.operations(message),
                when,
            )
        )
        if rule is not None:
            self.counters.faults += 1
        return rule

    @property
    def may_fail(self) -> bool:
        """True if fault rules exist at all."""
        return bool(self._plan)

    def act(self, message: soap.Message) -> None:
        """Start what an ``after`` rule on Command wants to have happened."""
        entry = self._shells.get(message.selectors.get("ShellId", "").upper())
        if entry is not None:
            entry.shell.act()

    def perform(self, message: soap.Message) -> str | Awaitable[str]:
        """Do what a request asks; return the body of the response, or raise a Fault."""
        if message.action == soap.CREATE:
            return self._create(message)
        entry = self._find(message)
        shell = entry.shell
        if message.action == soap.RECEIVE:
            return shell.receive(message, self._seconds(message), self._room(message))
        if message.action == soap.SEND:
            return shell.send(message)
        if message.action == soap.COMMAND:
            self.counters.commands += 1
            return shell.command(message)
        if message.action == soap.SIGNAL:
            return shell.signal(message)
        if message.action == soap.DELETE:
            shell.close()
            del self._shells[shell.id]
            return ""
        if message.action == soap.GET:
            return envelopes.shell_state(shell.id, shell.resource_uri)
        raise envelopes.action_not_supported(message.action)

    def _create(self, message: soap.Message) -> str:
        self._expire()
        if len(self._shells) >= self.limits.shells_per_user:
            raise envelopes.too_many_shells(self.limits.shells_per_user)
        shell: WinrsShell | PsrpShell
        if message.resource_uri == RESOURCE_URI:
            shell = WinrsShell(self.host, self._engine, self.limits, message)
        elif message.resource_uri.startswith(RESOURCE_PREFIX):
            shell = PsrpShell(self.host, self._engine, self.limits, message)
        else:
            raise envelopes.invalid_resource(message.resource_uri)
        asked = soap.duration_seconds(message.text("IdleTimeOut"))
        shell.idle_seconds = min(asked or shell.idle_seconds, self.limits.idle_seconds)
        self._shells[shell.id] = _Open(shell, self._clock())
        return envelopes.shell_created(
            shell.id, shell.resource_uri, self._account.username, shell.idle_seconds
        )

    def _find(self, message: soap.Message) -> _Open:
        shell_id = message.selectors.get("ShellId", "")
        entry = self._shells.get(shell_id.upper())
        now = self._clock()
        if entry is not None and now - entry.used > entry.shell.idle_seconds:
            self._expire()
            entry = None
        if entry is None:
            if message.action not in _ACTIONS:
                raise envelopes.action_not_supported(message.action)
            raise envelopes.shell_not_found(shell_id)
        entry.used = now
        return entry

    def _expire(self) -> None:
        now = self._clock()
        for shell_id, entry in list(self._shells.items()):
            if now - entry.used > entry.shell.idle_seconds:
                entry.shell.close()
                del self._shells[shell_id]

    def _seconds(self, message: soap.Message) -> float:
        asked = soap.duration_seconds(message.operation_timeout)
        return self.limits.operation_seconds if asked is None else asked

    def _room(self, message: soap.Message) -> int:
        if not message.max_envelope.isdigit():
            return self.limits.receive_bytes
        fits = (int(message.max_envelope[:12]) - _ENVELOPE_OVERHEAD) * 3 // 4
        return max(1024, min(self.limits.receive_bytes, fits))


class Connection:
    """One connection to a host: who it is, and whether its messages are sealed."""

    __slots__ = ("_identity", "_service")

    def __init__(self, service: HostService, identity: Identity) -> None:
        """Join a service and a fresh identity."""
        self._service = service
        self._identity = identity

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer one HTTP request."""
        service = self._service
        service.counters.requests += 1
        if request.method != b"POST":
            return Response(405, close=True)
        if not request.path.startswith(_PATH):
            return Response(404)
        response = self._identity.check(request)
        if response is not None:
            if response.status == 401 and b"authorization" in request.headers:  # noqa: PLR2004
                service.counters.refused += not self._identity.proven
            return response
        if not request.body:
            return Response(200)
        sealed = is_encrypted(request.headers.get(b"content-type", b""))
        try:
            body = self._open(request.body, sealed=sealed)
        except Refused:
            return Response(400, close=True)
        if body is None:
            return Response(500)
        return self._serve(body, sealed=sealed)

    def _open(self, body: bytes, *, sealed: bool) -> bytes | None:
        if not sealed:
            return body if self._identity.may_be_plain else None
        acceptor = self._identity.acceptor
        if acceptor is None or not acceptor.complete:
            raise Refused("a sealed message on a connection without a security context")
        return unseal(acceptor, body)

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
            if rule.kind == "delay":
                await faults.pause(rule)
            else:
                return faults.broken(rule, None, encode)
        result = self._perform(message, sealed=sealed)
        response = result if isinstance(result, Response) else await result
        rule = self._service.strike(message, "after")
        if rule is None:
            return response
        self._service.act(message)
        if rule.kind == "delay":
            await faults.pause(rule)
        return faults.broken(rule, response, encode)

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
