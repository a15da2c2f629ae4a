# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sites of a server serve clients, and where a server can ask them itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..facts.read import named, rows, text
from .mitigations.rewrite import fold_path, front_end_sites
from .role import server_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..facts.read import Facts, Row

_LOOPBACK = ("*", "0.0.0.0", "127.0.0.1", "[::]", "[::1]", "")  # noqa: S104 - bindings of IIS; none is all
# Exchange 2010 has no folder of a front end: its Client Access role serves from here.
_CLIENT_ACCESS = "\\clientaccess\\owa"
# The sign-in pages load what an update replaces; the health pages say that the pool works.
_PAGES_OF = {
    "/owa": (("owa", "owa/"), ("owa-health", "owa/healthcheck.htm")),
    "/ecp": (("ecp", "ecp/"), ("ecp-health", "ecp/healthcheck.htm")),
}


def loopback_base(site: Row) -> str | None:
    """Where a site listens on the loopback address; a binding with a host name does not."""
    for row in rows(site.get("bindings")).rows:
        # address:port:host, where the address may have colons of its own: [::1]:443:
        place, _, host = (text(row.get("information")) or "").rpartition(":")
        address, _, port = place.rpartition(":")
        if row.get("protocol") == "https" and not host and address in _LOOPBACK and port.isdigit():
            return "https://localhost" if port == "443" else f"https://localhost:{port}"
    return None


@dataclass(frozen=True, slots=True)
class FrontEndProbes:
    """The requests that a server can answer, and the sites that it cannot ask itself."""

    asked: tuple[dict[str, Any], ...]
    unreachable: tuple[str, ...] = ()


def front_end_probes(facts: Facts) -> FrontEndProbes:
    """What a server is asked to prove that clients are served: nothing that it does not have."""
    if not server_role(facts).client_access:
        return FrontEndProbes(())
    sites = _sites(facts)
    if not sites:
        # It serves clients and its sites could not be told: as setup makes them.
        return FrontEndProbes(tuple(_probes("https://localhost", tuple(_PAGES_OF), "")))
    asked: list[dict[str, Any]] = []
    unreachable: list[str] = []
    for site in sites:
        base, name = loopback_base(site), str(site["name"])
        if base is None:
            unreachable.append(name)
        else:
            asked += _probes(base, _applications(site), "" if len(sites) == 1 else f" on {name}")
    return FrontEndProbes(tuple(asked), tuple(unreachable))


def _sites(facts: Facts) -> tuple[Row, ...]:
    sites = front_end_sites(facts)
    if sites is None or sites.rows:
        return sites.rows if sites else ()
    iis = facts.section("iis")
    listed = rows(iis.get("sites") if iis else None, "name").rows
    return tuple(site for site in listed if _of_2010(site))


def _of_2010(site: Row) -> bool:
    found = named(rows(site.get("applications"), "path"), "path").get("/owa")
    folder = text(found.get("physical_path")) if found else None
    return (folder or "").casefold().rstrip("\\").endswith(_CLIENT_ACCESS)


def _applications(site: Row) -> tuple[str, ...]:
    """Those of the pages' applications that the site has; all of them where that is not known."""
    listed = rows(site.get("applications"), "path")
    there = {fold_path(row.get("path")) for row in listed.rows}
    return tuple(path for path in _PAGES_OF if path in there or not listed.whole)


def _probes(base: str, applications: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
    for application in applications:
        for name, path in _PAGES_OF[application]:
            url = f"{base}/{path}"
            yield {"name": f"{name}{where}", "url": url, "cookie": None, "expect": "status"}
