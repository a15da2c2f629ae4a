# SPDX-License-Identifier: GPL-3.0-or-later
"""What a patch run reads of one host, beyond what every change does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.errors import ScriptError
from ..change.session import HostSession
from ..facts.read import Facts
from ..host.calls import core, front_end, updates
from ..host.transport.reply import failed_reply
from ..judge.front_end import front_end_probes
from .models import HostReading

if TYPE_CHECKING:
    from ..host.calls.updates import Snapshot

# Files whose versions are read back by name; those that are not there are left out. [MEM] the names of
# the libraries: no source lists what an update replaces.
BINARIES = (
    "Bin\\ExSetup.exe",
    "Bin\\Microsoft.Exchange.Common.dll",
    "Bin\\Microsoft.Exchange.Data.dll",
    "Bin\\Microsoft.Exchange.Management.dll",
    "FrontEnd\\HttpProxy\\bin\\Microsoft.Exchange.FrontEndHttpProxy.dll",
)


@dataclass(slots=True)
class InstallSession(HostSession):
    """A host session that reads snapshots and the front end."""

    def snapshot(self, update: str) -> Snapshot:
        """The present state and the record: ``now`` and ``recorded``."""
        return updates.snapshot(self, self.transport.peer, update, BINARIES)

    def observe(self, update: str) -> HostReading:
        """One whole reading."""
        reply = self.facts()
        now = self.snapshot(update)["now"]
        boot = reply.host.boot_id
        asking = front_end_probes(Facts.of(reply.result, reply.errors))
        answers = front_end.probe(self, asking.asked)
        return HostReading(reply.result, now, answers, tuple(reply.errors), boot)

    def held_by_controller(self) -> bool:
        """Whether the lock is of another run of the same controller."""
        lock = core.locked_by(self)
        return lock is not None and lock.get("controller") == self.controller

    def change(self, operation: str, parameters: dict[str, Any], step: str) -> dict[str, Any]:
        """One keyed change; once more where a restart of the server cut it off.

        Each change around an update may be done twice: it follows a record, or makes it once.
        """
        try:
            return HostSession.change(self, operation, parameters, step)
        except ScriptError as error:
            reply = failed_reply(error)
            if not (reply and reply.errors and reply.errors[0].id == "OperationInterrupted"):
                raise
        self.attempt += "'"
        return HostSession.change(self, operation, parameters, step)
