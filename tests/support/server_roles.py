# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of every role with an update that its installer installs well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from patched_host import AT, INSTALLS, LISTED, NEW_FILES, SPEC, record

_2013 = {"product": "Exchange2013", "cu": "CU23", "build": "15.0.1497.2"}


class Role(NamedTuple):
    """One server, what its installer does, the package, and the proofs that it has nothing for."""

    spec: dict[str, Any]
    installs: dict[str, Any]
    store: PackageCatalogue
    aside: set[str]


def _store(target: str, before: str, product: str, cu: str) -> PackageCatalogue:
    package = replace(
        record(),
        product=product,
        cu=cu,
        build=Build.parse(target),
        applies_to=(Build.parse(before),),
    )
    return PackageCatalogue("x", 1, AT, AT, (package,))


def _of_2016(role: str, *aside: str) -> Role:
    store = _store("15.1.2176.9", "15.1.2176.2", "Exchange2016", "CU19")
    return Role({**SPEC, "role": role}, dict(INSTALLS), store, set(aside))


def _of_2013(role: str, *aside: str) -> Role:
    files = {**NEW_FILES, "version": "15.00.1497.012"}
    installs = {**INSTALLS, "effects": [files, LISTED, {"kind": "pending-reboot"}]}
    store = _store("15.0.1497.12", "15.0.1497.2", "Exchange2013", "CU23")
    return Role({**SPEC, "exchange": _2013, "role": role}, installs, store, set(aside))


ROLES = {
    "mailbox-2016": _of_2016("Mailbox"),
    "edge-2016": _of_2016("Edge", "pools", "probe"),
    "tools-2016": _of_2016("ManagementTools", "components", "pools", "probe"),
    "both-2013": _of_2013("Mailbox"),
    "client-access-2013": _of_2013("ClientAccess"),
    "mailbox-only-2013": _of_2013("MailboxOnly", "probe"),
    "edge-2013": _of_2013("Edge", "pools", "probe"),
}
