# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's answers as plain JSON values: what ``catalog show`` and friends print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..base.model import Build
from .records.builds import OPEN
from .remedy import campaign_remedy, remedy

if TYPE_CHECKING:
    from .catalog import Catalog
    from .records.builds import CveFix
    from .records.campaigns import Campaign


def plain(value: Any) -> Any:
    """Turn a record into mappings, lists and texts."""
    if isinstance(value, (Build, date)):
        return str(value) if isinstance(value, Build) else value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def describe_build(catalog: Catalog, build: Build, at: date, why: str = "today") -> dict[str, Any]:
    """Everything about one build: identity, support, campaigns, open CVEs, what closes them.

    ``at`` is the day for which support is judged, ``why`` what the answer calls it.

    A build of no known cumulative update has ``known: false`` and only its neighbours.
    """
    info, cu = catalog.find_build(build), catalog.cu_of(build)
    below, above = catalog.neighbours(build)
    answer: dict[str, Any] = {
        "build": str(build),
        "known": info is not None,
        "catalogue_as_of": catalog.as_of.isoformat(),
        "neighbours": {"below": plain(below), "above": plain(above)},
    }
    if cu is None:
        return {**answer, "message": catalog.explain_unknown(build)}
    fixes = catalog.exposures(build)
    return {
        **answer,
        "product": cu.product,
        "product_name": catalog.product(cu.product).name,
        "cumulative_update": cu.cu,
        "cumulative_update_released": cu.release_date,
        "entry": plain(info),
        "support": [
            {"at": str(day), "why": name, **plain(catalog.support(cu.product, cu.cu, day))}
            for day, name in _days(catalog, at, why)
        ],
        "campaigns": [_campaign(catalog, entry, build) for entry in catalog.campaigns()],
        "vulnerabilities": [plain(fix) for fix in fixes],
        "counts": _counts(fixes),
        "remedy": plain(remedy(catalog, build, fixes)),
        "successor": _successor(catalog, cu.product, at),
    }


def _successor(catalog: Catalog, product: str, today: date) -> str | None:
    """Name the product to move to when this one gets no more updates."""
    if catalog.support(product, None, today).status != "unsupported":
        return None
    for record in reversed(catalog.products()):
        if catalog.support(record.id, None, today).status == "supported":
            return record.name
    return None


def _days(catalog: Catalog, at: date, why: str) -> list[tuple[date, str]]:
    return [(at, why), *((entry.published, entry.id) for entry in catalog.campaigns())]


def _counts(fixes: tuple[CveFix, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for fix in fixes:
        counts[fix.status] = counts.get(fix.status, 0) + 1
    return counts


def _campaign(catalog: Catalog, campaign: Campaign, build: Build) -> dict[str, Any]:
    status = catalog.campaign_status(campaign.id, build)
    return {
        "id": campaign.id,
        "title": campaign.title,
        "status": status.overall,
        "open": [fix.cve for fix in status.fixes if fix.status in OPEN],
        "related_open": [fix.cve for fix in status.related_open],
        "required": len(status.fixes),
        "remedy": campaign_remedy(status),
        "mitigations_to_remove": [
            name
            for name in campaign.mitigations
            if catalog.applies(name, build) and catalog.must_come_off(name, build)
        ],
    }


def describe_campaign(catalog: Catalog, campaign: Campaign) -> dict[str, Any]:
    """One campaign with the updates that close each CVE and its mitigations in full."""
    records = [catalog.vulnerability(entry.cve) for entry in campaign.cves]
    directive = catalog.directive(campaign.directive) if campaign.directive else None
    return {
        **plain(campaign),
        "updates": {record.cve: record.update for record in records if record},
        "directive_title": directive.title if directive else None,
        "mitigation_details": [plain(catalog.mitigation(name)) for name in campaign.mitigations],
    }
