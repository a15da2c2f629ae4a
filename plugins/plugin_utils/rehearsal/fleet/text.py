# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command says about a fleet: text for people, one document for programs."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .inventory import INVENTORY
from .realm import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .state import FleetState

_COMMAND = "exchange-remediation rehearse"
_COUNTERS = ("connections", "requests", "refused", "kerberos", "commands", "faults", "open_shells")
_RULE = ("kind", "action", "host", "operation", "when", "skip", "times", "seen", "fired")


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return aligned columns."""
    everything = [header, *rows]
    widths = [max(len(row[index]) for row in everything) for index in range(len(header))]
    return "\n".join(
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in everything
    )


def announcement(state: FleetState, inventory: Path, option: str) -> str:
    """Say what runs, how to use it and how to stop it; ``option`` is how to find it again."""
    ends = "runs until stopped"
    if state.stops_at:
        moment = datetime.fromisoformat(state.stops_at).astimezone()
        ends = f"stops by itself at {moment:%H:%M}"
    rows = [
        (item["host"], item["address"], _reached(item["connection"]), item["what"])
        for item in state.hosts
    ]
    return (
        f"Rehearsal {state.scenario!r}: {len(state.hosts)} hosts, {state.engine} engine,"
        f" process {state.pid}, {ends}.\n\n"
        f"{table(('HOST', 'ADDRESS', 'REACHED', 'WHAT IT IS'), rows)}\n"
        f"\n  WinRM  http {state.http_port}, https {state.https_port}; account and password are in"
        f" {inventory} (mode 0600)"
        f"{_ticket(state, inventory.parent)}"
        f"\n  use    ansible exchange -i {inventory} -m ansible.builtin.raw -a hostname"
        f"\n         exchange-remediation assess --inventory {inventory}"
        f"\n  look   {_COMMAND} status{option}"
        f"\n  break  {_COMMAND} faults add --action Receive --kind reset{option}"
        f"\n  stop   {_COMMAND} down{option}"
    )


def _ticket(state: FleetState, folder: Path) -> str:
    """How to get a ticket of the fleet's realm, where it has one; the paths hold no secret."""
    if state.principal is None:
        return ""
    kerberos = folder.absolute() / FOLDER
    return (
        f"\n  ticket export KRB5_CONFIG={shlex.quote(str(kerberos / 'krb5.conf'))}"
        f"\n         kinit -k -t {shlex.quote(str(kerberos / 'account.keytab'))} {state.principal}"
    )


def status_text(state: FleetState, hosts: list[dict[str, Any]]) -> str:
    """Return what each host has served, as a table."""
    rows = [
        (
            item["host"],
            item["address"],
            _reached(item["connection"]),
            *(str(item[counter]) for counter in _COUNTERS),
        )
        for item in hosts
    ]
    header = ("HOST", "ADDRESS", "REACHED", *(name.replace("_", " ").upper() for name in _COUNTERS))
    first = f"Rehearsal {state.scenario!r}, {state.engine} engine, process {state.pid}."
    return f"{first}\n\n{table(header, rows)}"


def status_document(
    state: FleetState, folder: Path, hosts: list[dict[str, Any]], now: datetime
) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "running": True,
        "state": str(folder),
        "scenario": state.scenario,
        "engine": state.engine,
        "pid": state.pid,
        "http_port": state.http_port,
        "https_port": state.https_port,
        "inventory": str(folder / INVENTORY),
        "started_at": state.started_at,
        "stops_at": state.stops_at,
        "asked_at": now.isoformat(timespec="seconds"),
        "hosts": hosts,
    }


def rules_text(rules: list[dict[str, Any]]) -> str:
    """Return the fault rules with their counters, as a table."""
    if not rules:
        return "No fault rules."
    rows = [tuple(str(rule[part]) for part in _RULE) for rule in rules]
    return table(tuple(part.upper() for part in _RULE), rows)


def _reached(connection: str) -> str:
    return "yes" if connection == "ok" else connection
