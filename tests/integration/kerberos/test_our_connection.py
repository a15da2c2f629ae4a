# SPDX-License-Identifier: GPL-3.0-or-later
"""Our connection with Kerberos: sealed, bound, proven both ways, once; and every way to fail."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kerberos_client
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    AuthenticationFailed,
    NoTicket,
    RefusedError,
    TransportError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import auth
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.acceptor import (
    Acceptor,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    FaultRule,
)
from endpoint import PASSWORD, USER
from kerberos_client import using

from .conftest import SERVICE, STRANGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Site

pytestmark = pytest.mark.integration
SCHEMES = ("http", "https")
DELEGATION = {"ansible_winrm_kerberos_delegation": True}
NAME = "ansible_winrm_kerberos_hostname_override"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("encryption", ["auto", "always"])
def test_ticket_logs_in_once_and_is_not_handed_on(site: Site, scheme: str, encryption: str) -> None:
    before = site.endpoint.counters
    extras = {"ansible_winrm_message_encryption": encryption}
    connection = site.connection(scheme, extras)
    assert site.run(connection) == "EX01"
    assert site.run(connection) == "EX01"
    after = site.endpoint.counters
    assert (after.kerberos, after.refused) == (before.kerberos + 1, before.refused)
    assert after.delegated == before.delegated, "the host could act as the operator anywhere"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_hardened_host_gets_the_proof_of_its_certificate(
    strict: Site, valid: str, scheme: str
) -> None:
    before = strict.endpoint.counters
    with using(strict.tickets.environment(valid)):
        assert strict.run(strict.connection(scheme)) == "EX01"
        strict.close()
    assert strict.endpoint.counters.refused == before.refused, "a ticket without it was sent first"


def test_hardened_host_refuses_a_ticket_that_is_bound_to_no_certificate(
    strict: Site, valid: str
) -> None:
    before = strict.endpoint.counters
    connection = strict.connection(extras={"ansible_winrm_send_cbt": False})
    with (
        using(strict.tickets.environment(valid)),
        pytest.raises(AuthenticationFailed, match="the host refused the ticket"),
    ):
        strict.run(connection)
    assert strict.endpoint.counters.refused == before.refused + 1


def test_delegation_is_refused_before_the_first_packet(site: Site) -> None:
    before = site.endpoint.counters.connections
    with pytest.raises(RefusedError, match=r"delegation.*exchange_allow_insecure: \[delegation\]"):
        site.run(site.connection(extras=DELEGATION))
    assert site.endpoint.counters.connections == before


def test_only_a_waiver_by_name_hands_the_ticket_on(site: Site) -> None:
    before = site.endpoint.counters.delegated
    site.run(site.connection(extras=DELEGATION, allow_insecure=["delegation"]))
    assert site.endpoint.counters.delegated == before + 1


# Failures on this side -----------------------------------------------------------------------


@contextmanager
def _environment(site: Site, cache: str, **more: str) -> Iterator[None]:
    with using(site.tickets.environment(cache) | more):
        yield


@contextmanager
def _silent(site: Site) -> Iterator[None]:
    """A ticket, and nobody who gives one for a service."""
    site.tickets.take("silent")
    site.kdc.stop()
    try:
        with _environment(site, "silent"):
            yield
    finally:
        assert site.kdc.serve()


@contextmanager
def _config(site: Site, folder: Path, old: str, new: str, cache: str) -> Iterator[None]:
    text = site.kdc.realm.config.read_text()
    assert old in text
    path = folder / "krb5.conf"
    path.write_text(text.replace(old, new))
    with _environment(site, cache, KRB5_CONFIG=str(path)):
        yield


Situation = tuple[str, str, dict[str, str], dict[str, Any], type[Exception], str]
SITUATIONS: tuple[Situation, ...] = (
    ("no ticket", "none", {}, {}, NoTicket, "there is no Kerberos ticket; get one with `kinit "),
    ("an expired ticket", "expired", {}, {}, NoTicket, "has expired; get a new one with `kinit "),
    (
        "the ticket of somebody else",
        "valid",
        {},
        {"remote_user": "jane@REHEARSAL.EXAMPLE"},
        NoTicket,
        r"there is no Kerberos ticket; get one with `kinit jane@REHEARSAL\.EXAMPLE`",
    ),
    (
        "a name that the domain does not know",
        "valid",
        {NAME: "ex09.rehearsal.example"},
        {},
        AuthenticationFailed,
        r"does not know HTTP/ex09\.rehearsal\.example; give the host by its full DNS name.*setspn",
    ),
    (
        "an address in place of a name",
        "valid",
        {NAME: ""},
        {},
        AuthenticationFailed,
        r"does not know HTTP/127\.77\.0\.1; give the host by its full DNS name",
    ),
    (
        "a host of another realm",
        "valid",
        {NAME: "ex01.other.example"},
        {},
        AuthenticationFailed,
        r"does not know the realm.*\[domain_realm\] of krb5\.conf",
    ),
)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation[0])
def test_nothing_is_sent_without_a_ticket_and_the_error_names_the_cure(
    relaxed: Site, valid: str, expired: str, situation: Situation, scheme: str
) -> None:
    _, cache, extras, options, kind, words = situation
    before = relaxed.endpoint.counters.connections
    with _environment(relaxed, cache), pytest.raises(kind, match=words) as caught:
        relaxed.run(relaxed.connection(scheme, extras, **options))
    assert isinstance(caught.value, NoTicket) is (kind is NoTicket)
    assert relaxed.endpoint.counters.connections == before


def test_no_domain_controller_answers(relaxed: Site) -> None:
    before = relaxed.endpoint.counters.connections
    with _silent(relaxed), pytest.raises(NoTicket, match=r"no domain controller.*port 88"):
        relaxed.run(relaxed.connection())
    assert relaxed.endpoint.counters.connections == before


@pytest.mark.parametrize(
    ("old", "new", "user", "words"),
    [
        ("    kdc = ", "    admin_server = ", "", r"\[realms\] of krb5\.conf, in capitals"),
        ("kdc = 127.0.0.1:", "kdc = kdc.invalid:", "", "does not resolve|no domain controller"),
        ("[realms]", "[realms", "", r"krb5\.conf is malformed"),
        ("  default_realm", "  #default_realm", USER, "no realm is known; write default_realm"),
    ],
)
def test_wrong_configuration_is_named(
    relaxed: Site, tmp_path: Path, old: str, new: str, user: str, words: str
) -> None:
    relaxed.tickets.take("configured")
    named = {"remote_user": user} if user else {}
    with (
        _config(relaxed, tmp_path, old, new, "configured"),
        pytest.raises(AuthenticationFailed, match=words),
    ):
        relaxed.run(relaxed.connection(**named))


# The password --------------------------------------------------------------------------------


def test_password_takes_a_ticket_that_is_gone_with_the_connection(relaxed: Site) -> None:
    options = {"kerberos_mode": "managed", "remote_password": PASSWORD}
    with _environment(relaxed, "none"):
        connection = relaxed.connection(**options)
        assert relaxed.run(connection) == "EX01"
        cache = Path(os.environ["KRB5CCNAME"].removeprefix("FILE:"))
        assert cache.stat().st_mode & 0o077 == 0
        connection.close()
    assert not cache.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"remote_password": "wrong"}, "is wrong; it was tried once"),
        ({"remote_user": "jane@REHEARSAL.EXAMPLE"}, "the domain does not know jane@"),
        ({"remote_user": "administrator@rehearsal.example"}, "in capitals"),
        ({"kerberos_command": "no-such-kinit"}, "kinit cannot be started; install"),
    ],
)
def test_refused_password_is_tried_once(relaxed: Site, options: dict[str, str], words: str) -> None:
    log = relaxed.kdc.realm.folder / "kdc.log"
    before, failed = relaxed.endpoint.counters.connections, log.read_text().count("PREAUTH_FAILED")
    usual = {"kerberos_mode": "managed", "remote_password": PASSWORD}
    with _environment(relaxed, "none"), pytest.raises(AuthenticationFailed, match=words) as caught:
        relaxed.run(relaxed.connection(**{**usual, **options}))
    assert not isinstance(caught.value, NoTicket)
    assert relaxed.endpoint.counters.connections == before
    assert log.read_text().count("PREAUTH_FAILED") - failed == ("remote_password" in options)


# What the host does --------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_refused_ticket_is_sent_once_and_then_nothing_more(site: Site, scheme: str) -> None:
    before = site.endpoint.counters
    connection = site.connection(scheme, {NAME: STRANGER})
    words = rf"refused the ticket of administrator@.* for HTTP/{STRANGER}, it is not tried again"
    with pytest.raises(AuthenticationFailed, match=words) as caught:
        site.run(connection)
    assert not isinstance(caught.value, NoTicket)
    assert site.endpoint.counters.refused == before.refused + 1
    sent = site.endpoint.counters.requests
    with pytest.raises(TransportError):
        site.run(connection)
    assert site.endpoint.counters.requests == sent


APART = "the clocks are more than five minutes apart; set the time of the controller"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_host_with_another_clock_refuses_once_and_the_clock_is_named(
    relaxed: Site, scheme: str
) -> None:
    relaxed.tickets.take_with_another_clock("clock", "-20m", f"HTTP/{SERVICE}")
    before = relaxed.endpoint.counters
    words = f"not tried again: {APART}"
    with _environment(relaxed, "clock"), pytest.raises(AuthenticationFailed, match=words):
        relaxed.run(relaxed.connection(scheme))
    after = relaxed.endpoint.counters
    assert (after.refused, after.kerberos) == (before.refused + 1, before.kerberos)


@pytest.mark.parametrize(
    ("clock", "service"), [("+20m", ""), ("-20m", ""), ("+20m", f"HTTP/{SERVICE}")]
)
def test_domain_controller_with_another_clock_is_named(
    relaxed: Site, clock: str, service: str
) -> None:
    relaxed.tickets.take_with_another_clock("clock", clock, service)
    before = relaxed.endpoint.counters.connections
    words = rf"^(the ticket is not valid yet: )?{APART}"
    with _environment(relaxed, "clock"), pytest.raises(AuthenticationFailed, match=words):
        relaxed.run(relaxed.connection())
    assert relaxed.endpoint.counters.connections == before


def test_clocks_that_are_a_little_apart_are_good_enough(relaxed: Site) -> None:
    relaxed.tickets.take_with_another_clock("clock", "+3m")
    with _environment(relaxed, "clock"):
        assert relaxed.run(relaxed.connection()) == "EX01"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_host_without_kerberos_gets_no_second_request(
    relaxed: Site, valid: str, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(auth.AuthPolicy, "negotiate", property(lambda _: False), raising=False)
    monkeypatch.setattr(
        auth.AuthPolicy, "offers", lambda _self, *, secure: (b'WWW-Authenticate: Basic realm="x"',)
    )
    before = relaxed.endpoint.counters.requests
    with _environment(relaxed, valid), pytest.raises(AuthenticationFailed, match="offers no Kerb"):
        relaxed.run(relaxed.connection(scheme))
    assert relaxed.endpoint.counters.requests == before + 1


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("header", [b"X-Nothing: at all", b"WWW-Authenticate: Negotiate YGFh"])
def test_host_that_does_not_prove_itself_is_not_believed(
    site: Site, monkeypatch: pytest.MonkeyPatch, scheme: str, header: bytes
) -> None:
    monkeypatch.setattr(auth, "_header", lambda _scheme, _token: header)
    with pytest.raises(AuthenticationFailed, match="did not prove that it is HTTP/ex01"):
        site.run(site.connection(scheme))


def test_reply_in_clear_is_refused(site: Site) -> None:
    connection = site.connection("http")
    assert site.run(connection) == "EX01"
    site.endpoint.arm(FaultRule.from_mapping({"kind": "garbage", "action": "Command"}))
    try:
        with pytest.raises(RefusedError, match="in clear although message encryption was agreed"):
            site.run(connection)
    finally:
        site.endpoint.call(site.endpoint.clear)


@pytest.mark.parametrize("cut", [0, 1, 60])
def test_sealed_reply_that_was_changed_is_lost_and_no_refused_login(
    site: Site, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    connection = site.connection("http")
    assert site.run(connection) == "EX01"
    wrap = Acceptor.wrap

    def changed(self: Acceptor, data: bytes) -> tuple[bytes, bytes]:
        signature, sealed = wrap(self, data)
        return signature, sealed[cut:] if cut else bytes([sealed[0] ^ 1]) + sealed[1:]

    with monkeypatch.context() as patch:
        patch.setattr(Acceptor, "wrap", changed)
        with pytest.raises(TransportError, match="cannot be opened") as caught:
            site.run(connection)
    assert not isinstance(caught.value, AuthenticationFailed)
    assert site.run(connection) == "EX01"


def test_nothing_goes_in_clear_where_the_library_cannot_seal(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kerberos  # noqa: PLC0415 - not everywhere

    monkeypatch.delattr(kerberos, "authGSSWinRMEncryptMessage")
    before = site.endpoint.counters.requests
    with pytest.raises(RefusedError, match="everything would go in clear"):
        site.run(site.connection("http"))
    assert site.endpoint.counters.requests == before


@pytest.mark.parametrize("scheme", SCHEMES)
def test_lost_connection_is_no_refused_login(site: Site, scheme: str) -> None:
    connection = site.connection(scheme)
    assert site.run(connection) == "EX01"
    site.endpoint.hang_up()
    with pytest.raises(TransportError) as caught:
        site.run(connection)
    assert not isinstance(caught.value, AuthenticationFailed)
    assert site.run(connection) == "EX01", "the next one logs in anew"


def test_renewed_ticket_is_as_good_as_a_new_one(relaxed: Site) -> None:
    relaxed.tickets.take("renewable", "-l", "10m", "-r", "1h")
    relaxed.tickets.renew("renewable")
    with _environment(relaxed, "renewable"):
        assert relaxed.run(relaxed.connection()) == "EX01"


def test_absence_of_kerberos_is_a_failure_where_it_is_demanded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kerberos_client.shutil, "which", lambda *_, **__: None)
    monkeypatch.setenv(kerberos_client.DEMAND, "required")
    with pytest.raises(pytest.fail.Exception, match="krb5kdc"):
        kerberos_client.require_kerberos()
    monkeypatch.delenv(kerberos_client.DEMAND)
    with pytest.raises(pytest.skip.Exception, match="apt-get install krb5-kdc"):
        kerberos_client.require_kerberos()
