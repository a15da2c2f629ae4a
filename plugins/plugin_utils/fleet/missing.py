# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers of the directory an inventory lacks, for whoever plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ansible_inventory import listed_hosts
from .coverage import compare, missing_reason
from .directory import read_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def missing_servers(export: Path | None, inventories: Sequence[Path]) -> dict[str, str]:
    """Return servers that no host of the inventory is -> why it is said; none without an export.

    :raises ConfigError: export or inventory cannot be read.
    """
    if export is None:
        return {}
    found = compare(read_directory(export), listed_hosts(inventories))
    return {server.shown: missing_reason(server) for server in found.missing}
