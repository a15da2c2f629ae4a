# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about the other end of an Ansible connection, before and after it was used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError, RefusedError
from .preflight import (
    OURS,
    SETTINGS_READERS,
    ConnectionSettings,
    allowed_rules,
    missing_credentials,
    refusals,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BECOME_REFUSED = (
    "become is set, but over this connection Ansible would ignore it silently and the work would "
    "run unprivileged; remove become and connect as a local administrator of the host"
)
_OPTIONS = {
    "winrm": ("remote_addr", "remote_user", "remote_password", "port", "scheme", "transport"),
    "psrp": [
        "remote_addr",
        "remote_user",
        "remote_password",
        "port",
        "protocol",
        "auth",
        "cert_validation",
        "negotiate_delegate",
        "message_encryption",
    ],
}


def connection_settings(
    host: str, plugin: str, get_option: Callable[[str], Any]
) -> ConnectionSettings:
    """Read a connection's settings; raises :class:`RefusedError` if it is not WinRM at all."""
    kind = plugin.rpartition(".")[2]
    if kind not in SETTINGS_READERS:
        raise RefusedError(
            f"{host}: ansible_connection is {plugin}, which does not speak WinRM; set it to {OURS}"
        )
    options = {name: get_option(name) for name in _OPTIONS[kind]}
    if kind == "winrm":
        options["_extras"] = get_option("_extras")
    try:
        return SETTINGS_READERS[kind](plugin, options)
    except ValueError as error:
        raise ConfigError(f"{host}: {error}") from None


def checked_settings(
    host: str, plugin: str, get_option: Callable[[str], Any], allowed: object
) -> tuple[ConnectionSettings, tuple[str, ...]]:
    """Settings and waived rules of ``host``; raises before anything is sent.

    :raises RefusedError: a rule is broken and not waived by name.
    :raises ConfigError: a variable is missing or has the wrong type.
    """
    settings = connection_settings(host, plugin, get_option)
    try:
        waived = allowed_rules(host, allowed)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    broken = refusals(host, settings, waived)
    if broken:
        raise RefusedError(" ".join(broken))
    missing = missing_credentials(host, settings)
    if missing:
        raise ConfigError(" ".join(missing))
    return settings, waived


def peer_record(
    host: str,
    settings: ConnectionSettings | None,
    waived: tuple[str, ...],
    figures: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Whom we spoke to and how, for the report (I20)."""
    record: dict[str, Any] = {"inventory_name": host}
    if settings is not None:
        record |= settings.record(waived)
    return record | dict(figures or {})
