# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade does to mitigations: written down, given back, and listed for the way afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.mitigations import (
    MitigationsInEffect,
    to_reapply,
)
from rehearsed_host import Killed
from upgraded_host import ALL, QUICK, ROOT, UPGRADES, WIPED, UpgradedHost, mitigate, mitigated

if TYPE_CHECKING:
    from pathlib import Path

STOPPED = ("um-services", "ecp-app-pool", "oab-app-pool")
RELEASE = tuple(f"release/{name}" for name in STOPPED)
UNDO = "C:\\ProgramData\\ExchangeRemediation\\undo"
UPDATES = "C:\\ProgramData\\ExchangeRemediation\\updates"


def undo_records(host: UpgradedHost) -> list[str]:
    names = [name for name, _ in host.world.children(UNDO)]
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def records(host: UpgradedHost) -> list[str]:
    return [name.removesuffix(".json") for name, _ in host.world.children(UPDATES)]


def test_everything_is_listed_and_applied_again_between_upgrade_and_update(tmp_path: Path) -> None:
    host = mitigated(tmp_path)
    seen: dict[str, Any] = {}

    def look(answer: Any) -> Any:
        pools = host.world.data["iis_runtime"]["app_pools"]
        seen.update(um=host.start("MSExchangeUM"), ecp=pools["MSExchangeECPAppPool"])
        return answer()

    probe = mitigated(tmp_path)
    probe.upgrade()
    host.faults = {probe.asked.index("Start-HostJob"): look}
    planned = host.upgrade(check=True)
    assert planned.plan[0] == "remember"
    assert set(planned.plan[1:4]) == set(RELEASE)
    assert set(planned.reapply) == set(ALL)
    host.asked.clear()
    result = host.upgrade()
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert [row["step"] for row in result.done] == list(result.plan) == list(planned.plan)
    assert seen == {
        "um": 2,
        "ecp": "Started",
    }  # setup met neither a disabled service nor a stopped pool
    assert set(result.reapply) == set(ALL)
    assert undo_records(host) == ["backend-cookie"]
    # Asked again, it says the same until it has been done.
    assert set(host.upgrade("run-2").reapply) == set(ALL)
    assert records(host) == ["cu-15.1.2176.2.mitigations"]
    assert host.world.text(ROOT) == WIPED["text"]
    assert mitigate(host, "mitigate-2") == "mitigated"
    assert undo_records(host) == sorted(ALL)
    again = host.upgrade("run-3")
    assert (again.outcome.state, again.reapply) == (InstallState.NOTHING_TO_DO, ())
    assert records(host) == []


def test_setup_that_refuses_leaves_rules_and_lists_what_was_given_back(tmp_path: Path) -> None:
    host = mitigated(tmp_path, behaviour={**UPGRADES, "exit_code": 1, "effects": []})
    result = host.upgrade()
    assert result.outcome.state is InstallState.NOT_PATCHED, result.outcome.reason
    assert set(result.reapply) == set(STOPPED)
    assert records(host) == ["cu-15.1.2176.2.mitigations"]


def test_image_that_cannot_be_used_lists_what_was_given_back(tmp_path: Path) -> None:
    images = [{"match": ".iso", "problem": "corrupt"}]
    host = mitigated(tmp_path, spec={"images": images})
    result = host.upgrade()
    assert (result.outcome.state, host.launches) == (InstallState.STOPPED, 0)
    assert set(result.reapply) == set(STOPPED)
    assert records(host) == ["cu-15.1.2176.2.mitigations"]


def test_stopped_by_somebody_else_is_not_guessed(tmp_path: Path) -> None:
    host = mitigated(tmp_path)
    host.world.delete_file(UNDO, by="test")
    before = len(host.world.mutations)
    result = host.upgrade()
    assert result.outcome.state is InstallState.STOPPED
    for name in STOPPED:
        assert name in result.outcome.reason
    assert len(host.world.mutations) == before


def test_memory_survives_wherever_the_controller_dies_i15(tmp_path: Path) -> None:
    probe = mitigated(tmp_path, behaviour=QUICK)
    probe.upgrade()
    for number in range(0, len(probe.asked), 2):
        host = mitigated(tmp_path, behaviour=QUICK, kill_at=number)
        with pytest.raises(Killed):
            host.upgrade()
        host.kill_at = None
        host.sleep(7 * 3600)
        result = host.upgrade("another day")
        where = f"killed at command {number}: {result.outcome.reason}"
        assert host.launches == 1, where
        assert result.outcome.state in (InstallState.PATCHED, InstallState.NOTHING_TO_DO), where
        assert set(result.reapply) == set(ALL), where


def test_record_that_the_host_made_up_is_read_for_known_mitigations_only(tmp_path: Path) -> None:
    """Every byte of the host is its own choice: what is no name of a mitigation is not repeated."""
    host = mitigated(tmp_path)
    host.upgrade()
    path = f"{UPDATES}\\cu-15.1.2176.2.mitigations.json"
    notes = '["um-services", {"a": 1}, 7, "{{ x }}", null]'
    stored = host.world.text(path) or ""
    start = stored.index('"notes":') + len('"notes":')
    end = stored.index("]", start) + 1
    host.world.write_text(path, stored[:start] + notes + stored[end:], by="attacker")
    assert host.upgrade("run-2").reapply == ("um-services",)


def test_mitigation_of_which_only_a_part_is_left_is_listed() -> None:
    after = MitigationsInEffect(present=("um-services", "ecp-app-pool"), holding=("um-services",))
    remembered = ("um-services", "ecp-app-pool", "ecp-app-pool")
    build = Build.parse("15.1.2176.2")
    assert to_reapply(load(), remembered, after, build) == ("ecp-app-pool",)
