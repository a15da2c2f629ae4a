# SPDX-License-Identifier: GPL-3.0-or-later
"""What one change of one host costs over WinRM: commands, requests, bytes, processor.

Our connection plugin over NTLM and HTTPS against the model engine, with the hosts of the sweeps:
host and controller share one clock, so a run of hours takes less than a second.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

_TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(_TESTS / "support"))

from endpoint import Endpoint  # noqa: E402 - found on the path that is set above
from line import Line  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drill import Rehearsed


@contextmanager
def service() -> Iterator[Endpoint]:
    """The endpoint that all measurements share."""
    with tempfile.TemporaryDirectory() as folder, Endpoint(Path(folder)) as running:
        yield running


def measured(
    endpoint: Endpoint,
    name: str,
    begin: Callable[[Line], Rehearsed],
    wanted: str,
) -> str:
    """Carry it out over WinRM, twice; returns one line for the report about the second time."""
    return measured_cpu(endpoint, name, begin, wanted)[0]


def measured_cpu(
    endpoint: Endpoint,
    name: str,
    begin: Callable[[Line], Rehearsed],
    wanted: str,
) -> tuple[str, float]:
    """The line, and the seconds of processor, those of the simulated host among them."""
    for _ in range(2):  # the first one fills the caches of controller and model
        line = Line(endpoint, wire=True)
        host = begin(line)
        endpoint.begin(host.world)
        cpu, wall = time.process_time(), time.perf_counter()
        verdict = host.act("run-1")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        traffic = line.traffic()
        line.close()
        if verdict != wanted:
            raise RuntimeError(f"{name}: ended as {verdict} instead of {wanted}")
    text = (
        f"{name}: {len(line.asked)} commands, {traffic['requests']} requests, "
        f"{traffic['sent_bytes'] / 1000:,.0f} kB up, {traffic['received_bytes'] / 1000:,.0f} kB down, "
        f"{cpu * 1000:,.0f} ms of processor with the host, {wall * 1000:,.0f} ms"
    )
    return text, cpu
