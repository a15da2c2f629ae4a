# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact build and campaign in, one update out, or the reason why there is none.

An update fits one cumulative update only. Where none exists for the installed one, the answer is
which cumulative update would do, and nothing is installed. Pure: no host, no clock.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...catalog.records.builds import OPEN, UNSURE
from ...catalog.remedy import campaign_remedy, still_open
from ...install.models import Action, UpdateSelection
from ...judge.settled import against_fix

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from ...base.model import Assessment, Build
    from ...catalog.catalog import CampaignStatus, Catalog
    from ...catalog.records.builds import Package
    from ...trust.packages.catalogue import PackageCatalogue
    from ...trust.packages.records import PackageRecord

_PUBLIC = "public"
ACCEPTED = "withdrawn"  # the approval with the reason to install an update that was taken back
_CLOSED = ("fixed", "not-affected")


def choose(
    catalog: Catalog,
    campaign: str,
    build: Build | None,
    at: date,
    store: PackageCatalogue | None = None,
    *,
    kb: str | None = None,
    repair: bool = False,
    accepted: str | None = None,
) -> UpdateSelection:
    """Choose the update that closes a campaign's CVEs on a server of exactly this build.

    ``store`` is the operator's signed package catalogue; without it the answer names the update
    and has no package. ``kb`` restricts the choice to one update. ``repair``: the update that makes
    the present build is listed but not whole, so it is installed again. ``accepted``: why an update that
    its maker took back is wanted all the same; it is recorded with the approvals.
    """
    if build is None:
        return UpdateSelection(Action.STOP, "The build of ExSetup.exe is not known.", None)
    if catalog.find_build(build) is None:
        reason = f"Unknown build, so nothing is installed: {catalog.explain_unknown(build)}."
        return UpdateSelection(Action.STOP, reason, build)
    status = catalog.campaign_status(campaign, build)
    if status.status in ("fixed", "not-affected", "needs-state"):
        return _settled(catalog, status, build, store, repair=repair)
    if status.status == "change-cu":
        return _change_cu(catalog, status, build, at)
    if status.status not in OPEN:
        return UpdateSelection(
            Action.STOP, f"The catalogue cannot tell: {campaign_remedy(status)}.", build
        )
    return _install(catalog, status, build, store, kb, accepted)


def _settled(
    catalog: Catalog,
    status: CampaignStatus,
    build: Build,
    store: PackageCatalogue | None,
    *,
    repair: bool,
) -> UpdateSelection:
    info = catalog.find_build(build)
    if repair and info is not None and info.kind != "CU":
        rows = [package for package in catalog.packages() if package.build == build]
        if rows:
            reason = f"{info.title} is installed in part only and is installed again."
            return _with_package(rows[:1], build, store, (), reason)
    reason = f"{build}: {campaign_remedy(status)}."
    return UpdateSelection(Action.NOTHING, reason, build, target=build)


def borne_out(
    chosen: UpdateSelection, catalog: Catalog, judged: Assessment, listed: Collection[str]
) -> UpdateSelection:
    """Stop where the build says that nothing is to be done, and another witness does not.

    ``listed``: the KBs that the server has in its list of updates.
    """
    build = chosen.build
    if chosen.action is not Action.NOTHING or build is None:
        return chosen
    status = catalog.campaign_status(judged.campaign, build)
    closed = [fix.cve for fix in status.fixes if fix.status in _CLOSED]
    against = against_fix(judged, closed)
    if against is None:
        return chosen
    info = catalog.find_build(build)
    cure = against.cure
    if against.update and info is not None and info.kb and info.kb not in listed:
        cure = f"Look at the server, then run again with patch_repair=true: it installs {info.kb} again."
    reason = f"By its version alone nothing is to be installed on {build}, but: {against.reason}"
    return UpdateSelection(
        Action.STOP, f"{reason} {cure or ''}".rstrip(), build, target=build, remedy=cure
    )


def _change_cu(catalog: Catalog, status: CampaignStatus, build: Build, at: date) -> UpdateSelection:
    cu = catalog.cu_of(build)
    needed = [fix.fixed_build for fix in status.fixes if fix.status in OPEN and fix.fixed_build]
    names: list[str] = []
    supported: tuple[str, ...] = ()
    if cu is not None and needed:
        later = (info for info in catalog.builds() if info.product == cu.product)
        for info in later:
            closes = info.build >= max(needed) and not _still_open(catalog, status, info.build)
            if closes and info.cu not in names:
                names.append(info.cu)
        supported = catalog.support(cu.product, None, at).supported_updates
    what = f"{cu.product} {cu.cu}" if cu else str(build)
    # Of those that would do, the newest that was in support; else the newest at all.
    best = next((name for name in reversed(names) if name in supported), (names or [""])[-1])
    first = "Upgrade it first (playbook exchange.remediation.upgrade)."
    if cu and best:
        first = (
            f"Upgrade it to {cu.product} {best} first (playbook exchange.remediation.upgrade, "
            f"upgrade_cumulative_update={best})."
        )
    return UpdateSelection(
        Action.CHANGE_CU,
        f"{what} ({build}) has no update for this campaign: {campaign_remedy(status)}. {first}",
        build,
        target=max(needed) if needed else None,
        remedy="That is a step of its own (setup.exe /Mode:Upgrade with its own checks) and cannot be "
        "taken back. Run again afterwards for the update.",
        cumulative_updates=tuple(names),
        supported=supported,
        closes=tuple(fix.cve for fix in status.fixes if fix.status in OPEN),
    )


def _still_open(catalog: Catalog, status: CampaignStatus, build: Build) -> bool:
    """Whether a required CVE of the campaign is open, or not known to be closed, on a build."""
    answers = {catalog.exposure(fix.cve, build).status for fix in status.fixes}
    return bool(answers & {*OPEN, *UNSURE})


def _install(
    catalog: Catalog,
    status: CampaignStatus,
    build: Build,
    store: PackageCatalogue | None,
    kb: str | None,
    accepted: str | None,
) -> UpdateSelection:
    fitting = [p for p in catalog.packages(build) if not _still_open(catalog, status, p.build)]
    if kb is not None:
        fitting = [p for p in fitting if p.kb == kb.upper()]
    closed = tuple(fix.cve for fix in status.fixes if fix.status in OPEN)
    if not fitting:
        asked = f"{kb} closes" if kb else "No package in the catalogue closes"
        no = "not " if kb else ""
        reason = f"{asked} {no}{', '.join(closed)} on {build}; {campaign_remedy(status)}."
        return UpdateSelection(Action.STOP, reason, build, closes=closed)
    gone = [p for p in fitting if p.withdrawn is not None]
    wanted = kb is not None and accepted is not None
    if len(gone) == len(fitting) and not wanted:
        return _taken_back(gone[-1], build, closed)
    if not wanted:
        fitting = [p for p in fitting if p.withdrawn is None]
    # Whoever has not bought Extended Security Updates cannot install them.
    public = [p for p in fitting if p.entitlement == _PUBLIC]
    chosen = _with_package(public or fitting, build, store, closed, None)
    if chosen.action is not Action.INSTALL or chosen.target is None:
        return chosen
    left = catalog.campaign_status(status.campaign, chosen.target).related_open
    reason = f"{chosen.reason} But {still_open(left)}." if left else chosen.reason
    return replace(chosen, reason=reason)


def _taken_back(package: Package, build: Build, closed: tuple[str, ...]) -> UpdateSelection:
    """The answer to whoever asks for an update that its maker took back."""
    gone = package.withdrawn
    assert gone is not None  # noqa: S101 - by the caller
    return UpdateSelection(
        Action.STOP,
        f"Microsoft withdrew {package.kb} on {gone.date}: {gone.reason} ({gone.source}).",
        build,
        target=package.build,
        kb=package.kb,
        remedy="Leave patch_kb out, or name a later update. To install it all the same, say why in "
        f"patch_approvals: {{{ACCEPTED}: REASON}}.",
        closes=closed,
    )


def _with_package(
    fitting: list[Package],
    build: Build,
    store: PackageCatalogue | None,
    closed: tuple[str, ...],
    reason: str | None,
) -> UpdateSelection:
    """Take the newest that the operator brought; without a store the newest of all."""
    refused: list[str] = []
    for package in reversed(fitting):
        record = _stored(store, build, package.build) if store else None
        if record is not None and record.refusal:
            refused.append(record.refusal)
            continue
        if store is None or record is not None:
            what = f"{package.product} {package.cu} {package.kb}"
            passed = f" Not taken: {'; '.join(refused)}." if refused else ""
            return UpdateSelection(
                Action.INSTALL,
                (
                    reason
                    or f"{what} takes {build} to {package.build} and closes {', '.join(closed)}."
                )
                + passed,
                build,
                target=package.build,
                update=what,
                kb=package.kb,
                package=record,
                closes=closed,
            )
    newest = fitting[-1]
    names = ", ".join(f"{p.kb} ({p.build}, {p.file})" for p in reversed(fitting))
    return UpdateSelection(
        Action.STOP,
        f"The package catalogue has no update for build {build}{''.join(f' ({r})' for r in refused)}; "
        f"any of these would do: {names}.",
        build,
        target=newest.build,
        kb=newest.kb,
        remedy=f"Fetch {newest.file} for {newest.product} {newest.cu} and run 'exchange-remediation "
        f"package add FILE --build {newest.build}'.",
        closes=closed,
    )


def _stored(store: PackageCatalogue, build: Build, target: Build) -> PackageRecord | None:
    reaching = [record for record in store.packages if record.build == target]
    return next((r for r in reaching if build in r.applies_to or r.build == build), None)
