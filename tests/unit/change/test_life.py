# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an earlier life of a run is over: proven by this controller, never assumed (I16, I19)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.life import (
    Life,
    alive,
    ended,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "ansible_collections.exchange.remediation.plugins.plugin_utils.change.life"
BODY = f"import time\nfrom {MODULE} import alive\nwith alive() as life:\n    print(life.id, flush=True)\n    time.sleep(60)\n"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process of this user that lives, and its life."""
    command = [sys.executable, "-c", BODY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()
        process.kill()


def test_life_of_a_process_ends_with_it_also_by_kill(
    other: tuple[subprocess.Popen[str], str],
) -> None:
    process, life = other
    assert not ended(life)
    os.kill(process.pid, signal.SIGSTOP)
    assert not ended(life), "a paused process may go on"
    process.kill()
    process.wait()
    assert ended(life)
    assert ended(life), "the proof may be needed again"


def test_life_that_was_lived_elsewhere_is_not_known(
    other: tuple[subprocess.Popen[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, life = other
    process.kill()
    process.wait()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another controller"))
    assert not ended(life)


@pytest.mark.parametrize("life", ["", "../../lives/x", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_what_a_host_makes_up_proves_nothing(life: str) -> None:
    assert not ended(life)


def test_life_that_came_to_its_end_in_order_is_over_too() -> None:
    """It may have left the lock of a server on which an installer goes on."""
    with alive() as life:
        assert not ended(life.id)
    assert ended(life.id)


def test_lives_of_long_ago_are_forgotten_and_living_ones_are_not(
    other: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    with alive() as life:
        pass
    for path in tmp_path.rglob("*.lock"):
        os.utime(path, (0, 0))
    with alive():
        assert not ended(life.id)
        assert not list(tmp_path.rglob(f"{life.id}.*"))
        assert list(tmp_path.rglob(f"{other[1]}.lock"))


def test_copy_of_the_state_folder_proves_nothing_while_the_life_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "one"))
    with alive() as life:
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "two"))
        assert not ended(life.id)


def test_restart_of_the_same_controller_ends_every_life_and_that_of_another_none(
    other: tuple[subprocess.Popen[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, life = other
    monkeypatch.setattr(f"{MODULE}.boot", lambda: "after")
    assert ended(life)
    monkeypatch.setattr(f"{MODULE}.controller", lambda: "ctl02 -")
    assert not ended(life)


def test_lock_of_another_controller_proves_nothing_in_a_shared_folder(
    other: tuple[subprocess.Popen[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, life = other
    process.kill()
    process.wait()
    monkeypatch.setattr(f"{MODULE}.controller", lambda: "ctl02 -")
    assert not ended(life)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000])
def test_life_of_which_nobody_wrote_where_it_was_is_not_known(text: str, tmp_path: Path) -> None:
    with alive() as life:
        pass
    (born,) = tmp_path.rglob(f"{life.id}.json")
    born.write_text(text)
    assert not ended(life.id)


def test_without_a_file_nothing_is_proven() -> None:
    assert not Life().ended(Life().id)
