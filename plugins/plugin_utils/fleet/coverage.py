# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the inventory hold every Exchange server of the directory? Pure.

A server that nobody listed is in no report unless the directory is asked; it is the one that an
intruder keeps.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.model import Build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .directory import DirectoryServer

NOT_LISTED = "not-in-inventory"


@dataclass(frozen=True, slots=True)
class VersionConflict:
    """One server of which directory and assessment say different cumulative updates."""

    host: str
    directory: str
    assessed: str

    @property
    def reason(self) -> str:
        """The conflict as a sentence."""
        return (
            f"{self.host}: the directory says {self.directory}, its files say {self.assessed}; "
            "another server answers under this name, or a cumulative update ended half way"
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """What comparing found.

    ``missing``: in the directory, in no inventory. ``unlisted``: in the inventory, not in the
    directory. ``ambiguous``: server of the directory -> hosts that may be it. ``unversioned``:
    servers whose version the directory writes in no known form.
    """

    matched: Mapping[str, str]  # server of the directory -> host of the inventory
    missing: tuple[DirectoryServer, ...]
    unlisted: tuple[str, ...]
    ambiguous: Mapping[str, tuple[str, ...]]
    conflicts: tuple[VersionConflict, ...]
    unversioned: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every server of the directory is one host of the inventory, and agrees."""
        return not (self.missing or self.ambiguous or self.conflicts)


def compare(
    servers: Iterable[DirectoryServer],
    hosts: Mapping[str, str | None],
    assessed: Mapping[str, str | None] | None = None,
) -> Coverage:
    """Compare the directory with an inventory.

    ``hosts``: name -> address that it is reached at (``ansible_host``), None for its name.
    ``assessed``: host -> build of its files (``15.1.2176.9``), as far as a report knows it.
    """
    servers = tuple(servers)
    by_name, by_label = _names(hosts)
    matched: dict[str, str] = {}
    missing: list[DirectoryServer] = []
    ambiguous: dict[str, tuple[str, ...]] = {}
    for server in servers:
        found = _hosts_of(server, by_name, by_label)
        if not found:
            missing.append(server)
        elif len(found) > 1:
            ambiguous[server.shown] = tuple(sorted(found))
        else:
            matched[server.shown] = found[0]
    ambiguous.update(_shared(matched))
    seen = {*matched.values(), *(host for several in ambiguous.values() for host in several)}
    return Coverage(
        matched=matched,
        missing=tuple(missing),
        unlisted=tuple(sorted(set(hosts) - seen)),
        ambiguous=ambiguous,
        conflicts=tuple(_conflicts(servers, matched, assessed or {})),
        unversioned=tuple(server.shown for server in servers if server.build is None),
    )


def missing_reason(server: DirectoryServer) -> str:
    """Why a server of the directory is in a report without having been asked."""
    version = f", {server.version}" if server.version else ""
    roles = f", {', '.join(server.roles)}" if server.roles else ""
    return (
        f"the directory knows this Exchange server ({server.name}{version}{roles}) and the "
        "inventory does not: add it, and run again"
    )


def unaccounted(coverage: Coverage, hosts: Iterable[str]) -> dict[str, str]:
    """Servers of the directory that are no one host of the inventory -> why; never under a host's name.

    What cannot be told apart was not asked for sure, so it counts as what nobody listed does.
    """
    reasons = {server.shown: missing_reason(server) for server in coverage.missing}
    for name, several in coverage.ambiguous.items():
        reasons[name] = (
            f"the directory knows this Exchange server, and which host it is cannot be told: it may be "
            f"{' or '.join(several)}; list each server by its full name, once, and run again"
        )
    taken = {host.casefold() for host in hosts}
    return {
        f"{name} (in the directory)" if name.casefold() in taken else name: reason
        for name, reason in reasons.items()
    }


def _label(name: str) -> str | None:
    """The first part of a host's name; None for an address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.partition(".")[0].casefold() or None
    return None


def _plain(name: str) -> str:
    return name.strip().rstrip(".").casefold()


def _names(
    hosts: Mapping[str, str | None],
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    by_name: dict[str, set[str]] = defaultdict(set)
    by_label: dict[str, set[str]] = defaultdict(set)
    for host, address in hosts.items():
        for name in filter(None, (host, address)):
            by_name[_plain(name)].add(host)
            label = _label(_plain(name))
            if label:
                by_label[label].add(host)
    return by_name, by_label


def _hosts_of(
    server: DirectoryServer, by_name: Mapping[str, set[str]], by_label: Mapping[str, set[str]]
) -> list[str]:
    """Hosts that may be this server: by its full name, else by its short one."""
    if server.fqdn and by_name.get(_plain(server.fqdn)):
        return sorted(by_name[_plain(server.fqdn)])
    found = by_label.get(_plain(server.name), set())
    if not server.fqdn:
        return sorted(found)
    # EX01.a.example is not EX01.b.example; a host that is listed by its short name may be either.
    return sorted(
        host
        for host in found
        if "." not in host or _plain(host) == _plain(server.fqdn) or _label(_plain(host)) is None
    )


def _shared(matched: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Take out servers of the directory that one host would have to be all of."""
    claims: dict[str, list[str]] = defaultdict(list)
    for server, host in matched.items():
        claims[host].append(server)
    shared: dict[str, tuple[str, ...]] = {}
    for host, several in claims.items():
        if len(several) > 1:
            for server in several:
                del matched[server]
                shared[server] = (host,)
    return shared


def _conflicts(
    servers: Iterable[DirectoryServer],
    matched: Mapping[str, str],
    assessed: Mapping[str, str | None],
) -> Iterable[VersionConflict]:
    for server in servers:
        host = matched.get(server.shown)
        build = assessed.get(host) if host else None
        if host is None or not build or server.build is None:
            continue
        if server.build.cumulative_update != Build.parse(build).cumulative_update:
            yield VersionConflict(host, str(server.build), build)


def coverage_dict(coverage: Coverage) -> dict[str, Any]:
    """Return it as ``inventory compare --json`` prints it."""
    return {
        "complete": coverage.complete,
        "matched": dict(coverage.matched),
        "not_in_inventory": [
            {
                "server": server.shown,
                "name": server.name,
                "version": server.version,
                "build": str(server.build) if server.build else None,
                "roles": list(server.roles),
                "where": server.where,
            }
            for server in coverage.missing
        ],
        "not_in_directory": list(coverage.unlisted),
        "ambiguous": {name: list(hosts) for name, hosts in coverage.ambiguous.items()},
        "version_conflicts": [
            {"host": entry.host, "directory": entry.directory, "assessed": entry.assessed}
            for entry in coverage.conflicts
        ],
        "unknown_version": list(coverage.unversioned),
    }
