# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of a throw-away Kerberos realm: its tools, its environment, tickets of every kind."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet import realm

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMAND = "EXCHANGE_REMEDIATION_KERBEROS"  # set: Kerberos must be there, its absence is a failure
_SECONDS = 60


def require_kerberos() -> None:
    """Skip where the machine has no Kerberos, naming what is missing; fail where CI demands it."""
    try:
        realm.require_tools()
        lacking = "" if shutil.which("kinit") else "kinit (Debian: krb5-user)"
        if importlib.util.find_spec("kerberos") is None:
            lacking = "the Python package pykerberos (pip install '.[kerberos]')"
    except ConfigError as error:
        lacking = str(error)
    if lacking:
        _absent(lacking)


def _absent(lacking: str) -> NoReturn:
    if os.environ.get(DEMAND):
        pytest.fail(f"{DEMAND} is set and Kerberos is not here: {lacking}")
    pytest.skip(f"no Kerberos here: {lacking}")


@dataclass(frozen=True, slots=True)
class Tickets:
    """``kinit`` and its caches for the account of a realm, which lies in ``folder``."""

    folder: Path
    account: str
    config: Path

    @property
    def principal(self) -> str:
        return f"{self.account}@{realm.REALM}"

    def environment(self, cache: str) -> dict[str, str]:
        return {"KRB5_CONFIG": str(self.config), "KRB5CCNAME": f"FILE:{self.path(cache)}"}

    def path(self, cache: str) -> Path:
        return self.folder / f"cache-{cache}"

    def take(self, cache: str, *options: str) -> None:
        """Take a new ticket with the account's keytab; ``-l``, ``-r``, ``-f`` and so on."""
        keytab = self.folder / "account.keytab"
        self._kinit(cache, "-k", "-t", str(keytab), *options, self.principal)

    def renew(self, cache: str) -> None:
        self._kinit(cache, "-R")

    def take_expired(self, cache: str) -> None:
        """Take a ticket that has run out when this returns, with one for the service in it."""
        self.take(cache, "-l", "1s")
        time.sleep(2.1)

    def take_with_another_clock(self, cache: str, clock: str, service: str = "") -> None:
        """Take a ticket while the controller's clock is off by ``clock``, for example ``+20m``.

        kinit notes in the cache how far its clock is from the domain's; after the clock was set,
        logins carry a time that is off by as much. The domain notices unless the cache holds a
        ticket for the ``service`` already; then the host does.
        """
        library = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
        if library is None:
            _absent("libfaketime (Debian: faketime)")
        with using({"LD_PRELOAD": str(library), "FAKETIME": clock}):
            self.take(cache)
            if service:
                self._run(cache, "kvno", "-q", service)

    def _kinit(self, cache: str, *options: str) -> None:
        self._run(cache, "kinit", *options)

    def _run(self, cache: str, *command: str) -> None:
        done = subprocess.run(
            command, env=os.environ | self.environment(cache), capture_output=True,
            text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@contextmanager
def using(environment: dict[str, str]) -> Iterator[None]:
    """Let this process log in with an environment, as libkrb5 reads it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield
