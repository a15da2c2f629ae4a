# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation rehearse``: the life of a fleet's process."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.state import (
    process_start,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
_MODULE = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
_COMMAND = (sys.executable, "-m", _MODULE, "rehearse")
_ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / ".dev")}
_PATIENCE_SECONDS = 20


@pytest.fixture
def rehearse(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run the command in an empty folder; whatever it started is stopped afterwards."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*_COMMAND, *arguments], capture_output=True, text=True, timeout=90, check=False,
            cwd=tmp_path, env=_ENVIRONMENT,
        )  # fmt: skip

    yield run
    run("down")


def up(rehearse: Any, *options: str) -> str:
    done = rehearse("up", "--scenario", "small", "--port", "0", "--stop-after", "5", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def state(folder: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((folder / ".rehearsal" / "state.json").read_text())
    return known


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_up_says_what_runs_how_to_use_it_and_how_to_stop_it(rehearse: Any) -> None:
    told = up(rehearse)
    for words in ("ex01", "127.77.0.1", "unreachable", ".rehearsal/inventory.yml", "rehearse down"):
        assert words in told


def test_a_fleet_lives_from_up_to_down(rehearse: Any, tmp_path: Path) -> None:
    up(rehearse)
    pid = state(tmp_path)["pid"]
    assert "ex01" in rehearse("status").stdout
    status = json.loads(rehearse("status", "--json").stdout)
    assert (status["running"], status["pid"]) == (True, pid)
    assert f"process {pid}) stopped" in rehearse("down").stdout
    assert process_start(pid) is None
    assert sorted(path.name for path in (tmp_path / ".rehearsal").iterdir()) == [
        "lock",
        "rehearsal.log",
    ]
    assert rehearse("down").returncode == 0
    assert rehearse("status").returncode == 1
    assert json.loads(rehearse("status", "--json").stdout)["running"] is False


def test_secrets_are_only_readable_for_their_owner(rehearse: Any, tmp_path: Path) -> None:
    up(rehearse)
    folder = tmp_path / ".rehearsal"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("inventory.yml", "state.json", "control.sock", "ca.pem", "rehearsal.log"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_nobody_waits_for_the_fleet_to_close_its_pipes(tmp_path: Path, rehearse: Any) -> None:
    reader, writer = os.pipe()
    subprocess.run(
        [*_COMMAND, "up", "--scenario", "small", "--port", "0", "--stop-after", "5"],
        check=True, cwd=tmp_path, env=_ENVIRONMENT, timeout=60, pass_fds=(writer,),
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b""  # the end of the file, although the fleet runs
    assert rehearse("status").returncode == 0


def test_up_twice_is_one_fleet(rehearse: Any, tmp_path: Path) -> None:
    up(rehearse)
    pid = state(tmp_path)["pid"]
    assert "runs already" in up(rehearse)
    assert state(tmp_path)["pid"] == pid


def test_up_of_another_kind_is_refused_while_one_runs(rehearse: Any) -> None:
    up(rehearse)
    done = rehearse("up", "--scenario", "proxylogon", "--port", "0")
    assert done.returncode == 2
    assert "another kind" in done.stderr
    assert "rehearse down" in done.stderr


def test_up_after_the_scenario_changed_says_so(rehearse: Any, tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yml"
    text = "schema: 1\nhosts:\n  ex01:\n    exchange: {product: Exchange2016, cu: CU19, build: 15.1.2176.2}\n"
    scenario.write_text(text)
    options = ("up", "--scenario", "mine.yml", "--port", "0", "--stop-after", "5")
    assert rehearse(*options).returncode == 0
    scenario.write_text(text + "  ex02: {}\n")
    done = rehearse(*options)
    assert (done.returncode, "has changed" in done.stderr) == (2, True)


def test_a_port_that_is_taken_is_told_and_nothing_stays(rehearse: Any, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.77.0.2", 0))
        port = taken.getsockname()[1]
        done = rehearse("up", "--scenario", "small", "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} on 127.77.0.2 is taken" in done.stderr
    assert not (tmp_path / ".rehearsal" / "state.json").exists()
    assert rehearse("status").returncode == 1


def test_a_fleet_that_was_killed_is_no_obstacle(rehearse: Any, tmp_path: Path) -> None:
    up(rehearse)
    pid = state(tmp_path)["pid"]
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: rehearse("status").returncode == 1)
    up(rehearse)
    assert state(tmp_path)["pid"] != pid


def test_down_clears_up_after_a_fleet_that_was_killed(rehearse: Any, tmp_path: Path) -> None:
    up(rehearse)
    os.kill(state(tmp_path)["pid"], signal.SIGKILL)
    assert until(lambda: rehearse("status").returncode == 1)
    assert rehearse("down").returncode == 0
    left = {path.name for path in (tmp_path / ".rehearsal").iterdir()}
    assert not left & {"inventory.yml", "ca.pem", "state.json"}


def test_a_fleet_stops_by_itself(rehearse: Any, tmp_path: Path) -> None:
    done = rehearse("up", "--scenario", "small", "--port", "0", "--stop-after", "0.01")
    assert done.returncode == 0, done.stderr
    assert until(lambda: not (tmp_path / ".rehearsal" / "state.json").exists())
    assert not (tmp_path / ".rehearsal" / "inventory.yml").exists()


def test_a_fleet_in_the_foreground_ends_with_a_signal(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*_COMMAND, "up", "--scenario", "small", "--port", "0", "--foreground"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=_ENVIRONMENT,
    )  # fmt: skip
    assert until((tmp_path / ".rehearsal" / "state.json").exists)
    child.send_signal(signal.SIGINT)
    told, _ = child.communicate(timeout=_PATIENCE_SECONDS)
    assert (child.returncode, "Rehearsal stopped." in told) == (0, True)


def test_rules_are_added_listed_and_cleared(rehearse: Any) -> None:
    up(rehearse)
    assert "No fault rules" in rehearse("faults", "list").stdout
    added = rehearse("faults", "add", "--kind", "http503", "--action", "Receive", "--host", "ex0*")
    assert "http503  Receive  ex0*" in added.stdout
    assert "1 rules removed" in rehearse("faults", "clear").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("up", "--scenario", "nowhere"), "nowhere"),
        (("up", "--port", "99999"), "--port 99999"),
        (("up", "--stop-after", "-1"), "--stop-after"),
        (("faults", "list"), "no rehearsal runs"),
        (("faults", "add", "--kind", "explode"), "explode"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    rehearse: Any, arguments: tuple[str, ...], words: str
) -> None:
    done = rehearse(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
