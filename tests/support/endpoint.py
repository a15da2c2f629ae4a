# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal's WinRM endpoint in a thread, for one host whose world every run replaces."""

from __future__ import annotations

import asyncio
import copy
import selectors
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet import (
    start as fleet,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.ports import (
    Ports,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
        CommandResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.realm import (
        Realm,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.counters import (
        Counters,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
        FaultRule,
    )

NAME, USER, PASSWORD = "ex01", "administrator", "a password of the sweep"
_FASTER = 20  # an operation time-out of a second takes 50 ms
_Answer = TypeVar("_Answer")


class _FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout / _FASTER if timeout else timeout)


class _FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes faster: it waits that much shorter."""

    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return super().time() * _FASTER


def one_host() -> SimulatedHost:
    """The host of an endpoint, in the domain of the rehearsal."""
    world = World({"name": "EX01", "domain": "rehearsal.example"})
    return SimulatedHost(NAME, "127.77.0.1", world, Credentials(USER, PASSWORD))


class Endpoint:
    """WinRM on a loopback address; the world is only touched in the endpoint's thread.

    With a ``realm`` it takes Kerberos tickets, else NTLM only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        realm: Realm | None = None,
        policy: AuthPolicy | None = None,
    ) -> None:
        self.engine = ModelEngine()
        account = Credentials(USER, PASSWORD)
        self.host = one_host()
        spec = fleet.FleetSpec("sweep", (self.host,), account, policy=policy or AuthPolicy())
        self._fleet = fleet.Fleet(spec, self.engine, folder, realm)
        self._loop = _FastLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.folder = folder
        self.authority = folder / "ca.pem"
        self.authority.write_bytes(self._fleet.authority.pem())
        self.port = self.http_port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        started = self._fleet.start(Ports(0, 0))
        ports = asyncio.run_coroutine_threadsafe(started, self._loop).result(30)
        self.port, self.http_port = ports.https, ports.http
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._fleet.stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def call(self, act: Callable[[], _Answer]) -> _Answer:
        """Do something between two requests."""

        async def there() -> _Answer:
            return act()

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result(30)

    def begin(self, world: World) -> None:
        """Put another world behind the endpoint: no shell, no connection, no fault is left."""

        def change() -> None:
            self.clear()
            self._hang_up()
            self.host.world = world

        self.call(change)

    def hang_up(self) -> None:
        """Reset every connection and end every shell."""
        self.call(self._hang_up)

    def restart(self) -> None:
        """Restart Windows: connections and shells end with it."""

        def change() -> None:
            machine.restart(self.host.world)
            self._hang_up()

        self.call(change)

    def _hang_up(self) -> None:
        self._fleet.server.disconnect(NAME)
        self._fleet.services[0].close()

    def clear(self) -> None:
        """Disarm every fault."""
        self._fleet.plan.clear()
        self._fleet.plan.fired.clear()

    def arm(self, rule: FaultRule) -> None:
        """Arm one fault; the next request that it fits is struck."""
        self.call(lambda: self._fleet.plan.add(rule))

    @property
    def counters(self) -> Counters:
        """What the host has served so far."""
        return copy.copy(self._fleet.services[0].counters)

    @property
    def fired(self) -> int:
        """How often a fault struck in this run."""
        return self._fleet.plan.fired[NAME]

    def answer(self, stdin: bytes) -> CommandResult:
        """Answer a request without a line between."""
        return self.call(lambda: self.engine.answer(self.host.world, stdin.decode()))
