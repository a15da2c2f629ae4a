# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a host, and what to do when it breaks in the middle.

A reading operation may simply be asked again. A changing one (it has a key) is never sent again
before the host was asked what became of its key, so that each key acts at most once (I15).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...base.errors import (
    AuthenticationFailed,
    ReplyError,
    ReplySchemaError,
    ScriptError,
    TransportError,
    Unreachable,
)
from .codec import BOOTSTRAP_COMMAND, Limits, Operation, decode_reply, encode_request, failed_reply
from .reply import checked, reply_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from .codec import Reply

STATUS_OPERATION = "Get-OperationStatus"
_STATES = ("unknown", "started", "finished")


class Transport(Protocol):
    """Everything above knows only this: one operation in, one checked reply out."""

    @property
    def peer(self) -> str:
        """Whom the connection authenticated, for the record (never a name from a reply)."""

    def run(self, operation: Operation) -> Reply:
        """Return the reply; raises the `TransportError`, `ReplyError` and `ScriptError` trees."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The raw outcome of one remote command."""

    stdout: bytes
    stderr: bytes
    exit_code: int


@dataclass(frozen=True, slots=True)
class Retry:
    """How long to try. Delays are seconds and double up to ``longest``; all counts are bounded."""

    reads: int = 2  # attempts of a reading operation whose connection broke
    sends: int = 3  # attempts of a keyed operation that the host does not know
    inquiries: int = 20  # questions about a key, over all attempts
    delay: float = 1.0
    longest: float = 15.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait before the attempt after this one (counted from 1)."""
        return min(self.longest, self.delay * 2.0 ** min(attempt - 1, 16))


@dataclass(frozen=True, slots=True)
class ReplyStatus:
    """What a host says became of a key."""

    state: str  # "unknown", "started" or "finished"
    running: bool
    reply: Any


class ExecTransport:
    """Runs operations over anything that can execute a command line with stdin.

    ``execute(command, stdin)`` returns an `ExecResult` and raises the `TransportError` tree:
    `Unreachable` only when no connection could be made at all.
    """

    def __init__(
        self,
        execute: Callable[[str, bytes], ExecResult],
        *,
        peer: str,
        retry: Retry | None = None,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        token: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._execute = execute
        self._peer = peer
        self._retry = retry or Retry()
        self._limits = limits or Limits()
        self._sleep = sleep
        self._token = token

    @property
    def peer(self) -> str:
        """Whom the connection authenticated, for the record."""
        return self._peer

    def run(self, operation: Operation) -> Reply:
        """Return the reply of the host, asked as often as it takes and is safe."""
        if operation.key is None:
            return self._read(operation)
        return self._change(operation, operation.key)

    def _once(self, operation: Operation) -> Reply:
        operation_id, nonce = self._token(), self._token()
        request = encode_request(operation, operation_id=operation_id, nonce=nonce)
        done = self._execute(BOOTSTRAP_COMMAND, request)
        reply = decode_reply(
            done.stdout,
            done.stderr,
            done.exit_code,
            operation_id=operation_id,
            nonce=nonce,
            limits=self._limits,
        )
        if (reply.operation, reply.key) != (operation.name, operation.key):
            raise ReplySchemaError(
                f"{self._peer}: asked was {operation.name} with key {operation.key}, the reply is "
                f"of {reply.operation!r} with key {reply.key!r}; it was discarded"
            )
        return reply

    def _read(self, operation: Operation) -> Reply:
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(operation)
            except TransportError as error:
                # A host that is not there, and a password that is wrong, stay so; a time-out was
                # long enough.
                if type(error) is not TransportError or attempt >= self._retry.reads:
                    raise
            self._sleep(self._retry.pause(attempt))

    def _change(self, operation: Operation, key: str) -> Reply:
        inquiries = iter(range(1, self._retry.inquiries + 1))
        lost: Exception | None = None
        for _attempt in range(self._retry.sends):
            try:
                return self._once(operation)
            except AuthenticationFailed:
                raise  # terminal at once: each further try brings the account closer to its lockout
            except (TransportError, ReplyError) as error:
                lost = error
            except ScriptError as error:
                if not _is_running(error):
                    raise
                lost = error
            found = self._reconcile(operation, key, inquiries, lost)
            if found is not None:
                return found
        raise TransportError(
            f"{self._peer}: {operation.name} did not reach the host in {self._retry.sends} "
            f"attempts; it knew nothing of the key when last asked. Last: {lost}"
        ) from lost

    def _reconcile(
        self, operation: Operation, key: str, inquiries: Any, lost: Exception
    ) -> Reply | None:
        """Ask until the key's fate is known: its reply, or None when the host does not know it."""
        for count in inquiries:
            self._sleep(self._retry.pause(count))
            try:
                status = self._status(key)
            except AuthenticationFailed:
                raise
            except (TransportError, ReplyError) as error:
                lost = error
                continue
            if status.state == "finished":
                return self._stored(operation, key, status)
            if status.state == "unknown":
                return None
            if not status.running:
                raise TransportError(
                    f"{self._peer}: {operation.name} was started and its process is gone without a "
                    "result; the outcome is unknown. Look at the host, then use a new key"
                ) from lost
        kind = Unreachable if isinstance(lost, Unreachable) else TransportError
        raise kind(
            f"{self._peer}: {operation.name}: the outcome is unknown after "
            f"{self._retry.inquiries} questions. Run it again with the same key. Last: {lost}"
        ) from lost

    def _status(self, key: str) -> ReplyStatus:
        result = self._once(Operation(STATUS_OPERATION, {"keys": [key]})).result
        entry = result.get(key) if isinstance(result, dict) else None
        if not isinstance(entry, dict) or entry.get("state") not in _STATES:
            raise ReplySchemaError(f"{self._peer}: {STATUS_OPERATION} says nothing about {key}")
        started = entry.get("started")
        running = isinstance(started, dict) and started.get("running") is True
        return ReplyStatus(entry["state"], running, entry.get("reply"))

    def _stored(self, operation: Operation, key: str, status: ReplyStatus) -> Reply:
        reply = reply_from(status.reply)
        if reply.key != key or reply.operation != operation.name or not reply.replayed:
            raise ReplySchemaError(
                f"{self._peer}: the stored reply of {key} is of {reply.operation!r} with key "
                f"{reply.key!r}; the host's store was tampered with or mixed up"
            )
        return checked(reply)


def _is_running(error: ScriptError) -> bool:
    """Tell whether our own earlier command is still at work on this key."""
    reply = failed_reply(error)
    return bool(reply and reply.errors and reply.errors[0].id == "OperationRunning")
