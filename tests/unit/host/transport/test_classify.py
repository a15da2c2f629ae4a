# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of our errors stands for what a connection raised."""

from __future__ import annotations

import pypsrp.exceptions
import pytest
import requests
import winrm.exceptions
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    AuthenticationFailed,
    RefusedError,
    RemediationError,
    ReplyTooLarge,
    Timeout,
    TransportError,
    Unreachable,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.classify import (
    classify,
    defuse,
)

CASES: tuple[tuple[BaseException, type[RemediationError]], ...] = (
    (winrm.exceptions.InvalidCredentialsError("rejected"), AuthenticationFailed),
    (pypsrp.exceptions.AuthenticationError("rejected"), AuthenticationFailed),
    (requests.ConnectionError("Failed to establish a new connection: x"), Unreachable),
    (
        requests.ConnectionError("('Connection aborted.', ConnectionResetError(104))"),
        TransportError,
    ),
    (requests.exceptions.SSLError("certificate verify failed"), Unreachable),
    (requests.ReadTimeout("30 s"), Timeout),
    (requests.ConnectTimeout("30 s"), Timeout),
    (winrm.exceptions.WinRMOperationTimeoutError(), Timeout),
    (
        AnsibleConnectionFailure("ntlm: the specified credentials were rejected by the server"),
        AuthenticationFailed,
    ),
    (AnsibleConnectionFailure("failed to authenticate with the server: x"), AuthenticationFailed),
    (AnsibleConnectionFailure("Kerberos auth failure for principal x: y"), AuthenticationFailed),
    (AnsibleError("the connection attempt timed out"), Timeout),
    (AnsibleConnectionFailure("HTTP read timeout during PSRP script execution"), Timeout),
    (AnsibleError("winrm send_input failed; \nstdout: "), TransportError),
    (winrm.exceptions.WinRMTransportError("http", 500, ""), TransportError),
    (pypsrp.exceptions.WinRMTransportError("http", 500, ""), TransportError),
    (RuntimeError("anything"), TransportError),
)


@pytest.mark.parametrize(("raised", "ours"), CASES, ids=lambda case: repr(case)[:50])
def test_each_error_of_a_connection_has_its_class(
    raised: BaseException, ours: type[RemediationError]
) -> None:
    assert type(classify(raised)) is ours


def test_the_cause_decides_where_ansible_only_has_text() -> None:
    error = AnsibleConnectionFailure("ntlm: something")
    error.__cause__ = winrm.exceptions.InvalidCredentialsError("rejected")
    found = classify(error)
    assert type(found) is AuthenticationFailed
    assert str(found) == "ntlm: something"


def test_our_own_error_comes_through_unchanged() -> None:
    ours = ReplyTooLarge("over the cap")
    error = AnsibleError("text")
    error.__cause__ = ours
    assert classify(error) is ours


def test_a_refusal_before_connecting_says_only_what_is_wrong() -> None:
    found = classify(AnsibleError("Refused before connecting. ex01: CredSSP hands"))
    assert type(found) is RefusedError
    assert str(found) == "ex01: CredSSP hands"


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, two = RuntimeError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one
    assert type(classify(one)) is TransportError


def test_an_error_without_a_text_is_named() -> None:
    assert str(classify(RuntimeError())) == "RuntimeError"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            (
                "HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: /wsman (Caused by "
                "NewConnectionError(\"HTTPConnection(host='h', port=1): Failed to establish a new "
                'connection: [Errno 111] Connection refused"))'
            ),
            "no connection: Connection refused",
        ),
        (
            (
                "(Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] "
                "certificate verify failed: self-signed certificate (_ssl.c:1006)')))"
            ),
            "certificate verify failed: self-signed certificate",
        ),
        (
            "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
            "connection lost: Connection reset by peer",
        ),
        (
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            "connection lost: Remote end closed connection without response",
        ),
        ("something else", "something else"),
    ],
)
def test_an_unreachable_host_has_a_reason_that_people_read(told: str, said: str) -> None:
    assert str(classify(requests.ConnectionError(told))) == said


def test_the_texts_of_an_error_and_its_causes_can_be_made_inert() -> None:
    error = AnsibleConnectionFailure("no\x1b[2J")
    error.__cause__ = winrm.exceptions.WinRMTransportError("http", 500, "bad\x07")
    defuse(error)
    assert error.args == ("no\\x1b[2J",)
    assert error.__cause__.args == ("http", 500, "bad\\x07")
