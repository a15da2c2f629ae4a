# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before the first packet leaves, decided from connection settings alone.

A suspect host gets no password that it can read, no ticket that it can forward, and nothing goes
to a server that has not shown who it is, or over a connection that does what the server says. Each rule has a name; naming it in the variable
``exchange_allow_insecure`` allows it for that host, and the name ends up in the report.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ALLOW_VARIABLE = "exchange_allow_insecure"
OURS = "exchange.remediation.winrm"  # the one connection that is guarded against the server
_PASSWORD_SCHEMES = frozenset({"basic", "plaintext", "ssl"})
_PASSWORDLESS = frozenset({"kerberos", "certificate", "negotiate"})
_HTTP_PORT = 5985
_WAYS = ("kerberos", "certificate", "ntlm", "ssl", "basic", "plaintext", "credssp")

# ``{connection}``: the value of ansible_connection.
RULES: Mapping[str, str] = {
    "stock_connection": "ansible_connection is {connection}, which follows a redirect and hands login "
    "and commands to another host in clear, and holds gigabytes if a hostile host sends them; "
    f"set ansible_connection: {OURS}",
    "basic_over_http": "Basic over HTTP sends the password in clear; use Kerberos over HTTPS",
    "cleartext_http": "HTTP without message encryption lets anybody read and change the commands; "
    "remove the message_encryption setting or use HTTPS",
    "credssp": "CredSSP hands the full credentials to the host; use Kerberos without delegation",
    "delegation": "delegation gives the host a ticket that works everywhere; "
    "remove the delegation setting",
    "unverified_tls": "the server's certificate is not verified; set its CA with "
    "ansible_winrm_ca_trust_path (psrp: ansible_psrp_ca_cert) and validate",
}


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How one host is about to be reached; no secret in it."""

    plugin: str
    address: str
    port: int
    scheme: str
    authentication: tuple[str, ...]
    verify_tls: bool
    delegation: bool
    encrypted_messages: bool
    user: str | None
    password_given: bool

    def record(self, allowed: tuple[str, ...]) -> dict[str, Any]:
        """The settings as the report shows them, with the rules that were waived."""
        known = asdict(self)
        del known["password_given"], known["user"]
        return {
            **known,
            "authentication": list(self.authentication),
            "password_reaches_host": bool(_PASSWORD_SCHEMES & set(self.authentication)),
            "allowed_insecure": [rule for rule in _broken_rules(self) if rule in allowed],
        }


def _broken_rules(settings: ConnectionSettings) -> list[str]:
    ways = set(settings.authentication)
    plain = settings.scheme == "http"
    return [
        rule
        for rule, broken in {
            "stock_connection": settings.plugin != OURS,
            "basic_over_http": plain and bool(ways & _PASSWORD_SCHEMES),
            "cleartext_http": plain
            and not settings.encrypted_messages
            and not ways & _PASSWORD_SCHEMES,
            "credssp": "credssp" in ways,
            "delegation": settings.delegation,
            "unverified_tls": not plain and not settings.verify_tls,
        }.items()
        if broken
    ]


def refusals(host: str, settings: ConnectionSettings, allowed: tuple[str, ...]) -> list[str]:
    """One sentence for each rule that the settings break and nobody has waived by name."""
    return [
        f"{host}: {RULES[rule].format(connection=settings.plugin)}, "
        f"or allow it for this host with {ALLOW_VARIABLE}: [{rule}]"
        for rule in _broken_rules(settings)
        if rule not in allowed
    ]


def missing_credentials(host: str, settings: ConnectionSettings) -> list[str]:
    """Say which credential variable is missing; Kerberos and certificates need no password."""
    problems = []
    ways = set(settings.authentication)
    if not settings.user and not ways & _PASSWORDLESS:
        problems.append(
            f"{host}: ansible_user is not set and {'/'.join(sorted(ways))} needs it; "
            "set it in group_vars, or ansible_winrm_transport: kerberos with a ticket from kinit"
        )
    elif not settings.password_given and not ways & _PASSWORDLESS:
        problems.append(
            f"{host}: ansible_password is not set for user {settings.user} and "
            f"{'/'.join(sorted(ways))} needs it; take it from Ansible Vault or run with --ask-pass"
        )
    return problems


def allowed_rules(host: str, value: object) -> tuple[str, ...]:
    """Read the waiver variable; raises ``ValueError`` naming host, variable, value and cure."""
    names = [value] if isinstance(value, str) else value
    if names is None:
        return ()
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"{host}: {ALLOW_VARIABLE} must be a list of names, not {value!r}; "
            f"known names: {', '.join(RULES)}"
        )
    unknown = [name for name in names if name not in RULES]
    if unknown:
        raise ValueError(
            f"{host}: {ALLOW_VARIABLE} names {', '.join(unknown)}, which is no rule; "
            f"known names: {', '.join(RULES)}"
        )
    return tuple(str(name) for name in names)


def winrm_settings(plugin: str, options: Mapping[str, Any]) -> ConnectionSettings:
    """Settings of ``winrm`` connections from their resolved options (``_extras`` included)."""
    extras = options.get("_extras") or {}
    port = _integer("ansible_port", options.get("port") or 5986)
    scheme = options.get("scheme") or ("http" if port == _HTTP_PORT else "https")
    user = options.get("remote_user")
    ways = _ways(options.get("transport"))
    if not ways:
        stock = "kerberos" if user and "@" in user else ("ssl" if scheme == "https" else "basic")
        ways = ("kerberos",) if plugin == OURS else (stock,)
    unknown = [way for way in ways if way not in _WAYS]
    if unknown:
        raise ValueError(
            f"ansible_winrm_transport names {', '.join(unknown)}, which is no authentication; "
            f"known: {', '.join(_WAYS)}"
        )
    return ConnectionSettings(
        plugin=plugin,
        address=str(options.get("remote_addr") or ""),
        port=port,
        scheme=scheme,
        authentication=_certificate_first(ways, extras),
        verify_tls=extras.get("ansible_winrm_server_cert_validation", "validate") == "validate",
        delegation=_truth(extras.get("ansible_winrm_kerberos_delegation", False)),
        encrypted_messages=extras.get("ansible_winrm_message_encryption", "auto") != "never",
        user=user,
        password_given=bool(options.get("remote_password")),
    )


def psrp_settings(plugin: str, options: Mapping[str, Any]) -> ConnectionSettings:
    """Settings of ``psrp`` connections from their resolved options."""
    protocol, port = options.get("protocol"), options.get("port")
    if protocol is None:
        protocol = "http" if port is not None and int(port) == _HTTP_PORT else "https"
    default_port = _HTTP_PORT if protocol == "http" else 5986
    return ConnectionSettings(
        plugin=plugin,
        address=str(options.get("remote_addr") or ""),
        port=_integer("ansible_port", default_port if port is None else port),
        scheme=protocol,
        authentication=(str(options.get("auth") or "negotiate"),),
        verify_tls=options.get("cert_validation") != "ignore",
        delegation=_truth(options.get("negotiate_delegate") or False),
        encrypted_messages=options.get("message_encryption") != "never",
        user=options.get("remote_user"),
        password_given=bool(options.get("remote_password")),
    )


SETTINGS_READERS = {"winrm": winrm_settings, "psrp": psrp_settings}


def _ways(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else list(value or ())  # type: ignore[call-overload]
    return tuple(str(name) for name in names if name)


def _certificate_first(ways: tuple[str, ...], extras: Mapping[str, Any]) -> tuple[str, ...]:
    """Pywinrm's ``ssl`` means a client certificate if one is configured, else Basic."""
    pair = extras.get("ansible_winrm_cert_pem") and extras.get("ansible_winrm_cert_key_pem")
    return tuple("certificate" if way == "ssl" and pair else way for way in ways)


def _integer(variable: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError(f"{variable} must be a port number, not {value!r}") from None


def _truth(value: object) -> bool:
    return value is True or str(value).strip().lower() in {"true", "yes", "on", "1", "t", "y"}
