# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue as the judge asks it: the same questions for thousands of hosts, answered once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..catalog.records.builds import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from ..base.model import Build, CveVerdict
    from ..catalog.catalog import Catalog
    from ..catalog.records.builds import BuildInfo, CuInfo, CveFix, Support
    from ..catalog.records.campaigns import Campaign
    from ..catalog.records.mitigations import Mitigation

# Bounded, because a host chooses which builds are asked for.
_ANSWERS = 65_536
_SERVERS = 1_024


class Knowledge:
    """A catalogue with its answers remembered; it has no knowledge of its own."""

    def __init__(self, catalog: Catalog) -> None:
        """Wrap a loaded catalogue."""
        self._catalog = catalog
        self.mitigations: tuple[Mitigation, ...] = catalog.mitigations()
        self.campaign: Callable[[str], Campaign] = catalog.campaign
        self.find_build: Callable[[Build], BuildInfo | None] = catalog.find_build
        self.cu_of: Callable[[Build], CuInfo | None] = catalog.cu_of
        self.must_come_off: Callable[[str, Build], bool | None] = catalog.must_come_off
        self.exposure: Callable[[str, Build], CveFix] = lru_cache(_ANSWERS)(catalog.exposure)
        self.support: Callable[[str, str | None, date], Support] = lru_cache(_SERVERS)(
            catalog.support
        )
        self.updates_of: Callable[[CuInfo], tuple[BuildInfo, ...]] = lru_cache(_SERVERS)(
            self._updates_of
        )
        self.open_cves: Callable[[Build, date], tuple[str, ...]] = lru_cache(_SERVERS)(
            self._open_cves
        )
        # What was judged once about CVEs outside a campaign; see assess.py.
        self.elsewhere: dict[tuple[object, ...], tuple[CveVerdict, ...]] = {}
        self.dispute: Callable[[Build], str | None] = lru_cache(_SERVERS)(self._dispute)
        self._kbs = frozenset(info.kb for info in catalog.builds() if info.kb)
        self._campaign_of = {
            entry.cve: campaign.id
            for campaign in catalog.campaigns()
            for entry in campaign.cves
            if not entry.related
        }

    def knows_kb(self, kb: str) -> bool:
        """Whether any build of the catalogue is made by this update."""
        return kb in self._kbs

    def campaign_of(self, cve: str) -> str | None:
        """The campaign that a CVE is the reason for."""
        return self._campaign_of.get(cve)

    def rollups(self, product: str) -> bool:
        """Whether updates of one service pack replace each other (Exchange 2010)."""
        return self._catalog.product(product).rollups

    def _updates_of(self, cu: CuInfo) -> tuple[BuildInfo, ...]:
        """Every build of a cumulative update (Exchange 2010: of its service pack)."""
        if not self.rollups(cu.product):
            return self._catalog.builds_of(cu.product, cu.cu)
        line = (cu.build.major, cu.build.minor)
        return tuple(
            info for info in self._catalog.builds() if (info.build.major, info.build.minor) == line
        )

    def _dispute(self, build: Build) -> str | None:
        """Why sources disagree which build an update makes; ``None``: not between two numbers.

        A lower build that an update of its own makes is another matter: there sources disagree
        which of two updates fixes a CVE, and the list of updates is as good a witness as ever.
        """
        cu = self._catalog.cu_of(build)
        for cve in self._catalog.cves() if cu else ():
            vulnerability = self._catalog.vulnerability(cve)
            for fix in vulnerability.fixes if vulnerability else ():
                start = fix.disputed_from
                if start is None or cu is None or (fix.product, fix.cu) != (cu.product, cu.cu):
                    continue
                if self._catalog.find_build(start) is not None:
                    continue
                if start <= build < fix.build:
                    return fix.dispute
        return None

    def _open_cves(self, build: Build, at: date) -> tuple[str, ...]:
        """The CVEs that are open on a build, of those that had an update on that day."""
        found = []
        for cve in self._catalog.cves():
            fix = self.exposure(cve, build)
            if fix.status in OPEN and self._published(fix, at):
                found.append(cve)
        return tuple(found)

    def _published(self, fix: CveFix, at: date) -> bool:
        """Whether the update was out on that day, by the earliest build that a source names."""
        builds = [build for build in (fix.disputed_from, fix.fixed_build) if build is not None]
        known = [info for build in builds if (info := self._catalog.find_build(build))]
        return bool(builds) and (not known or min(info.released for info in known) <= at)


@lru_cache(maxsize=8)
def knowledge_of(catalog: Catalog) -> Knowledge:
    """The remembered answers of one catalogue."""
    return Knowledge(catalog)
