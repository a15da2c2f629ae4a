# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode leaves helper modules out
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
    PowerShellEngine,
)
from host_driver import Driver, Host
from shim_host import ShimHost


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
def driver(pwsh: str) -> Iterator[Driver]:
    one = Driver(pwsh)
    yield one
    one.close()


@pytest.fixture
def host(driver: Driver, tmp_path: Path) -> Host:
    clean = dict.fromkeys(("TEST_SDDL", "TEST_INSTALLER", "TEST_NOW"))
    return Host(
        driver,
        tmp_path,
        clean | {"ProgramData": str(tmp_path), "COMPUTERNAME": "EX01", "TEST_BOOT": "7"},
    )


@pytest.fixture(scope="session")
def shim_engine(pwsh: str) -> Iterator[PowerShellEngine]:
    """One worker for all tests of the shims."""
    engine = PowerShellEngine(pwsh, workers=1, timeout_seconds=60)
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def shims(shim_engine: PowerShellEngine) -> ShimHost:
    return ShimHost(shim_engine)
