# SPDX-License-Identifier: GPL-3.0-or-later
"""What a patch run reads of one host, beyond what every change does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..change.session import HostSession
from ..errors import ReplySchemaError
from .models import Observed

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


@dataclass(slots=True)
class PatchHost(HostSession):
    """A host session that reads snapshots and the front end."""

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
