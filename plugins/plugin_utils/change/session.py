# SPDX-License-Identifier: GPL-3.0-or-later
"""A host under change: one lock, keyed changes, questions asked again, everything in the journal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.errors import (
    AuthenticationFailed,
    NoTicket,
    ReplyError,
    TransportError,
    Unreachable,
)
from ..host.calls import core, facts
from ..host.calls.asking import record as answer_record
from ..host.transport.codec import Operation
from ..host.transport.keys import operation_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.transport.base import Transport
    from ..host.transport.reply import Reply

_TTL = 6 * 3600
_Answer = TypeVar("_Answer")


def _no_journal(_event: str, _data: dict[str, Any]) -> None:
    """Keep no record."""


def _answered(reply: Reply) -> dict[str, Any]:
    """Who answered, by its own words, when, and with which script (I20)."""
    host = reply.host
    return {
        "by": {"name": host.name, "clock": host.clock, "boot_id": host.boot_id},
        "script_sha256": reply.script_sha256,
        "replayed": reply.replayed,
    }


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

    def lock(self, purpose: str) -> core.Lock:
        """Take, renew or take over the host lock; raises ``LockedByOther``."""
        holder = core.Holder(self.owner, self.run, purpose, _TTL, self.controller, self.takeover)
        self.record("lock", holder.parameters())
        return core.lock(self, holder)

    def unlock(self) -> None:
        """Give the host lock back."""
        core.unlock(self, self.owner, self.run)
        self.record("unlock", {"owner": self.owner, "run": self.run})

    def holds_lock(self) -> bool:
        """Whether the host lock is of this run: a killed life of it may have left it."""
        holder = core.locked_by(self)
        ours = {"owner": self.owner, "run": self.run}
        return holder is not None and {name: holder.get(name) for name in ours} == ours

    def facts(self) -> Reply:
        """What the server is now."""
        return facts.collect(self)

    def change(self, operation: str, parameters: dict[str, Any], step: str) -> dict[str, Any]:
        """One keyed change under the lock; the same step of a run acts once."""
        wanted = {**parameters, "lock_owner": self.owner}
        again = {"attempt": self.attempt} if self.attempt else {}
        key = operation_key(
            run=self.run, operation=operation, step=step, parameters=wanted, **again
        )
        about = {"step": step, "operation": operation, "key": key}
        self.record("intent", {**about, "parameters": parameters})
        reply = self.ask(operation, wanted, key)
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
