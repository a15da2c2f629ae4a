# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs to accept Kerberos tickets, and what the libraries below read from where.

libkrb5 takes its configuration, keytab and replay cache from environment variables, pyspnego's NTLM
its users. Each host has its own, and the variables are set only while a token is computed, so that
many hosts live in one process and the machine's own files play no part.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

with suppress(ImportError):
    import gssapi

    # The token that tells the client why must come with the error, which pyspnego else drops.
    setattr(gssapi.SecurityContext, "__DEFER_STEP_ERRORS__", False)  # noqa: B010 - not in its stubs

_NO_BINDING_IS_THIS = b"tls-server-end-point:no certificate at all"


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """``krb5.conf`` of the realm, and the keytab with the keys of one host's service names."""

    config: Path
    keytab: Path


@contextmanager
def files(users: Path, keys: ServiceKeys | None) -> Iterator[None]:
    """Point the libraries at a host's files; nothing may be awaited inside."""
    wanted = {
        "NTLM_USER_FILE": str(users),
        "KRB5_CONFIG": str(keys.config) if keys else os.devnull,
        "KRB5_KTNAME": f"FILE:{keys.keytab}" if keys else f"FILE:{os.devnull}",
        "KRB5RCACHENAME": "none:",  # the default one is a file outside of the fleet's folder
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def is_bound(token: bytes) -> bool:
    """Tell whether a ticket that was just accepted is bound to any certificate (inside `files`).

    MIT krb5 also accepts a ticket without a binding where one is wanted, which Windows calls
    Relaxed; a ticket that fits a certificate that nobody has is bound to none.
    """
    nobody = GssChannelBindings(application_data=_NO_BINDING_IS_THIS)
    try:
        spnego.server(protocol="negotiate", channel_bindings=nobody).step(token)
    except (SpnegoError, AttributeError):
        return True
    return False
