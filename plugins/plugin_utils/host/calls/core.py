# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a host, and what became of orders that were sent to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.errors import ReplySchemaError
from ...facts.read import moment
from .asking import mapping, mapping_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..transport.reply import Reply
    from .asking import Asks


# It goes back with every change, so a host may not make it what it likes: token, life.
_TICKET = re.compile(r"[0-9]{1,20}-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wants a host for himself, as the host writes it down."""

    owner: str
    run: str
    life: str  # of the run: 32 hex digits, other ones in each process
    purpose: str
    ttl_seconds: int
    controller: str = ""  # its runs may take over from each other
    takeover: str = ""  # the operator's reason to take the lock from somebody who is gone
    gone: str = ""  # the life of the same run that held the lock and is proven to be over

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the call; a journal keeps them too."""
        return {
            "owner": self.owner,
            "run": self.run,
            "life": self.life,
            "purpose": self.purpose,
            "ttl_seconds": self.ttl_seconds,
            "controller": self.controller,
            "takeover": self.takeover,
            "gone": self.gone,
        }


@dataclass(frozen=True, slots=True)
class Lock:
    """How the lock was had: ``acquired``, ``renewed`` or ``taken-over``; then who had it and why.

    ``ticket`` goes with every change: the host refuses that of a lock which another has taken.
    """

    state: str | None
    ticket: str
    reason: Any = None
    previous: Any = None


@dataclass(frozen=True, slots=True)
class LockSeen:
    """The lock as it stands. ``held``: who has the host, None for nobody.

    ``stale``: the host knows that the holder is dead. ``installer``: one runs, or that is not known.
    ``silence``: seconds since the last sign of life, None where that is not known.
    """

    held: dict[str, Any] | None
    stale: bool
    installer: bool
    silence: float | None


def lock(host: Asks, holder: Holder) -> Lock:
    """Take, renew or take over the lock of the host.

    :raises LockedByOther: somebody else has it.
    :raises ReplySchemaError: the host gave no ticket.
    """
    result = mapping(host.ask("Lock-Host", holder.parameters()).result)
    ticket = result.get("ticket")
    if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket):
        raise ReplySchemaError(f"Lock-Host gave no ticket: {ticket!r:.100}")
    return Lock(result.get("state"), ticket, result.get("reason"), result.get("previous"))


def renew(host: Asks) -> None:
    """Tell the host that the holder of its lock is alive.

    :raises LockedByOther: the lock is another's, or gone.
    """
    host.ask("Update-HostLock", {})


def unlock(host: Asks) -> None:
    """Give the lock of the ticket back; nothing where there is none.

    :raises LockedByOther: another has it by now.
    """
    host.ask("Unlock-Host", {})


def locked_by(host: Asks) -> dict[str, Any] | None:
    """Return who has the host (``owner``, ``run``, ``controller`` ...), None for nobody."""
    return mapping_or_none(mapping(host.ask("Get-HostLock", {}).result).get("lock"))


def look_at_lock(host: Asks) -> LockSeen:
    """Return how the lock stands, without touching it."""
    reply = host.ask("Get-HostLock", {})
    found = mapping(reply.result)
    held = mapping_or_none(found.get("lock"))
    renewed, clock = moment(held.get("renewed")) if held else None, moment(reply.host.clock)
    silence = (clock - renewed).total_seconds() if renewed and clock else None
    stale = found.get("state") == "stale"
    return LockSeen(held, stale, found.get("installer_running") is not False, silence)


def boot_id(host: Asks) -> str | None:
    """Return the identity of the present boot: the smallest question there is."""
    return host.ask("Get-HostLock", {}).host.boot_id


def order_status(host: Asks, keys: Sequence[str]) -> tuple[str | None, ...]:
    """Return what became of each keyed order: ok, error, begun; None where the host knows none."""
    reply: Reply = host.ask("Get-OperationStatus", {"keys": list(keys)})
    entries = mapping(reply.result)
    return tuple(status_of(entries.get(key)) for key in keys)


def status_of(entry: Any) -> str | None:
    """Return what one entry of the answer says of its order."""
    entry = mapping(entry)
    if entry.get("state") == "started":
        return "begun"
    if entry.get("state") != "finished":
        return None
    return "ok" if mapping(entry.get("reply")).get("status") == "ok" else "error"
