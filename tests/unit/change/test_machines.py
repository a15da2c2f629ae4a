# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of a case: the first host of the inventory that is one has it."""

from __future__ import annotations

import json
import subprocess
import sys
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


def test_host_that_became_another_machine_is_refused_with_both_i16(tmp_path: Path) -> None:
    claim(tmp_path, "mail", ONE)
    with pytest.raises(RefusedError, match=r"mail was ex01\.corp.*, and is ex02\.corp\.example"):
        claim(tmp_path, "mail", TWO)
    with pytest.raises(RefusedError, match="ex01 and mail are one server"):
        claim(tmp_path, "ex01", ONE)
    claim(tmp_path, "ex02", TWO)


def test_signs_that_are_not_read_again_are_not_forgotten(tmp_path: Path) -> None:
    unread = MachineIdentity("ex01", None, None)
    for machine in (unread, ONE, unread):
        claim(tmp_path, "ex01", machine)
    with pytest.raises(RefusedError, match="ex01 was"):
        claim(tmp_path, "ex01", MachineIdentity("ex01", None, "77aa"))


@pytest.mark.parametrize("hidden", [("domain", "guid"), ("guid",), ("domain",)], ids="-".join)
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


@pytest.mark.parametrize("text", ["{", "{}", "[1]", "[{}]", "[" * 100_000, '[{"host": 1}]'])
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
    with second.exclusively("mail-2"):
        second.claim(ONE)


def test_one_change_does_not_go_on_at_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one = change(tmp_path / "a", "mail")
    with one.exclusively("mail-1"):
        one.claim(ONE)
        (tmp_path / "a" / FILE).unlink()
        with pytest.raises(RefusedError, match="mail was ex01"):
            one.claim(TWO)


def checked(host: str, run: str = "run-1") -> HostChange:
    one = HostChange.of(host, run, {}, None, (), check=True)
    one.prepare()
    return one


def test_check_without_a_case_refuses_what_the_run_refuses_i16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    checked("ex01").claim(ONE)
    checked("ex01").claim(ONE)
    with pytest.raises(RefusedError, match="mail and ex01 are one server"):
        checked("mail").claim(ONE)
    with pytest.raises(RefusedError, match="ex01 was"):
        checked("ex01").claim(TWO)
    checked("mail", "run-2").claim(ONE)


CHECK = f"""
import sys
from {HostChange.__module__} import HostChange
from {MachineIdentity.__module__} import MachineIdentity
one = HostChange.of(sys.argv[1], "run-1", {{}}, None, (), check=True)
one.prepare()
one.claim(MachineIdentity("ex01", "corp.example", "6d0c"))
"""
PLAY = "import subprocess, sys\nfor n in sys.argv[2:]: print(subprocess.call([sys.executable, '-c', sys.argv[1], n]))"


def test_what_one_play_met_is_nothing_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def play(*names: str) -> list[str]:
        command = [sys.executable, "-c", PLAY, CHECK, *names]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert play("ex01", "mail", "ex01") == ["0", "1", "0"]
    assert play("mail") == ["0"]
    folder = tmp_path / "exchange-remediation/checks"
    assert len(list(folder.iterdir())) == 1, "the first play has ended"
    checked("other")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("check", [True, False])
def test_state_that_cannot_be_kept_is_said_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, check: bool
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    one = HostChange.of("ex01", "run-1", {}, None, (), check=check)
    with pytest.raises(ConfigError, match=r"file/exchange-remediation.*XDG_STATE_HOME"):
        one.prepare()
    if not check:
        with pytest.raises(ConfigError, match="XDG_STATE_HOME"), one.exclusively("ex01-1"):
            pass


def test_what_no_windows_has_was_not_read() -> None:
    guid = "6d0c9a4e-0000-4000-8000-123456789abc"
    facts = {"name": "x" * 256, "domain": "a\x1b[2J", "machine_guid": f"{{{guid}}}x"}
    assert MachineIdentity.read({"computer": facts}) == MachineIdentity(None, None, None)
    row = {"name": "ex01", "domain": "d" * 255, "guid": guid}
    assert MachineIdentity.from_dict(row) == MachineIdentity("ex01", "d" * 255, guid)
