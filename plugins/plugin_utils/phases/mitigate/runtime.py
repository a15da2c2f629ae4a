# SPDX-License-Identifier: GPL-3.0-or-later
"""What mitigating works with beyond what every change does."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...change.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...iis_module.models import IisModuleRuntime


@dataclass(slots=True, kw_only=True)
class MitigateRuntime(Runtime):
    """``module``: for URL Rewrite; without it none is installed or removed."""

    # Another name for each invocation: its changes compare with the host as it is now, so the
    # stored answer of an earlier one must not come back.
    token: Callable[[], str] = lambda: secrets.token_hex(8)
    module: IisModuleRuntime | None = None
