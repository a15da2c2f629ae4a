# SPDX-License-Identifier: GPL-3.0-or-later
"""A host under change: one lock, keyed changes, questions asked again, everything in the journal."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from ..base.errors import (
    AuthenticationFailed,
    LockedByOther,
    NoTicket,
    ReplyError,
    TransportError,
    Unreachable,
)
from ..host.calls import core, facts
from ..host.calls.asking import Direct, mapping
from ..host.calls.asking import record as answer_record
from ..host.transport.codec import Operation
from ..host.transport.fenced import FencedTransport
from ..host.transport.keys import operation_key
from ..host.transport.reply import failed_reply
from .life import Life
from .machine import MachineIdentity

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.transport.base import Transport
    from ..host.transport.reply import Reply
    from .runtime import Runtime

_TTL = 6 * 3600
_SILENT = 600.0  # seconds; after that a run of the same controller may take the lock (Lock-Host)
_Answer = TypeVar("_Answer")


def _no_journal(_event: str, _data: dict[str, Any]) -> None:
    """Keep no record."""


def _everybody_may(_machine: MachineIdentity) -> None:
    """Know of no other host that is the same machine."""


def _is_running(error: LockedByOther) -> bool:
    """Tell whether it is a change of the holder, still carried out, that is in the way."""
    reply = failed_reply(error)
    return bool(reply and reply.errors and reply.errors[0].id == "OperationRunning")


def _answered(reply: Reply) -> dict[str, Any]:
    """Who answered, by its own words, when, and with which script (I20)."""
    host = reply.host
    return {
        "by": {"name": host.name, "clock": host.clock, "boot_id": host.boot_id},
        "script_sha256": reply.script_sha256,
        "replayed": reply.replayed,
    }


class _Asking(Protocol):
    """What a session needs of a request."""

    @property
    def run(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def controller(self) -> str: ...
    @property
    def takeover(self) -> str: ...


@dataclass(slots=True)
class HostSession:
    """One host under one lock; every change has a key, so asking again is safe (I15).

    ``record(event, data)`` is called before a change is sent (``intent``) and after its answer is
    known (``done``): whoever reads the journal after a kill knows what may have happened.
    """

    transport: Transport
    run: str
    owner: str
    sleep: Callable[[float], None] = time.sleep
    record: Callable[[str, dict[str, Any]], None] = _no_journal
    tries: int = 6
    asked: int = 0
    reached: bool = False  # it has answered; before that, nothing is to be waited for
    controller: str = ""  # who the owner belongs to: its runs may take over from each other
    takeover: str = ""  # the operator's reason to take the lock from somebody who is gone
    attempt: str = ""  # part of each key: another attempt of the same run acts again
    life: Life = field(default_factory=Life)
    claim: Callable[[MachineIdentity], None] = _everybody_may
    _fence: FencedTransport = field(init=False, repr=False)

    @classmethod
    def of(cls, request: _Asking, transport: Transport, runtime: Runtime) -> Self:
        """The session of a request: who asks, in which run, and what that works with."""
        return cls(
            transport,
            request.run,
            request.owner,
            runtime.sleep,
            runtime.record,
            controller=request.controller,
            takeover=request.takeover,
            life=runtime.life,
            claim=runtime.claim,
        )

    def __post_init__(self) -> None:
        """Let the ticket of the lock go with whatever is sent to the host."""
        self._fence = FencedTransport(self.transport)
        self.transport = self._fence

    def lock(self, purpose: str) -> core.Lock:
        """Take, renew or take over the host lock; raises ``LockedByOther``.

        Another life of this run that held it is displaced where it is proven to be over, and a
        change that it has begun is waited for. A lock that this life has is renewed, never taken
        again: whoever had the host in between may have changed what this run goes by.
        """
        if self._fence.ticket is not None:
            core.renew(self)
            return core.Lock("renewed", self._fence.ticket)
        holder = core.Holder(
            self.owner, self.run, self.life.id, purpose, _TTL, self.controller, self.takeover
        )
        self.record("lock", holder.parameters())
        taken = self._taken(holder)
        self._fence.ticket = taken.ticket
        return taken

    def _taken(self, holder: core.Holder) -> core.Lock:
        for attempt in range(1, self.tries + 1):
            try:
                return core.lock(self, holder)
            except LockedByOther as error:
                earlier = self._earlier_life(error)
                if earlier is None or attempt == self.tries:
                    raise
                holder = replace(holder, gone=earlier)
                if _is_running(error):
                    self.sleep(min(60.0, 2.0**attempt))
        raise AssertionError("the last attempt returns or raises")

    def _earlier_life(self, error: LockedByOther) -> str | None:
        """Return the life of this run that holds the lock, if it is proven to be over."""
        reply = failed_reply(error)
        found = mapping(reply.errors[0].details if reply and reply.errors else None)
        life = found.get("life")
        ours = (found.get("owner"), found.get("run")) == (self.owner, self.run)
        if not ours or not isinstance(life, str) or not self.life.ended(life):
            return None
        return life

    def unlock(self) -> None:
        """Give the host lock back."""
        core.unlock(self)
        self._fence.ticket = None
        self.record("unlock", {"owner": self.owner, "run": self.run})

    def holds_lock(self) -> bool:
        """Whether the host lock is of this run: a killed life of it may have left it."""
        holder = core.locked_by(self)
        ours = {"owner": self.owner, "run": self.run}
        return holder is not None and {name: holder.get(name) for name in ours} == ours

    def kept_from(self, *, job: bool) -> str | None:
        """Return who would keep this run from the host lock; None: nobody. Takes nothing.

        ``job``: a job of what this run is about is at work there.
        """
        return self._obstacle(core.look_at_lock(self), job=job)

    def left_alone(self) -> bool:
        """Whether no other run and no installer of it has the host; asked once, not again."""
        seen = core.look_at_lock(Direct(self.transport))
        held = seen.held
        if held is not None and self._fence.ticket is not None:
            return self._fence.ticket == f"{held.get('token')}-{held.get('life')}"
        return self._obstacle(seen, job=False) is None and not seen.installer

    def _obstacle(self, seen: core.LockSeen, *, job: bool) -> str | None:
        """Judge as the host does when it is asked for the lock (``Lock-Host``)."""
        held = seen.held
        if held is None:
            return None
        life = held.get("life")
        over = isinstance(life, str) and self.life.ended(life)
        if over and (held.get("owner"), held.get("run")) == (self.owner, self.run):
            return None
        ours = bool(self.controller) and held.get("controller") == self.controller
        silent = seen.silence is not None and seen.silence > _SILENT
        awaited = job and ours  # it waits for its end, and takes the lock then
        if seen.stale:
            free = awaited or not job
        elif self.takeover or (ours and silent):
            free = awaited or not (job or seen.installer)
        else:
            free = awaited and over
        if free:
            return None
        said = {
            name: f"{held.get(name)!s:.200}" for name in ("owner", "run", "acquired", "purpose")
        }
        return (
            f"locked by '{said['owner']}' (run {said['run']}) since {said['acquired']}, "
            f"for: {said['purpose']}"
        )

    def facts(self) -> Reply:
        """What the server is now; raises ``RefusedError`` where it is another host's, too."""
        reply = facts.collect(self)
        self.claim(MachineIdentity.of(reply))
        return reply

    def change(self, operation: str, parameters: dict[str, Any], step: str) -> dict[str, Any]:
        """One keyed change under the lock; the same step of a run acts once."""
        again = {"attempt": self.attempt} if self.attempt else {}
        key = operation_key(
            run=self.run,
            owner=self.owner,
            operation=operation,
            step=step,
            parameters=parameters,
            **again,
        )
        about = {"step": step, "operation": operation, "key": key}
        self.record("intent", {**about, "parameters": parameters})
        reply = self.ask(operation, parameters, key)
        result = answer_record(reply, self.transport.peer)
        self.record("done", {**about, **_answered(reply), "result": result})
        return result

    def ask(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Reply:
        """Ask one operation; with a key it acts once however often it is asked."""

        def once() -> Reply:
            self.asked += 1
            reply = self.transport.run(Operation(operation, parameters, key))
            self.reached = True
            return reply

        return self.again(once)

    def again(self, act: Callable[[], _Answer]) -> _Answer:
        """Do it, and again while the line breaks; a wrong password is never tried twice.

        A host that was never reached is asked once more, not for a minute: nothing was begun there.
        One that was may have outlived our ticket, which somebody renews; nothing is sent meanwhile.
        """
        for attempt in range(1, self.tries):
            try:
                return act()
            except NoTicket:
                if not self.reached:
                    raise
                self.sleep(min(60.0, 2.0**attempt))
            except AuthenticationFailed:
                raise
            except (TransportError, ReplyError) as error:
                if isinstance(error, Unreachable) and not self.reached and attempt > 1:
                    raise
                self.sleep(min(60.0, 2.0**attempt))
        return act()
