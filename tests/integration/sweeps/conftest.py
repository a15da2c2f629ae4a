# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from ansible.plugins.connection import winrm as stock
from ansible_collections.exchange.remediation.plugins.connection import winrm
from endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One WinRM service on loopback for all runs of this process, with a clock that runs faster."""
    with Endpoint(tmp_path_factory.mktemp("sweep")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of the stock plugin take no time, and doubt about an input lasts two seconds."""
    monkeypatch.setattr(stock, "time", SimpleNamespace(sleep=lambda _seconds: None))
    monkeypatch.setattr(winrm, "_DOUBTFUL_INPUT", 2.0)
