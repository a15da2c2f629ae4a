# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one host, read from the options of the action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...install import request as install

if TYPE_CHECKING:
    from ...install.request import InstallRequest


def read(host: str, options: dict[str, Any], *, check: bool) -> InstallRequest:
    """Read the options; raises :class:`ConfigError`."""
    run = options.get("run") or f"upgrade-{utc_now():%Y-%m-%d}"
    return install.read(host, {**options, "run": run, "kb": None}, check=check)
