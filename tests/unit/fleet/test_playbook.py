# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.playbook import (
    ConfigError,
    Playbook,
    environment,
)


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


def test_variables_of_the_command_win_over_those_of_the_operator() -> None:
    command = Playbook(
        "x.y.z", (Path("inv"),), {"run": "r"}, ("@vars.yml",), "ex01", ("--check",)
    ).command()
    assert command[1:] == [
        "-m", "ansible", "playbook", "x.y.z", "--extra-vars", "@vars.yml", "--extra-vars",
        '{"run": "r"}', "--inventory", "inv", "--limit", "ex01", "--check",
    ]  # fmt: skip


INVENTORY = """
exchange: {hosts: {ex02: {}, ex01: {}}, children: {more: {hosts: {ex03: {}}}}}
others: {hosts: {dc01: {}}}
"""


def test_hosts_are_those_of_the_plays(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    book = Playbook("exchange.remediation.patch", (tmp_path / "hosts.yml",))
    assert book.hosts() == ("ex01", "ex02", "ex03")
    assert replace(book, limit="more").hosts() == ("ex03",)
    for wrong, says in (("dc01", "no host to run on"), ("nobody", "no list of hosts")):
        with pytest.raises(ConfigError, match=says):
            replace(book, limit=wrong).hosts()


def test_inventory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        Playbook("exchange.remediation.patch", (tmp_path / "x.yml",)).hosts()


def test_log_is_private_and_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    log = tmp_path / "case" / "a.log"
    book = Playbook(
        "exchange.remediation.patch", (tmp_path / "hosts.yml",), options=("--list-tasks",)
    )
    assert book.run(log, show=False) == 0
    assert "Verify | Require that the server is proven to be as asked for" in log.read_text()
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with pytest.raises(ConfigError, match="cannot be made"):
        book.run(log, show=False)
