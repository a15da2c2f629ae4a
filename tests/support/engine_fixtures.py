# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all tests that need a PowerShell engine."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
    PowerShellEngine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def pwsh() -> str:
    """The PowerShell engine; its absence is a skip, a wrong setting is a failure."""
    named = os.environ.get("EXCHANGE_REMEDIATION_PWSH")
    if named:
        given = shutil.which(named)
        if not given:
            pytest.fail(f"EXCHANGE_REMEDIATION_PWSH={named} is not an executable file")
        return given
    found = shutil.which("pwsh")
    if not found:
        pytest.skip("no PowerShell engine: neither EXCHANGE_REMEDIATION_PWSH nor pwsh on PATH")
    return found


@pytest.fixture(scope="session")
def shim_engine(pwsh: str) -> Iterator[PowerShellEngine]:
    """One worker for all tests of the shims."""
    engine = PowerShellEngine(pwsh, workers=1, timeout_seconds=60)
    yield engine
    asyncio.run(engine.close())
