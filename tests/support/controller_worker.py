# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers as processes: each order is carried out in a fork of this process, which has loaded all.

An order is a line of JSON on stdin; the number of its process is the answer. What came of it stands in
the file ``result`` once it has ended by itself. At command ``at`` it stops or kills itself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.journal import HostChange
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    InstallRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.runtime import (
    InstallRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    MitigateRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.run import (
    mitigate_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.runtime import (
    MitigateRuntime,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.run import (
    patch_host,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from line import Line
from patched_host import AT, record

if TYPE_CHECKING:
    from datetime import datetime

OWNER = "controller-a"


@dataclass
class Clock:
    """The one clock of host and controllers, which moves when one of them sleeps."""

    path: str

    def sleep(self, seconds: float) -> None:
        self._ask(seconds)

    def seconds(self) -> float:
        return self._ask(0.0)

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.seconds())

    def _ask(self, seconds: float) -> float:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.path)
            line.sendall(f"{seconds}\n".encode())
            return float(line.makefile().readline())


class StruckLine(Line):
    """Everything over WinRM; at one command the process is stopped or killed."""

    order: dict[str, Any]

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        struck = len(self.asked) == self.order.get("at")
        if struck and self.order["moment"] == "before":
            os.kill(os.getpid(), signal.Signals[self.order["signal"]])
        if struck and self.order["moment"] == "inside":
            signal.setitimer(
                signal.ITIMER_REAL, self.order["after"]
            )  # SIGALRM, which nobody handles
        done = super().execute(command, stdin)
        if struck and self.order["moment"] == "after":
            os.kill(os.getpid(), signal.Signals[self.order["signal"]])
        return done


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Be the controller of an order to its end."""
    os.environ["XDG_STATE_HOME"] = order["state"]
    clock = Clock(order["clock"])
    where = SimpleNamespace(
        host=SimpleNamespace(address=order["address"]),
        port=order["port"],
        authority=Path(order["authority"]),
        fired=0,
    )
    line = StruckLine(where, wire=True, patience=30.0)  # type: ignore[arg-type]
    line.order = order
    transport = ExecTransport(line.execute, peer="ex01", sleep=clock.sleep)
    options = {"case": order["case"]}
    change = HostChange.of("ex01", order["run"], options, None, (), check=False)
    change.begin(order["drill"], "proxylogon", {})
    with change.exclusively("ex01-drill"):
        tools: dict[str, Any] = {
            "sleep": clock.sleep,
            "clock": clock.seconds,
            "now": clock.now,
            "record": change.record,
            "admit": change.admit,
            "life": change.life,
            "claim": change.claim,
        }
        said = (_patch if order["drill"] == "patch" else _mitigate)(order, transport, tools)
    line.close()
    change.end(said["verdict"], said["reason"], code=said["code"])
    return {**said, "commands": line.asked}


def _patch(
    order: dict[str, Any], transport: ExecTransport, tools: dict[str, Any]
) -> dict[str, Any]:
    request = InstallRequest(
        "ex01",
        order["run"],
        OWNER,
        policy=Policy(room_bytes=1000, seconds=4 * 3600),
        takeover=order["takeover"],
        place=order["place"],
    )
    package = Path(order["package"])
    runtime = InstallRuntime(
        load(),
        store=PackageCatalogue("x", 1, AT, AT, (record(),)),
        deliver=lambda delivery: push(delivery, package, clock=tools["clock"]),
        **tools,
    )
    done = patch_host(request, transport, runtime).outcome
    return {"verdict": done.state.value, "reason": done.reason, "code": done.code}


def _mitigate(
    order: dict[str, Any], transport: ExecTransport, tools: dict[str, Any]
) -> dict[str, Any]:
    request = MitigateRequest("ex01", order["run"], OWNER, takeover=order["takeover"])
    done = mitigate_host(request, transport, MitigateRuntime(load(), **tools))
    return {"verdict": done.state.value, "reason": done.reason, "code": done.code}


def main() -> None:
    """Fork for each order; who has ended is forgotten."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for text in sys.stdin:
        process = os.fork()
        if process:
            sys.stdout.write(f"{process}\n")
            sys.stdout.flush()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        order = json.loads(text)
        try:
            said = carry_out(order)
        except BaseException as error:  # noqa: BLE001 - whoever waits has to hear of it
            said = {"verdict": "raised", "reason": repr(error), "code": None, "commands": []}
        beside = Path(f"{order['result']}.new")
        beside.write_text(json.dumps(said))
        beside.rename(order["result"])
        os._exit(0)


if __name__ == "__main__":
    main()
