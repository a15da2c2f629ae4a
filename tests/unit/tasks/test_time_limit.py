# SPDX-License-Identifier: GPL-3.0-or-later
"""A time limit of Ansible never cuts off a change, and a host never keeps a command for ever."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import action_host
import pytest
from ansible._internal._errors._task_timeout import TaskTimeoutError
from ansible.errors import AnsibleActionFail
from ansible_collections.exchange.remediation.plugins.action import (
    cumulative_update,
    mitigation,
    security_update,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
    Timeout,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    InstallRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    MitigateRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks import task as host_action
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.connection import (
    HostConnection,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.time_limit import (
    COMMAND_SECONDS,
    TaskTimeout,
    command_seconds,
    limited,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_alarm_of_the_tests() -> Iterator[None]:
    """Put the alarm of pytest-timeout aside: Ansible refuses to set one over it."""
    left = signal.setitimer(signal.ITIMER_REAL, 0)[0]
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    yield
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0, "an alarm was left behind"
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, left)


def test_general_limit_is_put_aside_while_something_is_changed_and_is_back_afterwards() -> None:
    with TaskTimeoutError.alarm_timeout(1):
        with TaskTimeout(1, general=True).allowing(7200, aside=True):
            time.sleep(1.5)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 1


def test_general_limit_holds_for_what_only_looks() -> None:
    def look() -> None:
        with TaskTimeout(1, general=True).allowing(7200, aside=False):
            time.sleep(5)

    with pytest.raises(TaskTimeoutError), TaskTimeoutError.alarm_timeout(1):
        look()


@pytest.mark.parametrize("aside", [True, False])
def test_limit_of_the_task_itself_that_is_too_short_is_refused_with_its_cure(
    aside: bool,  # noqa: FBT001
) -> None:
    with (
        pytest.raises(
            ConfigError, match=r"timeout: .* 900 s, .* 7200 s.*nothing was begun. Remove"
        ),
        TaskTimeout(900, general=False).allowing(7200, aside=aside),
    ):
        pytest.fail("it was begun")


def test_limit_of_the_task_itself_that_is_long_enough_stays() -> None:
    with (
        TaskTimeoutError.alarm_timeout(7200),
        TaskTimeout(7200, general=False).allowing(7200, aside=True),
    ):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 7000


def test_limit_that_cannot_be_put_aside_is_refused() -> None:
    """Another version of Ansible may end a task in another way; then nothing is begun."""
    with (
        pytest.raises(RefusedError, match=r"task_timeout: .*900 s.*Set timeout: 0"),
        TaskTimeout(900, general=True).allowing(7200, aside=True),
    ):
        pytest.fail("it was begun")


def test_command_that_does_not_end_is_an_answer_that_did_not_arrive() -> None:
    began = time.monotonic()

    def swallow() -> None:
        with limited(0.2):
            for _ in range(3):  # as libraries of a connection do
                with contextlib.suppress(Exception):
                    time.sleep(30)

    with pytest.raises(Timeout, match="given up"):
        swallow()
    assert time.monotonic() - began < 20


def test_shorter_limit_around_a_command_stays() -> None:
    with pytest.raises(TaskTimeoutError), TaskTimeoutError.alarm_timeout(1), limited(900):
        time.sleep(5)


def test_longer_limit_around_a_command_is_not_lost() -> None:
    with TaskTimeoutError.alarm_timeout(600):
        with limited(5):
            pass
        assert 500 < signal.getitimer(signal.ITIMER_REAL)[0] <= 600


def test_other_threads_have_no_alarm_and_need_none() -> None:
    seen: list[str] = []

    def work() -> None:
        with limited(5):
            seen.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["done"]


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (b"", COMMAND_SECONDS),
        (b"no json", COMMAND_SECONDS),
        (b'{"parameters": {}}', COMMAND_SECONDS),
        (b'{"parameters": {"deadline_seconds": 3600}}', COMMAND_SECONDS + 3600),
    ],
)
def test_command_that_fetches_a_package_has_its_own_time_besides(
    request_: bytes, seconds: float
) -> None:
    assert command_seconds(request_) == seconds


def test_connection_that_waits_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.connection"
    monkeypatch.setattr(f"{module}.command_seconds", lambda _request: 0.2)
    connection = SimpleNamespace(
        exec_command=lambda *_args, **_more: time.sleep(30), close=lambda: None, _connected=True
    )
    with pytest.raises(Timeout):
        HostConnection("ex01", connection, None).exec_command("x", b"{}")
    assert connection._connected is False


def test_time_of_a_change_is_that_of_all_its_parts() -> None:
    """Nothing that bounds a part of the work may be left out of the whole."""
    patch = InstallRequest("ex01", "r", "o")
    jobs = 4 * (3600 + 300) + 2 * 300
    assert patch.longest >= 3600 + jobs + 3600 + patch.usable_seconds
    assert MitigateRequest("ex01", "r", "o").longest >= 4 * (900 + 300) + 2 * 300


# In the task ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (security_update, {"confirm": True}),
        (security_update, {}),
        (cumulative_update, {"confirm": True, "prepared_by": "ops"}),
        (mitigation, {"confirm": True}),
        (mitigation, {"confirm": True, "state": "absent"}),
    ],
)
def test_every_change_refuses_a_task_that_has_too_little_time_before_the_first_packet(
    module: Any, arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    connection = action_host.Connection()
    action = action_host.action(connection, module, **arguments)
    action._task.timeout = 600
    with pytest.raises(AnsibleActionFail, match="timeout: this task or its play is given 600 s"):
        action.run(task_vars={"inventory_hostname": "ex01"})
    assert (connection.commands, list(tmp_path.glob("cases/**"))) == ([], [])


def test_what_ansible_cuts_off_all_the_same_is_unknown_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    connection: Any = SimpleNamespace(place=lambda: "ex01-5986")
    case = tmp_path / "case"
    options = {
        "campaign": "proxylogon",
        "run": None,
        "approvals": {},
        "note": None,
        "case": str(case),
    }
    wanted = SimpleNamespace(run="run-1", campaign="proxylogon", check=False)
    call = host_action.Call(
        "ex01", connection, options, set(), check=False, diff=False, notice=print
    )

    def act() -> None:
        with host_action.changing(call, "patch", lambda: wanted):
            time.sleep(5)

    with pytest.raises(TaskTimeoutError), TaskTimeoutError.alarm_timeout(1):
        act()
    end = json.loads((case / "journal.jsonl").read_text().splitlines()[-1])
    assert (end["event"], end["data"]["state"], end["data"]["code"]) == (
        "end",
        "unknown",
        "cut-off",
    )
    assert "TaskTimeoutError: Timed out after 1 second" in end["data"]["reason"]
