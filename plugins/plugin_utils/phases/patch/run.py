# SPDX-License-Identifier: GPL-3.0-or-later
"""Patch one server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...install.run import install_on
from .kind import Patching

if TYPE_CHECKING:
    from ...host.transport.base import Transport
    from ...install.request import Request, Result, Tools


def patch_host(request: Request, transport: Transport, tools: Tools) -> Result:
    """Patch one server; never raises a :class:`RemediationError`, the state says what is known."""
    return install_on(request, transport, tools, Patching())
