# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's questions and answers; reads nothing and decides nothing else.

Use :func:`..catalog.loader.load` to get one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..base.errors import CatalogError
from .build_table import BuildTable
from .deadline import Deadline, deadline
from .exposure import exposure
from .records.builds import OPEN, STATUSES, UNSURE
from .support import support

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from ..base.model import Build
    from .readers.emergencies import Emergencies
    from .readers.tables import Tables
    from .records.builds import CveFix, Package, Support
    from .records.campaigns import Campaign, IndicatorSet
    from .records.detection_tools import DetectionTool
    from .records.directives import Directive
    from .records.exit_codes import ExitCode
    from .records.failures import Failure
    from .records.iis_modules import ModuleKnowledge
    from .records.mitigations import Mitigation
    from .records.requirements import Requirements
    from .records.tools import MicrosoftScript


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """What a campaign means for a build, judged by the build alone.

    ``status`` is the worst of the required CVEs, one of ``STATUSES``; what the campaign's update
    can do. ``overall`` is what may be said of the server: never fixed while a related one is open.
    """

    campaign: str
    status: str
    fixes: tuple[CveFix, ...]
    related: tuple[CveFix, ...]

    @property
    def affected(self) -> bool:
        """Whether a required CVE is open."""
        return self.status in OPEN

    @property
    def overall(self) -> str:
        """``status``, unless that is nice and a related CVE is open."""
        if self.status in ("fixed", "not-affected") and self.related_open:
            return min((fix.status for fix in self.related_open), key=STATUSES.index)
        return self.status

    @property
    def related_open(self) -> tuple[CveFix, ...]:
        """The open ones of those that are not required: the update of an old CU lacks some."""
        return tuple(fix for fix in self.related if fix.status in OPEN)


class Catalog(BuildTable):
    """Everything known, loaded once; all methods are pure."""

    def __init__(self, tables: Tables, emergencies: Emergencies) -> None:
        """Take over what the loader read."""
        super().__init__(tables)
        self._emergencies = emergencies

    def support(self, product: str, cu: str | None, at: date) -> Support:
        """Whether a cumulative update (``None``: the product at all) was supported on a day."""
        return support(self, product, cu, at)

    # Vulnerabilities --------------------------------------------------------------------

    def cves(self) -> tuple[str, ...]:
        """Every CVE (and the two advisories that have no CVE), in catalogue order."""
        return tuple(self._tables.vulnerabilities)

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
        status = min((fix.status for fix in required), key=STATUSES.index)
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
                f"module {module!r} is not in catalog/iis_modules; known are {names}"
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
            if answers & {*OPEN, "needs-state"}:
                return False
            return None if answers & {*UNSURE} else True
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

    def need_directive(self, directive: str) -> Directive:
        """A directive by id.

        :raises CatalogError: the catalogue has none of that id.
        """
        found = self.directive(directive)
        if found is None:
            known = ", ".join(entry.id for entry in self.directives())
            raise CatalogError(f"there is no directive {directive!r}; known are {known}")
        return found

    def directives(self) -> tuple[Directive, ...]:
        """Every directive."""
        return tuple(self._emergencies.directives.values())

    def indicators(self, name: str) -> IndicatorSet | None:
        """An indicator set by id."""
        return self._tables.indicators.get(name)

    def indicator_sets(self) -> tuple[IndicatorSet, ...]:
        """Every indicator set."""
        return tuple(self._tables.indicators.values())

    # Installers and scripts -------------------------------------------------------------

    def exit_codes(self) -> Mapping[int, ExitCode]:
        """The exit codes of installers that are known."""
        return self._tables.exit_codes

    def failures(self) -> Mapping[str, Failure]:
        """The failures that have a name, by id such as ``half-patch``."""
        return self._tables.failures

    def requirements(self) -> Requirements:
        """What a cumulative update needs besides its package."""
        found = self._tables.requirements
        if found is None:
            raise CatalogError(
                "the catalogue has no requirements.yml; install the collection again"
            )
        return found

    def scripts(self) -> Mapping[str, MicrosoftScript]:
        """The scripts of Microsoft that are known, by id such as ``eomt``."""
        return self._tables.scripts

    def detection_tools(self) -> Mapping[str, DetectionTool]:
        """The detection tools that are known, by id such as ``msert``."""
        return self._tables.detection_tools
