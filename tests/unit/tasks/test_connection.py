# SPDX-License-Identifier: GPL-3.0-or-later
"""A host behind an Ansible connection, with a connection that only pretends."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    RefusedError,
    TransportError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.connection import (
    HostConnection,
    contains_any,
)


class Fake:
    """Options and behaviour of our winrm connection."""

    transport = "exchange.remediation.winrm"
    ansible_name = "exchange.remediation.winrm"
    become = None

    def __init__(self, **options: Any) -> None:
        self.options = {
            "remote_addr": "ex01",
            "remote_user": "u@CORP.EXAMPLE",
            "remote_password": None,
            "port": 5986,
            "scheme": None,
            "transport": None,
            "_extras": {},
        } | options
        self.protocol: Any = "a protocol"
        self.shell_id: Any = "a shell"
        self._connected = True
        self.closed = 0

    def get_option(self, name: str) -> Any:
        return self.options[name]

    def exec_command(self, cmd: str, in_data: Any = None, *, sudoable: bool = True) -> Any:
        raise ConnectionResetError("reset")

    def close(self) -> None:
        self.closed += 1
        raise OSError("the shell does not close either")


def test_after_a_failure_nothing_of_the_old_connection_is_used_again() -> None:
    fake = Fake()
    with pytest.raises(ConnectionResetError):
        HostConnection("ex01", fake, None).exec_command("x")
    assert (fake.protocol, fake.shell_id, fake._connected, fake.closed) == (None, None, False, 1)


@pytest.mark.parametrize(("answer", "lost"), [(b"no answer", True), (b'{"nonce":"abc"}', False)])
def test_a_request_that_broke_off_is_lost_unless_it_was_answered(
    answer: bytes,
    lost: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    fake = Fake()
    fake.send_error = ConnectionResetError("reset")  # type: ignore[attr-defined]
    fake.exec_command = lambda *_args, **_more: (0, answer, b"")  # type: ignore[method-assign]
    host = HostConnection("ex01", fake, None)
    if lost:
        with pytest.raises(TransportError, match="did not arrive whole: reset"):
            host.exec_command("x", b'{"nonce":"abc"}')
    else:
        assert host.exec_command("x", b'{"nonce":"abc"}')[1] == answer


def test_a_forbidden_setting_is_refused_when_opened() -> None:
    with pytest.raises(RefusedError, match="CredSSP"):
        HostConnection("ex01", Fake(transport=["credssp"]), None).open()


def test_become_is_refused_by_the_transport() -> None:
    fake = Fake()
    fake.become = "runas"  # type: ignore[assignment]
    with pytest.raises(RefusedError, match="become"):
        HostConnection("ex01", fake, None).open()


def test_the_peer_is_described_even_if_it_was_refused() -> None:
    host = HostConnection("ex01", Fake(transport=["credssp"]), None)
    with pytest.raises(RefusedError):
        host.open()
    assert host.peer() == {"inventory_name": "ex01"}
    assert host.traffic() is None


@pytest.mark.parametrize(
    ("password", "secrets"),
    [("pass-word", {"pass-word"}), (None, set()), ("", set()), ("abc", set())],
)
def test_the_password_must_not_come_back(password: str | None, secrets: set[str]) -> None:
    assert HostConnection("ex01", Fake(remote_password=password), None).secrets() == secrets


@pytest.mark.parametrize("secret", ["pass-word", 'q"uo\\te', "ünïcödé", "line\nbreak"])
def test_a_secret_is_found_anywhere_in_an_entry(secret: str) -> None:
    assert contains_any({"a": [{"b": f"x{secret}y"}]}, {secret})
    assert contains_any({f"key {secret}": 1}, {secret})
    assert not contains_any({"a": [{"b": "other"}]}, {secret})
