# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kerberos realm of the fleet's own: configuration, database, the account, keys of each host.

Everything lies in one private folder and is gone with the fleet. Passwords reach MIT's tools on
standard input, never on a command line, which every user of the machine could read.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base import disk
from ...base.errors import ConfigError
from ..engine import ConnectionState
from ..wsman.auth_kerberos import ServiceKeys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ..engine import Credentials, SimulatedHost

FOLDER = "kerberos"
REALM = "REHEARSAL.EXAMPLE"
TOOLS = ("kdb5_util", "kadmin.local", "krb5kdc", "setpriv")
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"  # servers are not on a user's PATH
# What clients ask for: pywinrm and WinRM's own use HTTP, Ansible's psrp WSMAN.
_SERVICES = ("HTTP", "WSMAN")
_SECONDS = 60.0

_KRB5 = """\
[libdefaults]
  default_realm = {realm}
  default_ccache_name = FILE:{folder}/tickets
  dns_canonicalize_hostname = false
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_uri_lookup = false
  rdns = false
  forwardable = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
{domains}
"""
_KDC = """\
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/acl
    max_life = 10h
    max_renewable_life = 7d
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{folder}/kdc.log
  default = FILE:{folder}/kdc.log
"""


@dataclass(frozen=True, slots=True)
class Realm:
    """The files of a realm whose key distribution centre listens on a port of loopback."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        """``krb5.conf``: what KRB5_CONFIG has to name."""
        return self.folder / "krb5.conf"

    def environment(self) -> dict[str, str]:
        """The whole environment of MIT's servers and tools: nothing of ours, no locale."""
        return {
            "PATH": os.pathsep.join((os.environ.get("PATH", ""), _SYSTEM)),
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "LC_ALL": "C",
        }

    def create(self, hosts: Iterable[SimulatedHost], account: Credentials) -> None:
        """Write configuration, database, and keytabs; raises ConfigError naming what failed."""
        self.folder.mkdir(mode=0o700)
        hosts = list(hosts)
        names = {"realm": REALM, "folder": str(self.folder), "port": str(self.port)}
        domains = sorted({domain for host in hosts if (domain := _domain(host))})
        mapped = "\n".join(f"  .{domain} = {REALM}" for domain in domains)
        disk.replace(self.config, _KRB5.format(**names, domains=mapped).encode())
        disk.replace(self.folder / "kdc.conf", _KDC.format(**names).encode())
        master = secrets.token_urlsafe(24)
        self._tool(("kdb5_util", "create", "-s"), f"{master}\n{master}\n")
        self._tool(("kadmin.local",), "".join(f"{line}\n" for line in self._orders(hosts, account)))
        missing = [path.name for path in self._keytabs(hosts, account) if not path.is_file()]
        if missing:
            raise ConfigError(f"kadmin.local wrote no {', '.join(missing)} into {self.folder}.")

    def keys(self, host: SimulatedHost) -> ServiceKeys | None:
        """The keys with which a host accepts tickets; None for one outside of the domain."""
        keytab = self._keytab(host)
        return ServiceKeys(self.config, keytab) if keytab.is_file() else None

    def account_keytab(self) -> Path:
        """The keytab of the fleet's account, for ``kinit -k -t``."""
        return self.folder / "account.keytab"

    def _keytab(self, host: SimulatedHost) -> Path:
        return self.folder / f"{host.name}.keytab"

    def _keytabs(self, hosts: Iterable[SimulatedHost], account: Credentials) -> list[Path]:
        return [
            self.account_keytab(),
            *(self._keytab(host) for host in hosts if _in_domain(host, account)),
        ]

    def _orders(self, hosts: Iterable[SimulatedHost], account: Credentials) -> list[str]:
        name = _quoted(account.username)
        orders = [
            f"addprinc +requires_preauth -pw {_quoted(account.password)} {name}",
            f"ktadd -norandkey -k {_quoted(str(self.account_keytab()))} {name}",
        ]
        for host in hosts:
            if not service_host(host):
                continue
            for service in _SERVICES:
                principal = _quoted(f"{service}/{service_host(host)}")
                orders.append(f"addprinc -randkey {principal}")
                if _in_domain(host, account):
                    keytab = _quoted(str(self._keytab(host)))
                    orders.append(f"ktadd -norandkey -k {keytab} {principal}")
        return orders

    def _tool(self, command: Sequence[str], text: str) -> None:
        done = subprocess.run(  # noqa: S603 - a tool found by `require_tools`
            [tool_path(command[0]), *command[1:]],
            input=text, text=True, capture_output=True, env=self.environment(), timeout=_SECONDS,
            check=False,
        )  # fmt: skip
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise ConfigError(f"{command[0]} for {self.folder} failed: {last[0]}")


def remove(folder: Path) -> None:
    """Remove a realm's folder, keys and tickets with it; one that is not there is fine."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def require_tools() -> None:
    """Raise ConfigError naming what this machine lacks for a realm, and where it comes from."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=_search()) is None]
    if missing:
        raise ConfigError(
            f"--kerberos needs {', '.join(missing)}; on Debian: apt-get install krb5-kdc "
            "krb5-admin-server krb5-user util-linux (no service of them has to run)."
        )
    packages = [name for name in ("gssapi", "krb5") if importlib.util.find_spec(name) is None]
    if packages:
        raise ConfigError(
            f"--kerberos needs the Python packages {', '.join(packages)}; on Debian: apt-get install "
            "libkrb5-dev gcc python3-dev, then pip install 'pyspnego[kerberos]'."
        )


def tool_path(tool: str) -> str:
    """The program's path; raises ConfigError."""
    found = shutil.which(tool, path=_search())
    if found is None:
        raise ConfigError(f"{tool} is missing; see `rehearse up --kerberos`.")
    return found


def service_host(host: SimulatedHost) -> str | None:
    """The full DNS name under which the domain knows a host; None outside of a domain."""
    domain = _domain(host)
    return f"{host.world.data['name']}.{domain}".lower() if domain else None


def principal_of(account: Credentials) -> str:
    """The account as Kerberos names it."""
    return f"{account.username}@{REALM}"


def _domain(host: SimulatedHost) -> str:
    return str(host.world.data.get("domain") or "").lower()


def _in_domain(host: SimulatedHost, account: Credentials) -> bool:
    """Whether the host takes the fleet's account by ticket: it has a domain and knows the account."""
    known = host.credentials is None or host.credentials.username == account.username
    refuses = host.connection is ConnectionState.WRONG_CREDENTIALS
    return bool(_domain(host)) and known and not refuses


def _search() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), _SYSTEM))


def _quoted(word: str) -> str:
    """One word for kadmin, which ends a command at a line's end and doubles quotes in quotes."""
    if any(ord(letter) < ord(" ") for letter in word):
        raise ConfigError(f"{word!r} has control characters; Kerberos takes none in names.")
    return '"' + word.replace('"', '""') + '"'
