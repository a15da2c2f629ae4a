# SPDX-License-Identifier: GPL-3.0-or-later
"""Why Kerberos did not work, in words that name the cause and the cure.

Codes are those of MIT krb5 (``krb5.h``), which are the numbers of RFC 4120 section 7.5.9 for what
a key distribution centre or a host answers. Texts are only read where there is no code: of
``kinit``, which Ansible runs without a locale.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import AuthenticationFailed, ConfigError, NoTicket, RemediationError
from ...base.requirements import KERBEROS, cure

if TYPE_CHECKING:
    from collections.abc import Iterable

_BASE = -1765328384  # of the krb5 error table
_WORD = 1 << 32
CLIENT_UNKNOWN = _BASE + 6
SERVER_UNKNOWN = _BASE + 7
ENCRYPTION_TYPE = _BASE + 14
CLIENT_REVOKED = _BASE + 18
PASSWORD_EXPIRED = _BASE + 23
WRONG_PASSWORD = _BASE + 24
UNREADABLE = _BASE + 31
NOT_FOR_US = _BASE + 35
EXPIRED = _BASE + 32
NOT_YET_VALID = _BASE + 33
CLOCKS = _BASE + 37
MODIFIED = _BASE + 41
KEY_VERSION = _BASE + 44
NO_KEY = _BASE + 45
CONFIG_MISSING = _BASE + 135
CONFIG_BROKEN = _BASE + 136
NO_CACHE = _BASE + 141
REPLY_DIFFERS = _BASE + 147
REALM_UNKNOWN = _BASE + 154
KDC_SILENT = _BASE + 156
CACHE_UNREADABLE = _BASE + 194
NO_CACHE_FILE = _BASE + 195
NO_PREAUTHENTICATION = _BASE + 210
KDC_UNRESOLVED = _BASE + 220
NO_DEFAULT_REALM = _BASE + 224

_NEW_TICKET = "get one with `{kinit}` as the user who runs Ansible, with the same KRB5CCNAME"
_SPN = (
    "give the host by its full DNS name, or that name as ansible_winrm_kerberos_hostname_override "
    "(psrp: ansible_psrp_negotiate_hostname_override); `setspn -Q {spn}` tells whose name it is"
)
_REALM = "write it into [realms] of krb5.conf, in capitals, and set ansible_user with that spelling"
_TIME = (
    "the clocks are more than five minutes apart; set the time of the controller (`chronyc "
    "tracking`) and of the host (`w32tm /query /status`) by the domain's"
)
_KEY = (
    "the host cannot read the ticket, so {spn} belongs to another account or its key has changed; "
    "`setspn -Q {spn}` must name the host's computer account alone, then take a new ticket: `{kinit}`"
)

# What a renewed ticket or a key distribution centre that answers again would cure.
_PASSING = {
    NO_CACHE: f"there is no Kerberos ticket; {_NEW_TICKET}",
    NO_CACHE_FILE: f"there is no Kerberos ticket; {_NEW_TICKET}",
    CACHE_UNREADABLE: f"the ticket cache cannot be read; {_NEW_TICKET}",
    EXPIRED: "the Kerberos ticket has expired; get a new one with `{kinit}`, for a long run one that "
    "`kinit -R` renews",
    KDC_SILENT: "no domain controller of the realm answers; look at port 88 (TCP) and at the kdc of "
    "[realms] in krb5.conf",
    KDC_UNRESOLVED: "the domain controller's name does not resolve; look at DNS and at the kdc of "
    "[realms] in krb5.conf",
}
_WRONG = (
    "the password of {principal} is wrong; it was tried once, each further try counts for a lockout; "
    "correct ansible_password, or take a ticket with `{kinit}`"
)
_LASTING = {
    CLIENT_UNKNOWN: "the domain does not know {principal}; look at ansible_user, its realm is in "
    "capitals",
    SERVER_UNKNOWN: f"the domain does not know {{spn}}; {_SPN}",
    ENCRYPTION_TYPE: "account and controller share no encryption type; let the account use AES "
    "(msDS-SupportedEncryptionTypes) and set its password once more",
    CLIENT_REVOKED: "the account {principal} is disabled or locked; have it enabled, and find out "
    "first who locked it",
    PASSWORD_EXPIRED: "the password of {principal} has expired; change it with `kpasswd`",
    WRONG_PASSWORD: _WRONG,
    NO_PREAUTHENTICATION: _WRONG,
    UNREADABLE: _WRONG,  # what the key distribution centre answered, with a key of the password
    NOT_YET_VALID: f"the ticket is not valid yet: {_TIME}",
    CLOCKS: _TIME,
    CONFIG_MISSING: "krb5.conf cannot be read; look at /etc/krb5.conf or what KRB5_CONFIG names",
    CONFIG_BROKEN: "krb5.conf is malformed; look at /etc/krb5.conf or what KRB5_CONFIG names",
    REPLY_DIFFERS: "the domain answers for another name than was asked for; write the realm in "
    "capitals in ansible_user and krb5.conf",
    REALM_UNKNOWN: f"no domain controller of the realm is known; {_REALM}",
    NO_DEFAULT_REALM: "no realm is known; write default_realm into [libdefaults] of krb5.conf, or "
    "the realm into ansible_user (responder@CORP.EXAMPLE)",
}
_HOST_KEY = {UNREADABLE, MODIFIED, NOT_FOR_US, KEY_VERSION, NO_KEY}  # when the host says it
_UNTRUSTED = (
    "the domain of the ticket does not know the realm that {spn} is looked for in; map the host's "
    "DNS domain in [domain_realm] of krb5.conf to its realm, or take a ticket of a trusted domain"
)
_KINIT = (
    (re.compile(r"password incorrect|preauthentication failed", re.IGNORECASE), WRONG_PASSWORD),
    (re.compile(r"not found in kerberos database", re.IGNORECASE), CLIENT_UNKNOWN),
    (re.compile(r"cannot (?:find|locate) kdc for", re.IGNORECASE), REALM_UNKNOWN),
    (re.compile(r"cannot contact any kdc", re.IGNORECASE), KDC_SILENT),
    (re.compile(r"cannot resolve network address for kdc", re.IGNORECASE), KDC_UNRESOLVED),
    (re.compile(r"clock skew too great", re.IGNORECASE), CLOCKS),
    (re.compile(r"credentials have been revoked", re.IGNORECASE), CLIENT_REVOKED),
    (re.compile(r"password (?:has )?expired", re.IGNORECASE), PASSWORD_EXPIRED),
    (re.compile(r"kdc reply did not match expectations", re.IGNORECASE), REPLY_DIFFERS),
    (re.compile(r"does not specify default realm", re.IGNORECASE), NO_DEFAULT_REALM),
    (re.compile(r"improper format of kerberos configuration", re.IGNORECASE), CONFIG_BROKEN),
    (re.compile(r"no support for encryption type", re.IGNORECASE), ENCRYPTION_TYPE),
)
_OF_KINIT = re.compile(r"kerberos auth failure(?: for principal (?P<who>[^\s:]+))?", re.IGNORECASE)
_CODE = re.compile(r"-17653\d{5}\b")
_MAJOR = re.compile(r"^\(*[\"'][^\"']+[\"'], (\d+)\)")  # pykerberos: ((text, major), (text, minor))
_BY_MAJOR = {7: NO_CACHE, 11: EXPIRED}
_NO_LIBRARY = re.compile(
    r"kerberos library is not installed|pykerberos is not installed|requires the python gssapi",
    re.IGNORECASE,
)  # ansible's winrm, pywinrm, pyspnego
_NO_KINIT = (
    "kinit cannot be started; install the system's Kerberos client (Debian: apt-get install "
    "krb5-user), or take a ticket elsewhere and set ansible_winrm_kinit_mode: manual"
)


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in where, for messages; ``spn`` as in ``HTTP/exch01.corp.example``."""

    spn: str = "the host's service name"
    principal: str | None = None

    def fill(self, text: str) -> str:
        kinit = f"kinit {self.principal}" if self.principal else "kinit"
        who = self.principal or "the account"
        return text.format(spn=self.spn, principal=who, kinit=kinit)


def explain(code: int, said: str, login: Login) -> AuthenticationFailed:
    """Our error for a failure on this side: no ticket was had, nothing was sent to the host."""
    if code in _PASSING:
        return NoTicket(f"{login.fill(_PASSING[code])} ({said})")
    if code == SERVER_UNKNOWN and "krbtgt/" in said:
        return AuthenticationFailed(f"{login.fill(_UNTRUSTED)} ({said})")
    known = _LASTING.get(code, "Kerberos gives no ticket for {spn}; `klist` shows what there is")
    return AuthenticationFailed(f"{login.fill(known)} ({said})")


def explain_refusal(code: int | None, login: Login, apart: float | None) -> AuthenticationFailed:
    """Our error for a ticket that the host refused; ``apart``: its clock ahead of ours, seconds.

    The code comes from the host: it may lie about the cause, so the fact stands first.
    """
    refused = login.fill(
        "the host refused the ticket of {principal} for {spn}, it is not tried again"
    )
    if code in {EXPIRED, NOT_YET_VALID} or (code is None and _beyond(apart)):
        code = CLOCKS
    if code == CLOCKS:
        seconds = f" (the host's is {apart:+.0f} s off)" if apart else ""
        return AuthenticationFailed(f"{refused}: {_TIME}{seconds}")
    if code in _HOST_KEY:
        return AuthenticationFailed(f"{refused}: {login.fill(_KEY)}")
    return AuthenticationFailed(
        f"{refused}: is {login.principal or 'the account'} an administrator there, do the clocks "
        f"agree, and does `setspn -Q {login.spn}` name the host's computer account alone?"
    )


def explain_kinit(text: str) -> AuthenticationFailed | None:
    """Our error for what Ansible's winrm plugin says of a failed ``kinit``, None if it is another."""
    found = _OF_KINIT.search(text)
    if found is None:
        return None
    if "when calling kinit" in text:
        return AuthenticationFailed(f"{_NO_KINIT} ({text})")
    login = Login(principal=found["who"])
    for pattern, code in _KINIT:
        if pattern.search(text):
            return explain(code, text, login)
    return AuthenticationFailed(text)


def missing_library() -> ConfigError:
    """Our error for a controller that cannot speak Kerberos at all."""
    return ConfigError(
        "Kerberos needs Python packages that this controller lacks (on Debian first: apt-get install "
        f"krb5-user libkrb5-dev gcc python3-dev). {cure(KERBEROS)}"
    )


def explain_chain(chain: Iterable[BaseException], text: str) -> RemediationError | None:
    """Our error for what a foreign client raised, None if Kerberos had no part in it."""
    if _NO_LIBRARY.search(text):
        return missing_library()
    for link in chain:
        code = minor_code(link)
        if code in {UNREADABLE, MODIFIED}:
            return None  # a sealed reply that was changed says the same: no login has failed
        if code is not None:
            return explain(code, _said(link, text), Login())
    return explain_kinit(text)


def minor_code(error: BaseException) -> int | None:
    """The krb5 code of an error of pykerberos, gssapi or pywinrm's vendored requests-kerberos.

    GSS-API knows two of our situations without a krb5 code, by its major status (RFC 2744, 3.9.1).
    """
    major, minor = getattr(error, "maj_code", None), getattr(error, "min_code", None)
    if isinstance(major, int) and isinstance(minor, int):  # gssapi: both without a sign
        code = minor - _WORD if minor >= _WORD // 2 else minor
        return code if code < 0 else _BY_MAJOR.get(major >> 16)
    text = str(error.args) if error.args else ""
    if found := _CODE.search(text):
        return int(found[0])
    found = _MAJOR.search(text)
    return _BY_MAJOR.get(int(found[1]) >> 16) if found else None


def _said(error: BaseException, text: str) -> str:
    """The library's own words: pykerberos raises ((major, number), (minor, number))."""
    inner = error.args[-1] if error.args else text
    if isinstance(inner, tuple) and inner and isinstance(inner[0], str):
        return inner[0]
    return str(error) or text


def said(error: BaseException) -> str:
    """The library's own words for an error of pykerberos."""
    return _said(error, type(error).__name__)


def _beyond(apart: float | None) -> bool:
    return apart is not None and abs(apart) > 300  # noqa: PLR2004 - seconds that Kerberos allows
