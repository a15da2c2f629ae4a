# SPDX-License-Identifier: GPL-3.0-or-later
"""The one account that a simulated host accepts, and the file that tells pyspnego of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .md4 import nt_hash

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """User name without domain, password, and the domains under which it may be named."""

    username: str
    password: str
    domains: tuple[str, ...] = ()

    def is_named(self, given: str) -> bool:
        r"""Tell whether ``given`` (name, DOMAIN\name or name@domain) means this account."""
        domain, name = "", given
        if "\\" in given:
            domain, _, name = given.partition("\\")
        elif "@" in given:
            name, _, domain = given.rpartition("@")
        known = {"", ".", *(known.lower() for known in self.domains)}
        return name.lower() == self.username.lower() and domain.lower() in known

    def ntlm_lines(self) -> str:
        """Return the account in smbpasswd format, once for each spelling of its name."""
        names = [self.username, f".\\{self.username}"]
        for domain in self.domains:
            names += [f"{domain}\\{self.username}", f"{self.username}@{domain}"]
        hashed = nt_hash(self.password).hex().upper()
        return "".join(f"{name}:1000:{'0' * 32}:{hashed}:[U]:LCT-0\n" for name in names)


def write_user_file(folder: Path, name: str, account: Account) -> Path:
    """Write the NTLM user file of a host into a private folder, mode 0600; return its path."""
    path = folder / f"{name}.ntlm"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(account.ntlm_lines())
    return path
