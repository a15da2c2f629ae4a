# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode leaves helper modules out
from engine_fixtures import pwsh, shim_engine
from host_driver import Driver, Host
from shim_host import ShimHost

__all__ = ["pwsh", "shim_engine"]


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


@pytest.fixture
def shims(shim_engine: PowerShellEngine) -> ShimHost:
    return ShimHost(shim_engine)
