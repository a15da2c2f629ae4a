# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.exchange.remediation.plugins.plugin_utils.cli_assess import environment


def test_what_keeps_the_controller_safe_and_the_report_whole_is_not_for_the_operator_to_change() -> (
    None
):
    operator = {
        "ANSIBLE_INJECT_FACT_VARS": "True",
        "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "ignore",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "False",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "ignore",
        "ANSIBLE_FORKS": "7",
        "ANSIBLE_COLLECTIONS_PATH": "/somewhere",
    }
    used = environment(operator)
    assert used["ANSIBLE_INJECT_FACT_VARS"] == "False"
    assert used["ANSIBLE_DUPLICATE_YAML_DICT_KEY"] == "error"
    assert used["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] == "True"
    assert used["ANSIBLE_HOST_PATTERN_MISMATCH"] == "error"
    assert used["ANSIBLE_FORKS"] == "7"
    assert used["ANSIBLE_COLLECTIONS_PATH"].endswith(":/somewhere")
