# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action's options become, and that its documentation says the same as it takes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.action.cumulative_update import ARGUMENTS
from ansible_collections.exchange.remediation.plugins.modules import cumulative_update
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    Action,
    InstallState,
    InstallVerdict,
    UpdateSelection,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
    InstallResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.installation import (
    CumulativeUpdate,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.request import (
    read,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.result import (
    state_of,
    to_dict,
)
from upgraded_host import record

DEFAULTS: dict[str, Any] = {name: spec.get("default") for name, spec in ARGUMENTS.items()}


def test_nothing_is_upgraded_without_confirmation() -> None:
    assert read("ex01", DEFAULTS, check=False).check is True
    confirmed = DEFAULTS | {"confirm": True}
    assert read("ex01", confirmed, check=False).check is False
    assert read("ex01", confirmed, check=True).check is True


def test_run_is_of_an_upgrade_and_never_of_an_update() -> None:
    assert read("ex01", DEFAULTS, check=True).run.startswith("upgrade-20")
    assert read("ex01", DEFAULTS | {"run": "again"}, check=True).run == "again"
    assert read("ex01", DEFAULTS, check=True).kb is None


def test_unclear_answer_of_the_dag_guard_is_refused_i17() -> None:
    with pytest.raises(ConfigError, match="dag_guard needs allowed"):
        read("ex01", DEFAULTS | {"dag_guard": {"allowed": "yes"}}, check=True)


@pytest.mark.parametrize("state", InstallState)
def test_every_state_has_a_word_of_an_upgrade(state: InstallState) -> None:
    word = state_of(InstallResult(InstallVerdict(state, "x")))
    assert "patched" not in word
    assert word in yaml.safe_load(cumulative_update.RETURN)["cumulative_update"]["contains"][
        "state"
    ]["description"].replace("V(", "").replace(")", "").replace(",", "").rstrip(".").split(" ")


def test_result_lists_what_is_to_be_applied_again() -> None:
    wanted = read("ex01", DEFAULTS, check=True)
    choice = UpdateSelection(Action.INSTALL, "x", Build.parse("15.1.2106.2"))
    result = InstallResult(
        InstallVerdict(InstallState.PATCHED, "x"), choice, reapply=("backend-cookie",)
    )
    entry = to_dict(wanted, result)
    assert (entry["state"], entry["reapply"]) == ("upgraded", ["backend-cookie"])


def test_words_of_setup_follow_from_the_image() -> None:
    words = CumulativeUpdate().words(record(), "unused")
    assert words.arguments == ("/IAcceptExchangeServerLicenseTerms", "/Mode:Upgrade")
    assert words.progress_paths == ("C:\\ExchangeSetupLogs",)
    foreign = record().to_json() | {"product": "Exchange2010", "cu": "SP3"}
    with pytest.raises(RefusedError, match="no licence switch"):
        CumulativeUpdate().words(type(record()).from_json(foreign), "unused")
