# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM service of one simulated host: shells, quotas, dispatch by action, faults."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import envelopes, faults, soap
from .auth import AuthPolicy, ClientIdentity
from .counters import Counters
from .shell_psrp import RESOURCE_PREFIX, PsrpShell
from .shell_winrs import RESOURCE_URI, WinrsShell, decode_stream, operation_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ..engine import Engine, SimulatedHost
    from .accounts import Account
    from .auth_kerberos import ServiceKeys
    from .limits import ServiceLimits

_ACTIONS = {
    soap.CREATE: "Create",
    soap.COMMAND: "Command",
    soap.SEND: "Send",
    soap.RECEIVE: "Receive",
    soap.SIGNAL: "Signal",
    soap.DELETE: "Delete",
    soap.GET: "Get",
}
_CONFIG_URI = "http://schemas.microsoft.com/wbem/wsman/1/config"
_HEAD = 5464  # characters of base64: the 4,096 bytes that hold the name, in whole groups of four
_ENVELOPE_OVERHEAD = 4096  # of a Receive response around its base64


@dataclass(slots=True)
class _Open:
    shell: WinrsShell | PsrpShell
    used: float
    received: tuple[str, str] | None = None  # message id and body of the last Receive


class HostService:
    """All connections of one host meet here."""

    def __init__(
        self,
        host: SimulatedHost,
        engine: Engine,
        account: Account,
        users: Path,
        *,
        policy: AuthPolicy | None = None,
        limits: ServiceLimits,
        plan: faults.FaultPlan,
        keys: ServiceKeys | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what the host is and how its service is configured."""
        self.host = host
        self.limits = limits
        self.counters = Counters()
        self.binding: bytes | None = None  # channel binding of the host's certificate
        self._engine = engine
        self._account = account
        self._users = users
        self._policy = policy or AuthPolicy()
        self._plan = plan
        self._keys = keys
        self._clock = clock
        self._shells: dict[str, _Open] = {}

    def identity(self, *, secure: bool) -> ClientIdentity:
        """Return who a new connection is: nobody yet."""
        self.counters.connections += 1
        binding = self.binding if secure else None
        return ClientIdentity(
            self._account,
            self._users,
            self._policy,
            secure=secure,
            counters=self.counters,
            binding=binding,
            keys=self._keys,
        )

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
                known = entry.shell.operations(element.attributes["CommandId"])
                winrs = isinstance(entry.shell, WinrsShell) and message.action == soap.SEND
                return (*known, *_announced(element.text)) if winrs else known
        return ()

    def strike(self, message: soap.Message, when: str) -> faults.FaultRule | None:
        """Return the fault rule for this request, if one acts."""
        return self._plan.strike(
            faults.Occasion(
                self.host.name,
                _ACTIONS.get(message.action, message.action),
                self.operations(message),
                when,
            )
        )

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
        if message.action == soap.GET and message.resource_uri == _CONFIG_URI:
            return envelopes.service_config(self.limits.envelope_bytes)
        entry = self._find(message)
        shell = entry.shell
        if message.action == soap.RECEIVE:
            return self._receive(entry, message)
        if message.action == soap.COMMAND:
            self.counters.commands += 1
            return shell.command(message)
        if message.action == soap.SEND:
            return shell.send(message)
        return (
            shell.signal(message) if message.action == soap.SIGNAL else self._rest(message, shell)
        )

    def _receive(self, entry: _Open, message: soap.Message) -> str | Awaitable[str]:
        """Deliver output; the very same request again gets the very same output."""
        if entry.received and message.message_id and entry.received[0] == message.message_id:
            return entry.received[1]
        result = entry.shell.receive(message, self._seconds(message), self._room(message))
        if isinstance(result, str):
            entry.received = (message.message_id, result)
            return result

        async def later() -> str:
            body = await result
            entry.received = (message.message_id, body)
            return body

        return later()

    def _rest(self, message: soap.Message, shell: WinrsShell | PsrpShell) -> str:
        if message.action == soap.GET:
            return envelopes.shell_state(shell.id, shell.resource_uri)
        shell.close()  # Delete is the only other one that _find lets pass
        del self._shells[shell.id]
        return ""

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
        if shell.id in self._shells:
            raise envelopes.shell_exists(shell.id)
        asked = soap.duration_seconds(message.text("IdleTimeOut"))
        shell.idle_seconds = min(asked or shell.idle_seconds, self.limits.idle_seconds)
        self._shells[shell.id] = _Open(shell, self._clock())
        return envelopes.shell_created(
            shell.id, shell.resource_uri, self._account.username, shell.idle_seconds
        )

    def _find(self, message: soap.Message) -> _Open:
        if message.action not in _ACTIONS:
            raise envelopes.action_not_supported(message.action)
        shell_id = message.selectors.get("ShellId", "")
        entry = self._shells.get(shell_id.upper())
        now = self._clock()
        if entry is not None and now - entry.used > entry.shell.idle_seconds:
            self._expire()
            entry = None
        if entry is None:
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


def _announced(text: str) -> tuple[str, ...]:
    """Return the operation that a Stream element names, before the command gets it."""
    try:
        name = operation_of(decode_stream(text[:_HEAD]))
    except envelopes.Fault:
        return ()
    return (name,) if name else ()
