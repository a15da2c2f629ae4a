# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess runs a second of the model engine in one process.

A run is the whole way: encode the request, engine, frame, decode the reply. Time is CPU time of
one core, so that whatever else the machine does does not count. Also measured: the engine
alone, and a fleet whose hosts all changed since they were last asked.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.generator import (
    fleet,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
        SimulatedHost,
    )

RUNS_PER_SECOND = 2_000  # the floor, whole way
HOSTS = 100
ROUNDS = 20  # the best one counts: others shared their core's caches with somebody
ID, NONCE = "1" * 32, "2" * 32


def measure() -> dict[str, float]:
    """Return runs a second: whole way, engine alone, first time."""
    hosts = fleet(HOSTS, 1).hosts
    engine = ModelEngine()
    operation = codec.Operation("Get-ExchangeServerInfo")
    line = codec.encode_request(operation, operation_id=ID, nonce=NONCE)

    async def whole(host: SimulatedHost) -> None:
        request = codec.encode_request(operation, operation_id=ID, nonce=NONCE)
        result = await engine.run(host, codec.BOOTSTRAP_COMMAND, request)
        codec.decode_reply(
            result.stdout, result.stderr, result.exit_code, operation_id=ID, nonce=NONCE
        )

    async def alone(host: SimulatedHost) -> None:
        await engine.run(host, codec.BOOTSTRAP_COMMAND, line)

    async def changed(host: SimulatedHost) -> None:
        host.world.generation += 1
        await engine.run(host, codec.BOOTSTRAP_COMMAND, line)

    steps = {"whole way": whole, "engine alone": alone, "changed hosts": changed}
    return {name: asyncio.run(_rate(step, hosts)) for name, step in steps.items()}


async def _rate(
    step: Callable[[SimulatedHost], Awaitable[None]], hosts: tuple[SimulatedHost, ...]
) -> float:
    best = 0.0
    for number in range(ROUNDS + 1):  # the first time of each host is not the figure
        began = time.process_time()
        for host in hosts:
            await step(host)
        if number:
            best = max(best, len(hosts) / (time.process_time() - began))
    return best


def main() -> list[str]:
    """Measure and hold the whole way against the floor."""
    figures = measure()
    ratio = figures["whole way"] / RUNS_PER_SECOND
    verdict = "ok" if ratio >= 1 else "TOO SLOW"
    first = f"{figures['whole way']:,.0f} assess runs/s = {ratio:.2f} of the floor: {verdict}"
    others = [f"{name} {value:,.0f}/s" for name, value in figures.items()]
    return [f"model engine: {line}" for line in (first, *others)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(main()) + "\n")
