# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers of the directory an inventory lacks, for whoever plans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import ConfigError
from .ansible_inventory import listed, value_of
from .coverage import compare, unaccounted
from .directory import read_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXPORT = "exchange_directory"  # variable of the inventory: the export of the directory
_VAULT = ("--vault-id", "--vault-password-file", "--vault-pass-file")
_ASKS = ("-J", "--ask-vault-password", "--ask-vault-pass")


def missing_servers(
    export: Path | None,
    inventories: Sequence[Path],
    extra: Sequence[str] = (),
    options: Sequence[str] = (),
) -> dict[str, str]:
    """Return servers that are no one host of the inventory -> why it is said.

    ``export``: as the operator names it, else the inventory's variable; none of both, no servers.
    ``extra``, ``options``: for Ansible, as the run gets them.

    :raises ConfigError: export or inventory cannot be read.
    """
    given = [*(part for text in extra for part in ("--extra-vars", text)), *_of_vault(options)]
    # A plan is for whatever hosts a playbook takes; only an export is about the group.
    hosts = listed(inventories, given, needed=export is not None)
    path = export or named_export({host: row.get(EXPORT) for host, row in hosts.variables.items()})
    if path is not None and "{{" in str(path) and export is None:
        path = named_export(value_of(EXPORT, inventories, given))
    if path is None:
        return {}
    return unaccounted(compare(read_directory(path), hosts.addresses), hosts.addresses)


def named_export(values: Mapping[str, object]) -> Path | None:
    """Return the export that the hosts' variable names; None where no host has one.

    :raises ConfigError: hosts name several: one of them would be forgotten.
    """
    found = sorted({str(value) for value in values.values() if value})
    if len(found) > 1:
        raise ConfigError(
            f"{EXPORT} is {' and '.join(found)} on different hosts; set it once, for the whole group"
        )
    return Path(found[0]) if found else None


def _of_vault(options: Sequence[str]) -> list[str]:
    """What Ansible needs to read an encrypted inventory; the rest is for playbooks."""
    found: list[str] = []
    for index, option in enumerate(options):
        name, equals, _value = option.partition("=")
        if name in _ASKS or (name in _VAULT and equals):
            found.append(option)
        elif name in _VAULT:
            found += options[index : index + 2]
    return found
