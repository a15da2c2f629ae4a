# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cumulative update needs: .NET, a schema that was prepared elsewhere, its licence switch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...catalog.loader import load
from ...change.checks import Precheck, PrecheckStatus
from ...judge.role import EDGE, server_role

if TYPE_CHECKING:
    from ...facts.read import Facts

_NUMBER = re.compile(r"CU(\d+)")


def cu_number(cu: str) -> int:
    """The number of a cumulative update; RTM and previews come before all."""
    found = _NUMBER.match(cu)
    return int(found[1]) if found else 0


def setup_arguments(product: str, cu: str) -> tuple[str, ...] | None:
    """Arguments of the setup.exe of a cumulative update; ``None`` where the switch is not known."""
    row = load().requirements().licence_for(product, cu_number(cu))
    return (row.switch, "/Mode:Upgrade") if row else None


def cu_prechecks(
    product: str, cu: str, facts: Facts, prepared_by: str | None
) -> tuple[Precheck, ...]:
    """The checks that only an upgrade needs; ``prepared_by`` attests the schema and AD."""
    return (
        _dotnet(product, cu, facts),
        _schema(facts, prepared_by),
        _licence(product, cu),
    )


def _dotnet(product: str, cu: str, facts: Facts) -> Precheck:
    needed = load().requirements()
    row, releases = needed.dotnet_for(product, cu_number(cu)), needed.releases
    installed = facts.value("dotnet", "release")
    if row is None:
        return Precheck(
            "cu.dotnet", PrecheckStatus.UNKNOWN, f".NET for {product} {cu} is not in the table."
        )
    if not isinstance(installed, int):
        return Precheck(
            "cu.dotnet", PrecheckStatus.UNKNOWN, f".NET Framework: {facts.why('dotnet')}."
        )
    wanted = row.least if row.least == row.most else f"{row.least} to {row.most}"
    above = [value for value in releases.values() if value > releases[row.most]]
    summary = f"{product} {cu} needs .NET Framework {wanted}; release {installed} is installed."
    if installed < releases[row.least]:
        remedy = f"Install .NET Framework {row.most} and restart before the upgrade."
        return Precheck("cu.dotnet", PrecheckStatus.STOP, summary, remedy)
    if above and installed >= min(above):
        return Precheck("cu.dotnet", PrecheckStatus.STOP, summary, "This .NET is too new for it.")
    return Precheck("cu.dotnet", PrecheckStatus.PASS, summary)


def _schema(facts: Facts, prepared_by: str | None) -> Precheck:
    role = server_role(facts)
    if role.kind == EDGE:
        return Precheck(
            "cu.schema",
            PrecheckStatus.NOT_APPLICABLE,
            f"This is {role.title}: it has its own directory and needs none of the domain.",
        )
    if not prepared_by:
        return Precheck(
            "cu.schema",
            PrecheckStatus.STOP,
            "Nobody has said that schema and Active Directory are prepared.",
            "Run /PrepareSchema and /PrepareAD from a clean management host, never from this "
            "server, and say who did it.",
        )
    return Precheck("cu.schema", PrecheckStatus.PASS, f"Prepared, says {prepared_by}.")


def _licence(product: str, cu: str) -> Precheck:
    arguments = setup_arguments(product, cu)
    if arguments is None:
        return Precheck(
            "cu.licence", PrecheckStatus.UNKNOWN, f"No licence switch known for {product} {cu}."
        )
    return Precheck("cu.licence", PrecheckStatus.PASS, f"setup.exe {' '.join(arguments)}.")
