# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of a case: the first host of the inventory that is one has it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.journal import HostChange
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.machine import (
    MachineIdentity,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.machines import (
    FILE,
    claim,
)

if TYPE_CHECKING:
    from pathlib import Path

ONE = MachineIdentity("ex01", "corp.example", "6d0c")
TWO = MachineIdentity("ex02", "corp.example", "6d0c")


def test_first_name_has_the_machine_and_another_is_refused_with_both_i16(tmp_path: Path) -> None:
    for _ in range(2):
        claim(tmp_path, "exch01", ONE)
    claim(tmp_path, "exch02", TWO)
    with pytest.raises(RefusedError, match=r"mail and exch01 are one server, ex01\.corp\.example"):
        claim(tmp_path, "mail", ONE)
    claim(tmp_path, "exch01", ONE)
    assert [row["host"] for row in json.loads((tmp_path / FILE).read_text())] == [
        "exch01",
        "exch02",
    ]


def test_host_that_became_another_machine_leaves_the_old_one(tmp_path: Path) -> None:
    claim(tmp_path, "exch01", ONE)
    claim(tmp_path, "exch01", TWO)
    claim(tmp_path, "mail", ONE)
    with pytest.raises(RefusedError, match="exch01"):
        claim(tmp_path, "mail", TWO)


@pytest.mark.parametrize(
    "hidden", [("domain", "guid"), ("guid",), ("domain",)], ids=lambda names: "-".join(names)
)
def test_whoever_hides_its_signs_shuts_nobody_out_i16(
    tmp_path: Path, hidden: tuple[str, ...]
) -> None:
    evil = replace(ONE, **dict.fromkeys(hidden))
    claim(tmp_path, "evil", evil)
    claim(tmp_path, "exch01", ONE)
    with pytest.raises(RefusedError, match="evil and exch01 are one server, or evil says"):
        claim(tmp_path, "evil", evil)
    claim(tmp_path, "exch01", ONE)
    assert [row["host"] for row in json.loads((tmp_path / FILE).read_text())] == ["exch01"]


@pytest.mark.parametrize("signs", [{"domain": None, "guid": None}, {"guid": None}])
def test_of_two_that_show_the_same_signs_the_first_has_it_i19(
    tmp_path: Path, signs: dict[str, None]
) -> None:
    claim(tmp_path, "first", replace(ONE, **signs))
    with pytest.raises(RefusedError, match="cannot be read"):
        claim(tmp_path, "second", replace(ONE, **signs))
    claim(tmp_path, "first", replace(ONE, **signs))


def test_of_many_names_at_once_one_gets_it(tmp_path: Path) -> None:
    def one(name: str) -> bool:
        try:
            claim(tmp_path, name, ONE)
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(one, [f"name{number}" for number in range(16)]))
    assert got.count(True) == 1


@pytest.mark.parametrize("text", ["{", "{}", "[1]", "[{}]"])
def test_damaged_file_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=FILE):
        claim(tmp_path, "exch01", ONE)


def change(case: Path, host: str) -> HostChange:
    return HostChange.of(host, "run-1", {"case": str(case)}, None, (), check=False)


def test_two_names_at_work_with_two_cases_are_kept_apart_by_the_machine_i16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    first, second = change(tmp_path / "a", "exch01"), change(tmp_path / "b", "mail")
    with first.exclusively("exch01-1"), second.exclusively("mail-2"):
        first.claim(ONE)
        first.claim(ONE)
        with pytest.raises(RefusedError, match="another run of this user"):
            second.claim(ONE)
        second.claim(TWO)
    with second.exclusively("mail-2"):
        second.claim(ONE)
