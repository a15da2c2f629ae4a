# SPDX-License-Identifier: GPL-3.0-or-later
"""What is judged: one host's facts with what follows from them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.model import Build, Identity
from ..facts.read import Facts, Named, flag, named, text
from .role import ServerRole, server_role

if TYPE_CHECKING:
    from datetime import datetime

    from ..catalog.records.builds import BuildInfo, CuInfo, Support
    from ..catalog.records.campaigns import Campaign
    from .knowledge import Knowledge

# The first two parts of a build name the product, but for 15.2 (Exchange 2019 and SE).
_LINES = {
    (14, 0): "Exchange2010",
    (14, 1): "Exchange2010",
    (14, 2): "Exchange2010",
    (14, 3): "Exchange2010",
    (15, 0): "Exchange2013",
    (15, 1): "Exchange2016",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One host, one campaign, one date."""

    facts: Facts
    services: Named
    knowledge: Knowledge
    campaign: Campaign
    at: datetime
    installed: bool | None
    build: Build | None  # from ExSetup.exe
    registry_build: Build | None
    info: BuildInfo | None
    cu: CuInfo | None
    roles: tuple[str, ...]
    roles_known: bool  # false: there may be more
    role: ServerRole
    support: Support | None

    @property
    def kind(self) -> str:
        """``server``, ``edge`` or ``tools``; a server where the facts do not tell."""
        return self.role.kind

    @property
    def product(self) -> str | None:
        """The product, as far as the file's build tells."""
        return self.cu.product if self.cu is not None else product_line(self.build)

    @property
    def what(self) -> str:
        """``Exchange2016 CU19`` or what is known of it, for sentences."""
        if self.cu is not None:
            return f"{self.cu.product} {self.cu.cu}"
        return self.product or "this Exchange"

    @property
    def outdated(self) -> bool:
        """Whether the cumulative update is known to be out of support at the date."""
        return self.support is not None and self.support.status == "unsupported"

    def identity(self) -> Identity:
        """Who this is, for the report."""
        support = self.support
        known = support is not None and support.status != "unknown"
        return Identity(
            name=text(self.facts.value("computer", "name")),
            product=self.product,
            cumulative_update=self.cu.cu if self.cu else None,
            build=str(self.build) if self.build else None,
            update=self.info.title if self.info else None,
            roles=self.roles,
            dag=text(self.facts.value("dag", "name")),
            os=text(self.facts.value("os", "product_name")),
            supported=support.status != "unsupported" if known and support else None,
            support_note=support.note if support else None,
        )


def product_line(build: Build | None) -> str | None:
    """The product of a build, as far as its first two parts tell; 15.2 is two of them."""
    return _LINES.get((build.major, build.minor)) if build else None


def build_of(value: object) -> Build | None:
    """The build of a version text, or None."""
    version = text(value)
    if version is None:
        return None
    try:
        return Build.parse(version.strip())
    except ValueError:
        return None


def _roles(exchange: object) -> tuple[str, ...]:
    value = exchange.get("roles") if isinstance(exchange, dict) else None
    if not isinstance(value, list | tuple):
        return ()
    return tuple(role for role in value if isinstance(role, str))


def _all_text(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def subject(facts: Facts, knowledge: Knowledge, campaign: Campaign, at: datetime) -> Subject:
    """Derive what the checks share."""
    exchange = facts.section("exchange")
    installed = flag(exchange.get("installed")) if exchange else None
    exsetup = exchange.get("exsetup") if exchange else None
    build = build_of(exsetup.get("file_version")) if isinstance(exsetup, dict) else None
    cu = knowledge.cu_of(build) if build else None
    roles = _roles(exchange)
    return Subject(
        facts=facts,
        services=named(facts.listing("services")),
        knowledge=knowledge,
        campaign=campaign,
        at=at,
        installed=installed,
        build=build,
        registry_build=build_of(exchange.get("registry_version")) if exchange else None,
        info=knowledge.find_build(build) if build else None,
        cu=cu,
        roles=roles,
        roles_known=_all_text(exchange.get("roles")) if exchange else False,
        role=server_role(facts),
        support=knowledge.support(cu.product, cu.cu, at.date()) if cu else None,
    )
