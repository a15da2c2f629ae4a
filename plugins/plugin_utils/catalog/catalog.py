# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's questions and answers; reads nothing and decides nothing else.

Use :func:`..catalog.loader.load` to get one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import CatalogError
from .deadline import Deadline, deadline
from .exposure import exposure
from .records import BuildInfo, CuInfo, CveFix, Package, Product, Support, Vulnerability
from .support import support

if TYPE_CHECKING:
    from datetime import date

    from ..model import Build
    from .campaign_records import Campaign, Directive, IndicatorSet
    from .mitigation_records import Mitigation
    from .module_records import ModuleKnowledge
    from .read_emergencies import Emergencies
    from .read_tables import Tables

_AFFECTED = ("open", "change-cu")


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """What a campaign means for a build, judged by the build alone.

    ``status`` is the worst of the required CVEs: ``change-cu``, ``open``, ``unknown``,
    ``needs-state``, ``fixed`` or ``not-affected``.
    """

    campaign: str
    status: str
    fixes: tuple[CveFix, ...]
    related: tuple[CveFix, ...]

    @property
    def affected(self) -> bool:
        """Whether a required CVE is open."""
        return self.status in _AFFECTED


_WORST = ("change-cu", "open", "unknown", "needs-state", "fixed", "not-affected")


class Catalog:
    """Everything known, loaded once; all methods are pure."""

    def __init__(self, tables: Tables, emergencies: Emergencies) -> None:
        """Take over what the loader read."""
        self._tables = tables
        self._emergencies = emergencies
        self._builds = sorted(tables.builds.values(), key=lambda info: info.build)
        self._order = [info.build for info in self._builds]
        self._by_cu: dict[tuple[str, str], list[BuildInfo]] = {}
        self._by_prefix: dict[tuple[int, int, int], list[BuildInfo]] = {}
        for info in self._builds:
            self._by_cu.setdefault((info.product, info.cu), []).append(info)
            self._by_prefix.setdefault(info.build.cumulative_update, []).append(info)
        self._cus = {
            key: CuInfo(*key, infos[0].build, infos[0].release_date, infos[0].source)
            for key, infos in self._by_cu.items()
        }

    @property
    def as_of(self) -> date:
        """The day to which the catalogue is kept."""
        return self._tables.as_of

    # Builds -----------------------------------------------------------------------------

    def builds(self) -> tuple[BuildInfo, ...]:
        """Every known build, in order of the number."""
        return tuple(self._builds)

    def builds_of(self, product: str, cu: str) -> tuple[BuildInfo, ...]:
        """The builds of one cumulative update, the base build first."""
        return tuple(self._by_cu.get((product, cu), ()))

    def find_build(self, build: Build) -> BuildInfo | None:
        """The build, if the table has exactly this one."""
        return self._tables.builds.get(build)

    def cu_of(self, build: Build) -> CuInfo | None:
        """The cumulative update of a build, by its first three parts.

        A preview shares them with its release: then the newest entry that is not
        above ``build`` counts.
        """
        infos = self._by_prefix.get(build.cumulative_update)
        if not infos:
            return None
        at_or_below = [info for info in infos if info.build <= build] or infos[:1]
        info = at_or_below[-1]
        return self._cus[info.product, info.cu]

    def cumulative_updates(self, product: str) -> tuple[CuInfo, ...]:
        """The cumulative updates of a product, oldest first."""
        return tuple(cu for key, cu in self._cus.items() if key[0] == product)

    def neighbours(self, build: Build) -> tuple[BuildInfo | None, BuildInfo | None]:
        """The nearest known builds below and above."""
        place = bisect_left(self._order, build)
        above = place + 1 if self.find_build(build) else place
        return (
            self._builds[place - 1] if place else None,
            self._builds[above] if above < len(self._builds) else None,
        )

    def explain_unknown(self, build: Build) -> str:
        """Say that a build is unknown, what lies around it, and what to do."""
        near = [
            f"{info.build} ({info.title}) {side}"
            for side, info in zip(("below", "above"), self.neighbours(build), strict=True)
            if info
        ]
        return (
            f"build {build} belongs to no cumulative update in the catalogue; nearest: "
            f"{', '.join(near)}; if it is genuine, add it to builds/"
        )

    def released(self, build: Build) -> date:
        """The release day of a known build; raises ``KeyError``."""
        return self._tables.builds[build].released

    # Products ---------------------------------------------------------------------------

    def product(self, product: str) -> Product:
        """A product line; raises ``KeyError``."""
        return self._tables.products[product]

    def products(self) -> tuple[Product, ...]:
        """Every product line, oldest first."""
        return tuple(self._tables.products.values())

    def support(self, product: str, cu: str | None, at: date) -> Support:
        """Whether a cumulative update (``None``: the product at all) was supported on a day."""
        return support(self, product, cu, at)

    # Vulnerabilities --------------------------------------------------------------------

    def cves(self) -> tuple[str, ...]:
        """Every CVE (and the two advisories that have no CVE), in catalogue order."""
        return tuple(self._tables.vulnerabilities)

    def vulnerability(self, cve: str) -> Vulnerability | None:
        """A CVE with its fixed builds."""
        return self._tables.vulnerabilities.get(cve)

    def exposure(self, cve: str, build: Build) -> CveFix:
        """What a CVE means for a build; see :class:`CveFix` for the answers."""
        return exposure(self, cve, build)

    def exposures(self, build: Build) -> tuple[CveFix, ...]:
        """All CVEs against one build."""
        return tuple(self.exposure(cve, build) for cve in self._tables.vulnerabilities)

    # Packages ---------------------------------------------------------------------------

    def packages(self, wanted: Build | str | None = None) -> tuple[Package, ...]:
        """Packages, oldest first.

        With a KB: that update for each cumulative update. With a build: those that
        install on its cumulative update and raise it. Without: all.
        """
        every = self._tables.packages
        if wanted is None:
            return tuple(every)
        if isinstance(wanted, str):
            return tuple(package for package in every if package.kb == wanted.upper())
        cu = self.cu_of(wanted)
        if cu is None:
            return ()
        name = cu.cu.split()[0] if self.product(cu.product).rollups else cu.cu
        return tuple(
            package
            for package in every
            if (package.product, package.cu) == (cu.product, name) and package.build > wanted
        )

    # Emergencies ------------------------------------------------------------------------

    def campaigns(self) -> tuple[Campaign, ...]:
        """Every campaign, oldest first."""
        return self._campaigns

    @cached_property
    def _campaigns(self) -> tuple[Campaign, ...]:
        return tuple(
            sorted(self._emergencies.campaigns.values(), key=lambda c: (c.published, c.id))
        )

    def campaign(self, campaign: str) -> Campaign:
        """A campaign by id; raises :class:`CatalogError` that names the known ones."""
        try:
            return self._emergencies.campaigns[campaign]
        except KeyError:
            names = ", ".join(entry.id for entry in self.campaigns())
            raise CatalogError(
                f"campaign {campaign!r} is not in catalog/campaigns; known are {names}"
            ) from None

    def campaign_status(self, campaign: str, build: Build) -> CampaignStatus:
        """What a campaign means for a build."""
        record = self.campaign(campaign)
        required = tuple(self.exposure(entry.cve, build) for entry in record.required)
        related = tuple(self.exposure(entry.cve, build) for entry in record.cves if entry.related)
        status = min((fix.status for fix in required), key=_WORST.index)
        return CampaignStatus(campaign, status, required, related)

    def mitigations(self) -> tuple[Mitigation, ...]:
        """Every mitigation."""
        return tuple(self._emergencies.mitigations.values())

    def mitigation(self, mitigation: str) -> Mitigation:
        """A mitigation by id; raises :class:`CatalogError` that names the known ones."""
        try:
            return self._emergencies.mitigations[mitigation]
        except KeyError:
            names = ", ".join(self._emergencies.mitigations)
            raise CatalogError(
                f"mitigation {mitigation!r} is not in catalog/mitigations; known are {names}"
            ) from None

    def module(self, module: str) -> ModuleKnowledge:
        """A module of IIS by id; raises :class:`CatalogError` that names the known ones."""
        try:
            return self._tables.modules[module]
        except KeyError:
            names = ", ".join(self._tables.modules)
            raise CatalogError(
                f"module {module!r} is not in catalog/modules; known are {names}"
            ) from None

    def applies(self, mitigation: str, build: Build) -> bool:
        """Whether a mitigation can be there at all: a rewrite rule survives a newer product."""
        record, cu = self.mitigation(mitigation), self.cu_of(build)
        if cu is None or cu.product in record.products:
            return cu is not None
        oldest = min(self.product(product).release_date for product in record.products)
        return record.kind.startswith("rewrite") and (
            self.product(cu.product).release_date > oldest
        )

    def must_come_off(self, mitigation: str, build: Build) -> bool | None:
        """Whether a mitigation is to be removed at a build; ``None`` = the catalogue cannot tell."""
        record = self.mitigation(mitigation)
        cu = self.cu_of(build)
        if cu is None:
            return None
        if record.removal.when == "fixed":
            answers = {self.exposure(cve, build).status for cve in record.cves}
            if answers & {*_AFFECTED, "needs-state"}:
                return False
            return None if "unknown" in answers else True
        rows = {row.cu: row.build for row in record.removal.builds if row.product == cu.product}
        if not rows:
            return None
        return build >= rows.get(cu.cu, max(rows.values()))

    def deadline(
        self, campaign: str, cve: str, *, exposed: bool, detected: date
    ) -> Deadline | None:
        """By when a directive wants this CVE closed on an asset; ``None`` = it has no table.

        ``exposed``: reachable from the Internet; ``detected``: when it was found there.
        """
        record = self.campaign(campaign)
        entry = record.cve(cve)
        directive = self.directive(record.directive) if record.directive else None
        if entry is None or directive is None:
            return None
        return deadline(directive, entry, exposed=exposed, detected=detected)

    def directive(self, directive: str) -> Directive | None:
        """A directive by id."""
        return self._emergencies.directives.get(directive)

    def directives(self) -> tuple[Directive, ...]:
        """Every directive."""
        return tuple(self._emergencies.directives.values())

    def indicators(self, name: str) -> IndicatorSet | None:
        """An indicator set by id."""
        return self._tables.indicators.get(name)

    def indicator_sets(self) -> tuple[IndicatorSet, ...]:
        """Every indicator set."""
        return tuple(self._tables.indicators.values())
