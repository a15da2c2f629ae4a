# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installer of an update is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...install.installer import InstallerCommand

if TYPE_CHECKING:
    from ...trust.packages.records import PackageRecord


def update_words(package: PackageRecord, log: str) -> InstallerCommand:
    """Tell an update to ask nobody, not to restart, and to write the log that it can write."""
    arguments: tuple[str, ...] = ("/quiet", "/norestart")
    if package.format in ("msp", "msi"):
        arguments += ("/l*v", log)
    return InstallerCommand(arguments, (log,))
