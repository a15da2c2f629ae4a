# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions and changes of a patch run on one host, asked again where that is safe."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import AuthenticationFailed, ReplyError, ReplySchemaError, TransportError
from ..transport.codec import Operation
from ..transport.keys import operation_key
from .models import Observed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..transport.base import Transport
    from ..transport.reply import Reply

# Files whose versions are read back. ExSetup.exe alone decides; the others show a mixture. Those that
# are not there are left out. [MEM] the names of the libraries: no source lists what an update replaces.
BINARIES = (
    "Bin\\ExSetup.exe",
    "Bin\\Microsoft.Exchange.Common.dll",
    "Bin\\Microsoft.Exchange.Data.dll",
    "Bin\\Microsoft.Exchange.Management.dll",
    "FrontEnd\\HttpProxy\\bin\\Microsoft.Exchange.FrontEndHttpProxy.dll",
)
# The sign-in pages load what an update replaces; the health pages say that the pool works.
PROBES = tuple(
    {"name": name, "url": f"https://localhost/{path}", "cookie": None, "expect": "status"}
    for name, path in (
        ("owa", "owa/"),
        ("ecp", "ecp/"),
        ("owa-health", "owa/healthcheck.htm"),
        ("ecp-health", "ecp/healthcheck.htm"),
    )
)
_TTL = 6 * 3600
_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class PatchHost:
    """One host under one lock; every change has a key, so asking again is safe (I15)."""

    transport: Transport
    run: str
    owner: str
    sleep: Callable[[float], None] = time.sleep
    tries: int = 6
    asked: int = 0

    def lock(self, purpose: str) -> None:
        """Take or renew the host lock; raises ``LockedByOther``."""
        parameters = {
            "owner": self.owner,
            "run": self.run,
            "purpose": purpose,
            "ttl_seconds": _TTL,
        }
        self.ask("Lock-Host", parameters)

    def unlock(self) -> None:
        """Give the host lock back."""
        self.ask("Unlock-Host", {"owner": self.owner, "run": self.run})

    def facts(self) -> Reply:
        """What the server is now."""
        return self.ask("Get-ExchangeServerInfo", {})

    def snapshot(self, update: str) -> dict[str, Any]:
        """The present state and the record: ``now`` and ``recorded``."""
        parameters = {"update": update, "binaries": list(BINARIES)}
        result = self.ask("Get-UpdateSnapshot", parameters).result
        if not isinstance(result, dict) or not isinstance(result.get("now"), dict):
            raise ReplySchemaError(f"{self.transport.peer}: the snapshot has no present state")
        return result

    def probes(self) -> tuple[dict[str, Any], ...]:
        """What the front end answers."""
        result = self.ask("Test-FrontEnd", {"probes": list(PROBES)}).result
        listed = result.get("probes") if isinstance(result, dict) else None
        return tuple(row for row in listed or () if isinstance(row, dict))

    def observe(self, update: str) -> Observed:
        """One whole reading."""
        reply = self.facts()
        return Observed(
            reply.result, self.snapshot(update)["now"], self.probes(), tuple(reply.errors)
        )

    def change(self, operation: str, parameters: dict[str, Any], step: str) -> dict[str, Any]:
        """One keyed change under the lock; the same step of a run acts once."""
        wanted = {**parameters, "lock_owner": self.owner}
        key = operation_key(run=self.run, operation=operation, step=step, parameters=wanted)
        result = self.ask(operation, wanted, key).result
        if not isinstance(result, dict):
            raise ReplySchemaError(f"{self.transport.peer}: {operation} answered no record")
        return result

    def ask(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Reply:
        """Ask one operation; with a key it acts once however often it is asked."""

        def once() -> Reply:
            self.asked += 1
            return self.transport.run(Operation(operation, parameters, key))

        return self.again(once)

    def again(self, act: Callable[[], _Answer]) -> _Answer:
        """Do it, and again while the line breaks; a wrong password is never tried twice."""
        for attempt in range(1, self.tries):
            try:
                return act()
            except AuthenticationFailed:
                raise
            except (TransportError, ReplyError):
                self.sleep(min(60.0, 2.0**attempt))
        return act()
