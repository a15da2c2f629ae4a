# SPDX-License-Identifier: GPL-3.0-or-later
"""What mitigating one host costs, showing what it would do, doing nothing, and taking it off again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import host_traffic
from drill import Rehearsed
from drills import MITIGATE, UNMITIGATE, mitigated
from mitigated_host import MitigatedHost

if TYPE_CHECKING:
    from line import Line


def _check(line: Line) -> Rehearsed:
    host = MitigatedHost()
    host.execute = line.execute  # type: ignore[method-assign]
    return Rehearsed(host.world, lambda run: host.mitigate(run, check=True).state.value, host.sleep)


def _again(line: Line) -> Rehearsed:
    host = MitigatedHost()
    host.world.replace(mitigated())
    host.execute = line.execute  # type: ignore[method-assign]
    return Rehearsed(host.world, lambda run: host.mitigate(run).state.value, host.sleep)


def main() -> list[str]:
    """Return the lines of the report."""
    with host_traffic.service() as endpoint:
        runs = (
            ("check", _check, "planned"),
            ("apply", MITIGATE.begin, MITIGATE.done),
            ("apply again", _again, MITIGATE.done),
            ("undo", UNMITIGATE.begin, UNMITIGATE.done),
        )
        return [
            host_traffic.measured(endpoint, f"mitigate: {name}", begin, wanted)
            for name, begin, wanted in runs
        ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(main()) + "\n")
