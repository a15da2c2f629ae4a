# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the directory that no run can be sure of is in plan and report, and ends with 3."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.action.report import ActionModule
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.coverage import (
    compare,
    unaccounted,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.directory import (
    read_directory,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.missing import (
    missing_servers,
    named_export,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.report import (
    ReportRun,
    entry_of,
    make_report,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.versions import (
    KnownServers,
    held_against,
)

if TYPE_CHECKING:
    from pathlib import Path

_TWO = "Name,Fqdn\nEX01,ex01.corp.example\nEX02,ex02.corp.example\n"
_NOW = datetime(2021, 3, 5, 10, tzinfo=UTC)


def _fleet(folder: Path, variable: str | None, host: str = "ex02") -> Path:
    (folder / "two.csv").write_text(_TWO)
    (folder / "group_vars").mkdir()
    if variable:
        (folder / "group_vars" / "exchange.yml").write_text(f"exchange_directory: {variable}\n")
    inventory = folder / "hosts.yml"
    inventory.write_text(f"exchange:\n  hosts:\n    {host}:\nother:\n  hosts:\n    ex01:\n")
    return inventory


@pytest.mark.parametrize("variable", ["{0}/two.csv", "'{{{{ inventory_dir }}}}/two.csv'"])
def test_a_plan_reads_the_variable_as_a_report_does(tmp_path: Path, variable: str) -> None:
    inventory = _fleet(tmp_path, variable.format(tmp_path))

    assert list(missing_servers(None, [inventory])) == ["ex01.corp.example"]


def test_a_plan_reads_the_variable_of_the_command_line(tmp_path: Path) -> None:
    inventory = _fleet(tmp_path, None)

    assert missing_servers(None, [inventory]) == {}
    extra = [f"exchange_directory={tmp_path}/two.csv"]
    options = ["--diff", "--vault-password-file", "/dev/null"]
    assert list(missing_servers(None, [inventory], extra)) == ["ex01.corp.example"]
    with pytest.raises(ConfigError, match="cannot read the inventory"):
        missing_servers(None, [inventory], extra, options)  # Ansible: the file is empty


def test_two_exports_are_refused_and_none_is_none() -> None:
    assert named_export({"ex01": "", "ex02": None}) is None
    assert str(named_export({"ex01": "a.csv", "ex02": "a.csv", "ex03": None})) == "a.csv"
    with pytest.raises(ConfigError, match=r"a\.csv and b\.csv on different hosts"):
        named_export({"ex01": "a.csv", "ex02": "b.csv"})


def test_servers_that_cannot_be_told_apart_are_said(tmp_path: Path) -> None:
    export = tmp_path / "two.csv"
    export.write_text("Name,Fqdn\nEX02,ex02.a.example\nEX02,ex02.b.example\nEX03,\n")
    hosts = {"ex02": None, "ex03.a.example": None, "ex03.b.example": None, "EX03": "10.0.0.3"}

    found = unaccounted(compare(read_directory(export), hosts), hosts)
    assert sorted(found) == ["EX03 (in the directory)", "ex02.a.example", "ex02.b.example"]
    assert "cannot be told: it may be ex02; list each server" in found["ex02.a.example"]


def _reported(tmp_path: Path, hosts: dict[str, str | None]) -> dict[str, Any]:
    (tmp_path / "two.csv").write_text(_TWO)
    servers = read_directory(tmp_path / "two.csv")
    run = ReportRun("r1", "proxylogon", _NOW, _NOW, check_mode=True, folder=tmp_path, formats=("json",))  # fmt: skip
    left = entry_of("ex02", {"failed": True, "msg": "broke"}, None)
    return make_report(run, ["ex02"], lambda _host: left, None, KnownServers(servers, hosts))


def test_a_report_has_what_the_directory_knows(tmp_path: Path) -> None:
    made = _reported(tmp_path, {"ex02": None})

    assert made["exit_code"] == 3
    report = json.loads((tmp_path / "report.json").read_text())
    assert [host["host"] for host in report["hosts"]] == ["ex02", "ex01.corp.example"]


@pytest.mark.parametrize("groups", [{"exchange": ["ex02"]}, {}])
def test_a_report_asks_the_group_and_the_inventory_s_variable(
    tmp_path: Path, groups: dict[str, list[str]]
) -> None:
    (tmp_path / "two.csv").write_text(_TWO)
    export = str(tmp_path / "two.csv")
    variables = {
        "hostvars": {
            "ex01": {},
            "ex02": {"ansible_host": "10.0.0.2", "exchange_directory": export},
        },
        "groups": {"all": ["ex01", "ex02"], **groups},
    }
    known = ActionModule._known_servers(
        SimpleNamespace(),
        {"hosts": ["ex02"], "directory": None},
        variables,
    )

    assert known is not None
    assert dict(known.hosts) == {"ex02": "10.0.0.2"}
    assert len(known.servers) == 2


def test_a_version_that_the_directory_denies_is_a_finding(tmp_path: Path) -> None:
    export = tmp_path / "one.csv"
    export.write_text("Name,AdminDisplayVersion\nEX01,15.1.2507.6\n")
    entry = {"assessment": {"identity": {"build": "15.2.792.10"}, "checks": []}}
    known = KnownServers(read_directory(export), {"ex01": None, "ex02": None})

    noted, missing = held_against(known, {"ex01": entry, "ex02": {"assessment": None}})
    assert missing == {}
    (check,) = noted["ex01"]["assessment"]["checks"]
    assert (check["check"], check["status"]) == ("inventory.version", "finding")
    assert "the directory says 15.1.2507.6, its files say 15.2.792.10" in check["summary"]
    assert entry["assessment"]["checks"] == []
