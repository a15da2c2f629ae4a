# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in the warm process is what it would be in a new interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import warm_ansible

from .conftest import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

DUMP = [sys.executable, "-m", "ansible", "inventory", "-i", "localhost,", "--list"]


def cold(command: list[str], env: dict[str, str], cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def warm(command: list[str], env: dict[str, str], cwd: Path) -> tuple[int, str, str]:
    """The second run of an environment is the first that is forked."""
    for _ in range(2):
        done = warm_ansible.run(command, env=env, cwd=cwd, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        DUMP,
        [*DUMP[:3], "adhoc", "localhost", "-m", "debug", "-a", "msg={{ 1 / 0 }}"],
        [*DUMP[:3], "playbook", "no-such-playbook.yml"],
        [*DUMP[:3], "no-such-program"],
        [sys.executable, "-m", warm_ansible.TOOLKIT, "catalog", "show", "15.1.2176.9"],
        [sys.executable, "-m", warm_ansible.TOOLKIT, "plan", "show", "/nowhere"],
    ],
    ids=lambda command: command[3],
)
def test_status_and_output_are_those_of_a_new_interpreter(
    command: list[str], tmp_path: Path
) -> None:
    assert warm(command, environment(), tmp_path) == cold(command, environment(), tmp_path)


def test_another_environment_is_another_process(tmp_path: Path) -> None:
    settings = {"ANSIBLE_JSON_INDENT": "2"}, {"ANSIBLE_LOCALHOST_WARNING": "False"}
    command = [*DUMP[:3], "adhoc", "all", "-m", "debug", "-a", "msg=hello"]
    said = [warm(command, environment(**more), tmp_path) for more in settings]
    assert said == [cold(command, environment(**more), tmp_path) for more in settings]
    assert said[0] != said[1]


def test_forked_run_is_no_new_interpreter_and_leaves_the_next_alone(tmp_path: Path) -> None:
    warm(DUMP, environment(), tmp_path)
    server = warm_ansible._server(DUMP, environment())
    assert server is not None
    before = server.process.pid
    assert warm(DUMP, environment(), tmp_path)[0] == 0
    again = warm_ansible._server(DUMP, environment())
    assert again is not None
    assert again.process.pid == before


def test_run_leaves_no_folder_behind(tmp_path: Path) -> None:
    env = environment(ANSIBLE_LOCAL_TEMP=str(tmp_path / "temp"))
    for _ in range(2):
        assert warm(DUMP, env, tmp_path)[0] == 0
    server = warm_ansible._server(DUMP, env)
    assert server is not None
    (kept,) = (tmp_path / "temp").iterdir()
    assert kept.name.startswith(f"ansible-local-{server.process.pid}")
    assert list(tmp_path.iterdir()) == [tmp_path / "temp"]


def test_run_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    command = [*DUMP[:3], "adhoc", "localhost", "-m", "pause", "-a", "seconds=50"]
    warm(DUMP, environment(), tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        warm_ansible.run(command, env=environment(), cwd=tmp_path, timeout=2)
    assert warm(DUMP, environment(), tmp_path)[0] == 0


def test_warm_process_ends_with_its_parent(tmp_path: Path) -> None:
    """Killed, it closes nothing by itself; the kernel does."""
    parent = (
        "import os, signal, sys, json, warm_ansible\n"
        "server = warm_ansible._Server(json.loads(sys.argv[1]))\n"
        "print(server.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = environment()
    done = subprocess.run(
        [sys.executable, "-c", parent, json.dumps(env)], env=warm_ansible.with_support(env),
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    # Its stderr is also that of the warm process: that we read it to its end shows that both are gone.
    assert done.returncode == -9
    assert int(done.stdout)
