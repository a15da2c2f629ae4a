# SPDX-License-Identifier: GPL-3.0-or-later
"""Which update closes what: for a campaign, and for everything that is open on a build."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from .records.builds import OPEN, UNSURE, Confidence

if TYPE_CHECKING:
    from ..base.model import Build
    from .catalog import CampaignStatus, Catalog
    from .records.builds import BuildInfo, CveFix, Package


@dataclass(frozen=True, slots=True)
class Remedy:
    """What closes the open CVEs of a build, in the order in which to do it."""

    update: Package | None  # the newest update for the cumulative update that is installed
    closed_by_update: tuple[str, ...]
    newest: BuildInfo | None  # the newest build of the product, on whatever cumulative update
    closed_by_newest: tuple[str, ...]  # those that only the newest one closes
    remaining: tuple[str, ...]  # those that no confirmed build of this product closes


def remedy(catalog: Catalog, build: Build, fixes: tuple[CveFix, ...]) -> Remedy:
    """Find the updates that close the open ones of ``fixes`` (answers for ``build``)."""
    todo = tuple(fix.cve for fix in fixes if fix.status in OPEN)
    packages = [package for package in catalog.packages(build) if package.withdrawn is None]
    update = packages[-1] if packages else None
    closed = _closed(catalog, todo, update.build) if update else ()
    rest = tuple(cve for cve in todo if cve not in closed)
    cu = catalog.cu_of(build)
    newest = _newest(catalog, cu.product) if cu else None
    later = _closed(catalog, rest, newest.build) if newest and newest.build > build else ()
    return Remedy(
        update=update,
        closed_by_update=closed,
        newest=newest,
        closed_by_newest=later,
        remaining=tuple(cve for cve in rest if cve not in later),
    )


def _closed(catalog: Catalog, cves: tuple[str, ...], build: Build) -> tuple[str, ...]:
    """Select those that a build no longer has open (what else they need is said elsewhere)."""
    return tuple(cve for cve in cves if catalog.exposure(cve, build).status not in (*OPEN, *UNSURE))


def _newest(catalog: Catalog, product: str) -> BuildInfo | None:
    found = [
        info
        for info in catalog.builds()
        if info.product == product and info.confidence is not Confidence.DOUBTFUL
    ]
    return found[-1] if found else None


def campaign_remedy(status: CampaignStatus) -> str:
    """Say in one sentence what closes the required CVEs of a campaign."""
    if status.status in ("fixed", "not-affected") and status.related_open:
        return f"what was exploited is fixed, but {still_open(status.related_open)}"
    if status.status == "not-affected":
        return "nothing to do: the product is not affected"
    if status.status == "fixed":
        return "nothing to install: the build carries every fix"
    closing = _closing(status.fixes)
    if closing is None:
        settled = ("fixed", "not-affected")
        return "; ".join(
            dict.fromkeys(fix.note for fix in status.fixes if fix.status not in settled)
        )
    return closing


def still_open(fixes: tuple[CveFix, ...]) -> str:
    """Say of open CVEs that they stay open, and what closes them."""
    names = ", ".join(fix.cve for fix in fixes)
    return f"{names} stay open: {_closing(fixes) or 'no update closes them yet'}"


def _closing(fixes: tuple[CveFix, ...]) -> str | None:
    """Name the build that closes all open ones of ``fixes``; ``None`` = none has a build."""
    todo = [
        (fix.fixed_build, fix.fixed_cu, fix.kb)
        for fix in fixes
        if fix.status in OPEN and fix.fixed_build
    ]
    if not todo:
        return None
    build, cu, number = max(todo, key=itemgetter(0))
    update = f"{number} ({build})" if number else str(build)
    if all(fix.status != "change-cu" for fix in fixes):
        return f"install {update} for {cu}"
    return (
        f"no update exists for this cumulative update: change to {cu} with {update}, "
        "or to a later one"
    )
