# SPDX-License-Identifier: GPL-3.0-or-later
"""Patch one server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...install.run import install_on
from .installation import SecurityUpdate

if TYPE_CHECKING:
    from ...host.transport.base import Transport
    from ...install.request import InstallRequest
    from ...install.result import InstallResult
    from ...install.runtime import InstallRuntime


def patch_host(
    request: InstallRequest, transport: Transport, runtime: InstallRuntime
) -> InstallResult:
    """Patch one server; never raises a :class:`RemediationError`, the state says what is known."""
    return install_on(request, transport, runtime, SecurityUpdate())
