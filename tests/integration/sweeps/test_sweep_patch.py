# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the endpoint at the commands of a patch run (I15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.core import (
    state,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.jobs import (
    operations as jobs,
)
from drills import PATCH
from endpoint import PASSWORD
from sweep import Fault, calm, everywhere, faults, sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from endpoint import Endpoint

pytestmark = pytest.mark.integration


def test_whole_run_over_the_wire_is_the_same(endpoint: Endpoint) -> None:
    over_wire = calm(PATCH, endpoint, wire=True)
    assert PASSWORD not in endpoint.host.world.to_json()  # I8
    assert over_wire == calm(PATCH, endpoint)
    assert calm(PATCH, endpoint).verdict == PATCH.done


@pytest.mark.sweep
@pytest.mark.parametrize("fault", everywhere("reset"), ids=str)
def test_line_breaks_at_every_request_i15(
    endpoint: Endpoint, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    record_property("swept", sweep(endpoint, PATCH, fault))


@pytest.mark.sweep
@pytest.mark.parametrize("fault", faults(), ids=str)
def test_every_fault_changes_once_i15(
    endpoint: Endpoint, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    record_property("swept", sweep(endpoint, PATCH, fault))


def test_a_second_launch_would_be_noticed(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that forgets what it was asked launches twice, and the sweep says so."""
    monkeypatch.setattr(jobs, "_known", lambda _world, _order: None)
    monkeypatch.setattr(state, "stored_reply", lambda _world, _folder, _key: None)
    monkeypatch.setattr(state, "started_marker", lambda _world, _folder, _key: None)
    monkeypatch.setattr(ExecTransport, "_reconcile", lambda *_: None)
    fault = next(one for one in faults() if str(one) == "drop-receive-after")
    with pytest.raises(AssertionError, match=r"Start-HostJob: other changes: .*\+1 program"):
        sweep(endpoint, PATCH, fault, whole=True)
