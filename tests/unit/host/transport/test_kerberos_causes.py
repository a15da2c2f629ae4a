# SPDX-License-Identifier: GPL-3.0-or-later
"""What each code of Kerberos means to an operator, without Kerberos."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    AuthenticationFailed,
    ConfigError,
    NoTicket,
    is_unseen,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import (
    kerberos_causes as causes,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.classify import (
    classify,
)

LOGIN = causes.Login("HTTP/exch01.corp.example", "responder@CORP.EXAMPLE")
# Numbers of krb5.h of MIT krb5 1.20.
CODES: tuple[tuple[int, type[AuthenticationFailed], str], ...] = (
    (-1765328378, AuthenticationFailed, "does not know responder@CORP.EXAMPLE"),
    (-1765328377, AuthenticationFailed, "setspn -Q HTTP/exch01.corp.example"),
    (-1765328370, AuthenticationFailed, "let the account use AES"),
    (-1765328366, AuthenticationFailed, "disabled or locked"),
    (-1765328361, AuthenticationFailed, "kpasswd"),
    (-1765328360, AuthenticationFailed, "is wrong; it was tried once"),
    (-1765328353, AuthenticationFailed, "is wrong; it was tried once"),
    (-1765328174, AuthenticationFailed, "is wrong; it was tried once"),
    (-1765328352, NoTicket, "has expired; get a new one with `kinit responder@CORP.EXAMPLE`"),
    (-1765328351, AuthenticationFailed, "not valid yet: the clocks"),
    (-1765328347, AuthenticationFailed, "more than five minutes apart"),
    (-1765328249, AuthenticationFailed, "krb5.conf cannot be read"),
    (-1765328248, AuthenticationFailed, "krb5.conf is malformed"),
    (-1765328243, NoTicket, "no Kerberos ticket; get one with `kinit responder@CORP.EXAMPLE`"),
    (-1765328237, AuthenticationFailed, "write the realm in capitals"),
    (-1765328230, AuthenticationFailed, "[realms] of krb5.conf, in capitals"),
    (-1765328228, NoTicket, "no domain controller of the realm answers; look at port 88"),
    (-1765328190, NoTicket, "cache cannot be read"),
    (-1765328189, NoTicket, "no Kerberos ticket"),
    (-1765328164, NoTicket, "name does not resolve"),
    (-1765328160, AuthenticationFailed, "default_realm into [libdefaults]"),
    (-1765328200, AuthenticationFailed, "`klist` shows what there is"),
)


@pytest.mark.parametrize(("code", "kind", "words"), CODES)
def test_each_code_has_its_cause_and_cure(
    code: int, kind: type[AuthenticationFailed], words: str
) -> None:
    error = causes.explain(code, "the library's words", LOGIN)
    assert type(error) is kind
    assert words in str(error)
    assert str(error).endswith("(the library's words)")


def test_every_known_code_is_tried_here() -> None:
    tried = {code for code, _, _ in CODES}
    assert causes._PASSING.keys() | causes._LASTING.keys() <= tried


def test_realm_without_trust_is_no_unknown_host() -> None:
    said = "Server krbtgt/OTHER.EXAMPLE@CORP.EXAMPLE not found in Kerberos database"
    assert "[domain_realm]" in str(causes.explain(causes.SERVER_UNKNOWN, said, LOGIN))


REFUSALS: tuple[tuple[int | None, float | None, str], ...] = (
    (causes.CLOCKS, None, "five minutes apart"),
    (causes.CLOCKS, 1200.0, "(the host's is +1200 s off)"),
    (causes.EXPIRED, -900.0, "five minutes apart"),
    (causes.NOT_YET_VALID, None, "five minutes apart"),
    (None, 301.0, "five minutes apart"),
    (None, 299.0, "is responder@CORP.EXAMPLE an administrator there"),
    (None, None, "an administrator there"),
    (causes.MODIFIED, 2.0, "cannot read the ticket"),
    (causes.UNREADABLE, None, "cannot read the ticket"),
    (causes.NO_KEY, None, "cannot read the ticket"),
    (causes.NOT_FOR_US, None, "cannot read the ticket"),
    (causes.KEY_VERSION, None, "cannot read the ticket"),
    (causes.NO_CACHE, None, "an administrator there"),
)


@pytest.mark.parametrize(("code", "apart", "words"), REFUSALS)
def test_refusal_by_the_host_is_final_whatever_it_says(
    code: int | None, apart: float | None, words: str
) -> None:
    error = causes.explain_refusal(code, LOGIN, apart)
    assert type(error) is AuthenticationFailed
    assert str(error).startswith("the host refused the ticket of responder@CORP.EXAMPLE for HTTP/")
    assert "not tried again" in str(error)
    assert words in str(error)


class GssError(Exception):
    """As gssapi raises them."""

    def __init__(self, maj_code: int, min_code: int) -> None:
        super().__init__("words of gssapi")
        self.maj_code, self.min_code = maj_code, min_code


UNSPECIFIED = 851968
FOREIGN: tuple[tuple[BaseException, int | None], ...] = (
    (GssError(UNSPECIFIED, 2529638944), causes.EXPIRED),
    (GssError(UNSPECIFIED, 2529639053), causes.NO_CACHE),
    (GssError(720896, 100001), causes.EXPIRED),
    (GssError(458752, 0), causes.NO_CACHE),
    (GssError(UNSPECIFIED, 0), None),
    (RuntimeError(("Unspecified GSS failure", UNSPECIFIED), ("Ticket expired", -1765328352)), causes.EXPIRED),
    (RuntimeError(("The referenced credential has expired", 720896), ("Success", 100001)), causes.EXPIRED),
    (RuntimeError("authGSSClientStep() failed: (('x', 851968), ('y', -1765328347))"), causes.CLOCKS),
    (RuntimeError("nothing of Kerberos, port 17653"), None),
    (RuntimeError(), None),
)  # fmt: skip


@pytest.mark.parametrize(("error", "code"), FOREIGN, ids=lambda case: str(case)[:40])
def test_code_is_found_in_the_errors_of_all_libraries(
    error: BaseException, code: int | None
) -> None:
    assert causes.minor_code(error) == code


KINIT: tuple[tuple[str, type[Exception], str], ...] = (
    ("Password incorrect while getting initial credentials", AuthenticationFailed, "tried once"),
    (
        "Preauthentication failed while getting initial credentials",
        AuthenticationFailed,
        "tried once",
    ),
    ("Client 'x@R' not found in Kerberos database", AuthenticationFailed, "look at ansible_user"),
    ('Cannot find KDC for realm "corp.example"', AuthenticationFailed, "in capitals"),
    ("Cannot contact any KDC for realm 'R'", NoTicket, "port 88"),
    ("Cannot resolve network address for KDC in realm", NoTicket, "does not resolve"),
    ("Clock skew too great while getting", AuthenticationFailed, "five minutes"),
    ("Client's credentials have been revoked", AuthenticationFailed, "disabled or locked"),
    ("Password has expired while getting", AuthenticationFailed, "kpasswd"),
    ("KDC reply did not match expectations", AuthenticationFailed, "in capitals"),
    ("Configuration file does not specify default realm", AuthenticationFailed, "default_realm"),
    ("Improper format of Kerberos configuration file", AuthenticationFailed, "malformed"),
    ("Something that nobody knows", AuthenticationFailed, "Something that nobody knows"),
)


@pytest.mark.parametrize(("said", "kind", "words"), KINIT)
def test_words_of_kinit_have_cause_and_cure(said: str, kind: type[Exception], words: str) -> None:
    text = f"Kerberos auth failure for principal responder@CORP.EXAMPLE: kinit: {said}"
    error = classify(AnsibleConnectionFailure(text))
    assert type(error) is kind
    assert words in str(error)


def test_kinit_that_is_not_there_is_named() -> None:
    text = "Kerberos auth failure when calling kinit cmd 'kinit': No such file or directory"
    assert "apt-get install krb5-user" in str(causes.explain_kinit(text))


@pytest.mark.parametrize(
    "text",
    [
        "WinRM Kerberos authentication requested but the python kerberos library is not installed. ",
        "kerberos: requested auth method is kerberos, but pykerberos is not installed",
        "GSSAPIProxy requires the Python gssapi library: No module named 'gssapi'",
    ],
)
def test_missing_package_is_an_error_of_the_controller(text: str) -> None:
    error = classify(AnsibleConnectionFailure(text))
    assert type(error) is ConfigError
    assert re.search(r"libkrb5-dev.*pip install -r \S*requirements-kerberos\.txt", str(error))


def test_what_is_not_of_kerberos_is_left_to_others() -> None:
    assert causes.explain_chain([OSError(111, "Connection refused")], "Connection refused") is None


@pytest.mark.parametrize("code", [causes.UNREADABLE, causes.MODIFIED])
def test_reply_that_was_changed_on_the_way_is_no_refused_login(code: int) -> None:
    broken = RuntimeError(("Unspecified GSS failure", UNSPECIFIED), ("integrity", code))
    error = classify(broken)
    assert not isinstance(error, AuthenticationFailed)


def test_without_a_ticket_nothing_was_seen_of_the_host() -> None:
    assert is_unseen(NoTicket.code)
