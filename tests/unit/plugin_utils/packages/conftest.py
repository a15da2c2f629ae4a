# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode leaves helper modules out
from typing import TYPE_CHECKING

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.packages.authenticode import (
    Policy,
)
from signing import Authorities

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Their absence is a failure: nothing here may pass without having been checked."""
    for tool in ("osslsigncode", "msibuild"):
        if not shutil.which(tool):
            pytest.fail(f"{tool} is not installed; tests/tools/ci.sh installs it")


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    return Authorities.create()


@pytest.fixture(scope="session")
def policy(authorities: Authorities) -> Policy:
    return Policy(roots=authorities.root.pem)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()
