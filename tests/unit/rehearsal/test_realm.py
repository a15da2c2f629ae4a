# SPDX-License-Identifier: GPL-3.0-or-later
"""What a realm is made of, without MIT's tools; that it works is in tests/integration/kerberos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    ConnectionState,
    Credentials,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet import realm
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.kdc import Kdc
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)

ACCOUNT = Credentials("administrator", 'pass "word')


def host(name: str, **more: Any) -> SimulatedHost:
    world = World({"name": name.upper(), "domain": more.pop("domain", "corp.example")})
    return SimulatedHost(name, "127.77.0.1", world, ACCOUNT, **more)


def orders(*hosts: SimulatedHost, account: Credentials = ACCOUNT) -> list[str]:
    return realm.Realm(Path("/realm"), 1)._orders(hosts, account)


def test_host_of_the_domain_gets_both_service_names_and_their_keys() -> None:
    assert orders(host("ex01"))[2:] == [
        'addprinc -randkey "HTTP/ex01.corp.example"',
        'ktadd -norandkey -k "/realm/ex01.keytab" "HTTP/ex01.corp.example"',
        'addprinc -randkey "WSMAN/ex01.corp.example"',
        'ktadd -norandkey -k "/realm/ex01.keytab" "WSMAN/ex01.corp.example"',
    ]


def test_host_outside_of_the_domain_has_no_name_there() -> None:
    assert realm.service_host(host("edge", domain="")) is None
    assert len(orders(host("edge", domain=""))) == 2


def test_host_that_refuses_the_account_has_a_name_and_no_key() -> None:
    known = orders(host("ex03", connection=ConnectionState.WRONG_CREDENTIALS))
    assert [line.split()[0] for line in known[2:]] == ["addprinc", "addprinc"]


def test_password_is_one_quoted_word_and_the_account_must_prove_it_first() -> None:
    assert orders()[0] == 'addprinc +requires_preauth -pw "pass ""word" "administrator"'


@pytest.mark.parametrize("word", ["a\naddprinc -pw x evil", "a\r", "tab\there", "\0"])
def test_name_or_password_cannot_smuggle_in_a_command(word: str) -> None:
    for account in (Credentials(word, "x"), Credentials("x", word)):
        with pytest.raises(ConfigError, match="control characters"):
            orders(account=account)


def test_missing_tools_are_named_with_their_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(realm, "_SYSTEM", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    words = r"kdb5_util, kadmin\.local, krb5kdc, setpriv; on Debian: apt-get install krb5-kdc"
    with pytest.raises(ConfigError, match=words):
        Kdc.start(tmp_path, [host("ex01")], ACCOUNT)
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for tool in realm.TOOLS:
        (tmp_path / tool).touch(mode=0o755)
    monkeypatch.setattr(realm, "_SYSTEM", str(tmp_path))
    monkeypatch.setattr(realm.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"packages gssapi, krb5; .*libkrb5-dev gcc"):
        realm.require_tools()


def test_nothing_of_our_environment_reaches_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD", "KRB5_CONFIG", "KRB5CCNAME", "KRB5_TRACE", "LANG"):
        monkeypatch.setenv(name, "/somewhere/else")
    known = realm.Realm(Path("/realm"), 1).environment()
    assert sorted(known) == ["KRB5_CONFIG", "KRB5_KDC_PROFILE", "LC_ALL", "PATH"]
    assert known["KRB5_CONFIG"] == "/realm/krb5.conf"


def test_realm_that_is_not_there_is_removed_without_complaint(tmp_path: Path) -> None:
    realm.remove(tmp_path / "none")
