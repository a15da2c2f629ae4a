# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that others wrote: pywinrm, pypsrp, and Ansible's own connections."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
import winrm
import yaml
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = Path(__file__).parent / "clients_fleet.yml"
_MODULE = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
    "ANSIBLE_NOCOLOR": "1",
    "PYTHONPATH": str(ROOT / ".dev"),
    "NO_PROXY": "*",
}


def rehearse(*arguments: str | Path) -> str:
    done = warm_ansible.run(
        [sys.executable, "-m", _MODULE, "rehearse", *map(str, arguments)],
        timeout=120, env=_ENVIRONMENT, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach the fleet."""

    state: Path
    http: int
    https: int
    user: str
    password: str

    @property
    def ca(self) -> str:
        return str(self.state / "ca.pem")

    def pywinrm(self, transport: str, scheme: str, **kwargs: Any) -> winrm.Protocol:
        port = self.https if scheme == "https" else self.http
        return winrm.Protocol(
            f"{scheme}://127.77.0.1:{port}/wsman", transport=transport, ca_trust_path=self.ca,
            **{"username": self.user, "password": self.password, "proxy": None, **kwargs},
        )  # fmt: skip

    def pypsrp(self, auth: str, scheme: str, **kwargs: Any) -> WSMan:
        return WSMan(
            "127.77.0.1", port=self.https if scheme == "https" else self.http, auth=auth,
            ssl=scheme == "https", cert_validation=self.ca, no_proxy=True,
            **{"username": self.user, "password": self.password, **kwargs},
        )  # fmt: skip

    def counters(self, host: str = "ex01") -> dict[str, int]:
        status = json.loads(rehearse("status", "--json", "--state", self.state))
        found: dict[str, int] = next(item for item in status["hosts"] if item["host"] == host)
        return found


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    state = tmp_path_factory.mktemp("clients")
    rehearse("up", "--scenario", SCENARIO, "--port", "0", "--state", state, "--stop-after", "10")
    known = json.loads((state / "state.json").read_text())
    variables = yaml.safe_load((state / "inventory.yml").read_text())["exchange"]["vars"]
    yield Endpoint(
        state, known["http_port"], known["https_port"],
        variables["ansible_user"], variables["ansible_password"],
    )  # fmt: skip
    assert "stopped" in rehearse("down", "--state", state)


@pytest.fixture
def faults(endpoint: Endpoint) -> Iterator[Callable[..., str]]:
    yield lambda *options: rehearse("faults", "add", "--state", endpoint.state, *options)
    rehearse("faults", "clear", "--state", endpoint.state)


@pytest.mark.parametrize(
    ("transport", "scheme"),
    [("basic", "https"), ("basic", "http"), ("ntlm", "http"), ("ntlm", "https")],
)
def test_pywinrm_runs_commands(endpoint: Endpoint, transport: str, scheme: str) -> None:
    protocol = endpoint.pywinrm(transport, scheme)
    shell = protocol.open_shell(codepage=65001)
    for line, expected in (("hostname", (b"EX01\r\n", b"", 0)), ("exit 7", (b"", b"", 7))):
        command = protocol.run_command(shell, line)
        assert protocol.get_command_output(shell, command) == expected
        protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_pywinrm_is_told_that_the_password_is_wrong(endpoint: Endpoint, transport: str) -> None:
    before = endpoint.counters()["refused"]
    with pytest.raises(InvalidCredentialsError):
        endpoint.pywinrm(transport, "https", password="wrong").open_shell()
    assert endpoint.counters()["refused"] == before + 1


def test_ntlm_over_https_without_a_channel_binding_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(InvalidCredentialsError):
        endpoint.pywinrm("ntlm", "https", send_cbt=False).open_shell()


def test_pywinrm_sees_an_operation_time_out_and_goes_on(
    endpoint: Endpoint, faults: Callable[..., str]
) -> None:
    faults("--kind", "optimeout", "--action", "Receive")
    protocol = endpoint.pywinrm("ntlm", "http")
    shell = protocol.open_shell(codepage=65001)
    command = protocol.run_command(shell, "hostname")
    with pytest.raises(WinRMOperationTimeoutError):
        protocol.get_command_output_raw(shell, command)
    assert protocol.get_command_output(shell, command)[0] == b"EX01\r\n"
    protocol.close_shell(shell)


@pytest.mark.parametrize(
    ("auth", "scheme"),
    [("basic", "https"), ("ntlm", "http"), ("ntlm", "https"), ("negotiate", "http"), ("negotiate", "https")],
)  # fmt: skip
class TestPypsrp:
    def test_winrs(self, endpoint: Endpoint, auth: str, scheme: str) -> None:
        with WinRS(endpoint.pypsrp(auth, scheme), codepage=65001) as shell:
            process = Process(shell, "echo", ["one", "two"])
            process.invoke()
            process.signal(SignalCode.TERMINATE)
        assert (process.rc, process.stdout) == (0, b"one two\r\n")

    def test_runspace_pool(self, endpoint: Endpoint, auth: str, scheme: str) -> None:
        with RunspacePool(endpoint.pypsrp(auth, scheme)) as pool:
            assert PowerShell(pool).add_script("hostname").invoke() == ["EX01"]
            failing = PowerShell(pool).add_script("Get-Nothing")
            failing.invoke()
        assert "cannot run 'Get-Nothing'" in str(failing.streams.error[0])

    def test_wrong_password(self, endpoint: Endpoint, auth: str, scheme: str) -> None:
        with pytest.raises(AuthenticationError):
            WinRS(endpoint.pypsrp(auth, scheme, password="wrong")).open()


def test_a_31st_shell_is_one_too_many(endpoint: Endpoint) -> None:
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(WinRS(endpoint.pypsrp("basic", "https")))
        with pytest.raises(WSManFaultError) as caught:
            WinRS(endpoint.pypsrp("basic", "https")).open()
    assert caught.value.code == 2150859173


def ansible(endpoint: Endpoint, *options: str) -> subprocess.CompletedProcess[str]:
    return warm_ansible.run(
        [sys.executable, "-m", "ansible", "adhoc", "exchange", "-i", str(endpoint.state / "inventory.yml"),
         "-m", "ansible.builtin.raw", "-a", "hostname", *options],
        merged=True, timeout=120,
        env=_ENVIRONMENT, cwd=ROOT,
    )  # fmt: skip


_WINRM = {"ansible_connection": "ansible.builtin.winrm"}
_PSRP = {"ansible_connection": "ansible.builtin.psrp"}


@pytest.mark.parametrize(
    ("variables", "plain"),
    [
        ({}, False),  # the inventory as it is: the collection's own connection
        (_WINRM, False),
        (_WINRM | {"ansible_winrm_transport": "basic"}, False),
        (_WINRM | {"ansible_winrm_scheme": "http"}, True),
        (_PSRP, False),
        (_PSRP | {"ansible_psrp_auth": "basic"}, False),
        (_PSRP | {"ansible_psrp_auth": "negotiate", "ansible_psrp_protocol": "http"}, True),
    ],
    ids=["inventory", "winrm-ntlm", "winrm-basic", "winrm-sealed", "psrp-ntlm", "psrp-basic", "psrp-sealed"],
)  # fmt: skip
def test_ansible_runs_a_raw_task_on_every_host(
    endpoint: Endpoint, variables: dict[str, Any], *, plain: bool
) -> None:
    port = endpoint.http if plain else endpoint.https
    done = ansible(endpoint, "-e", json.dumps({**variables, "ansible_port": port}))
    assert done.returncode == 0, done.stdout
    for name in ("ex01", "ex02"):
        assert f"{name} | CHANGED | rc=0 >>\n{name.upper()}" in done.stdout


def test_ansible_leaves_no_shell_open(endpoint: Endpoint) -> None:
    ansible(endpoint)
    assert endpoint.counters()["open_shells"] == 0


def test_a_lost_reply_is_a_failure_for_ansible_although_the_host_acted(
    endpoint: Endpoint, faults: Callable[..., str]
) -> None:
    before = endpoint.counters()["commands"]
    faults("--kind", "reset", "--action", "Receive", "--when", "after", "--host", "ex01")
    done = ansible(endpoint, "-e", json.dumps(_WINRM))
    assert "ex01 | UNREACHABLE" in done.stdout or "ex01 | FAILED" in done.stdout
    assert "ex02 | CHANGED" in done.stdout
    assert endpoint.counters()["commands"] == before + 1
