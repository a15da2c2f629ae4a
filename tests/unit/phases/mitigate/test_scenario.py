# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario ``mitigate``: each server ends as its description says, and comes back as it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from mitigated_host import MitigatedHost

FILE = scenario.FOLDER / "mitigate.yml"
AT = datetime(2021, 3, 6, 10, tzinfo=UTC)
FLEET = scenario.load(FILE, at=AT, credentials=Credentials("administrator", "nobody"))
HOSTS = {host.name: host for host in FLEET.hosts}
DESCRIBED = {
    name: str(row["description"])
    for name, row in yaml.safe_load(FILE.read_text(encoding="utf-8"))["hosts"].items()
}


def host_of(name: str) -> MitigatedHost:
    host = MitigatedHost()
    data = HOSTS[name].world.snapshot()
    host.world.replace({**data, "now": "2021-03-06T10:00:00Z"})
    return host


@pytest.mark.parametrize("name", HOSTS)
def test_server_ends_as_described(name: str) -> None:
    wanted = re.search(r"\((mitigated|partial|not-needed|stopped)\b", DESCRIBED[name])
    assert wanted, "the description ends with the state in brackets"
    host = host_of(name)
    before = host.configuration
    result = host.mitigate()
    assert result.state.value == wanted[1], result.reason
    again = host.mitigate()
    assert (again.state, again.changed) == (result.state, False), again.reason
    host.unmitigate(although_open="the rehearsal ends")
    assert host.configuration == before


@pytest.mark.parametrize("name", HOSTS)
def test_check_mode_changes_nothing_i9(name: str) -> None:
    host = host_of(name)
    planned = host.mitigate(check=True)
    assert host.mutations == 0
    applied = host.mitigate()
    assert planned.plan == applied.plan
    assert [row["step"] for row in applied.done] == [step.id for step in planned.plan.steps]
