# SPDX-License-Identifier: GPL-3.0-or-later
"""What one CVE means for one build: never one global ``>=``.

15.0.1497.2 (2013 CU23, vulnerable) is a higher number than 15.0.1473.6 (CU22 with the
March 2021 update, fixed), so a build is only compared inside its own cumulative update:

* the CVE has a line for that cumulative update: fixed from that build on;
* it has none: fixed only from the highest line of the product on, otherwise no update
  exists for this cumulative update and it has to be changed;
* the product has no line: no source lists it as affected - or no source looks at it.

Where sources name different builds, the highest one fixes, and from the lowest on up to it the
answer is ``disputed``, which counts as open everywhere.

The rule is HealthChecker's (microsoft/CSS-Exchange); the exceptions say ``unknown`` or
``needs-state`` where it would answer too kindly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .records.builds import Confidence, CuInfo, CveFix, Fix, Product, StateCondition, Vulnerability

if TYPE_CHECKING:
    from ..base.model import Build
    from .build_table import BuildTable

_DOUBT = list(Confidence)


def exposure(table: BuildTable, cve: str, build: Build) -> CveFix:
    """See :meth:`Catalog.exposure`."""
    vulnerability = table.vulnerability(cve)
    if vulnerability is None:
        return _unknown(cve, f"{cve} is not in the catalogue; add it to vulnerabilities/")
    cu = table.cu_of(build)
    if cu is None:
        return _unknown(cve, table.explain_unknown(build))
    answer = _answered(table, vulnerability, build, cu)
    if vulnerability.confidence is Confidence.DOUBTFUL:
        # Open for good would make every fleet unclean for what nobody confirms; fixed would be
        # the nicer reading. It is neither, and stays visible.
        note = f"unconfirmed, no verdict rests on it; it would be {answer.status}: {answer.note}"
        return replace(answer, status="unconfirmed", note=note, confidence=vulnerability.confidence)
    return answer


def _answered(table: BuildTable, vulnerability: Vulnerability, build: Build, cu: CuInfo) -> CveFix:
    for said in vulnerability.statements:
        if said.product == cu.product:
            state = vulnerability.state if said.status == "needs-state" else ()
            return CveFix(
                said.status, None, None, said.source, said.reason, vulnerability.cve,
                state=state, read=said.read,
            )  # fmt: skip
    rows = [fix for fix in vulnerability.fixes if fix.product == cu.product]
    product = table.product(cu.product)
    if not rows:
        return _without_rows(table, vulnerability, product)
    own = [fix for fix in rows if fix.cu == cu.cu]
    if own:  # several: fixed again later, the last one counts
        last = max(own, key=lambda fix: fix.build)
        return _own_update(table, vulnerability, last, build, cu)
    return _other_update(vulnerability, rows, build, cu, product)


def _unknown(cve: str, note: str, source: str = "catalogue") -> CveFix:
    return CveFix("unknown", None, None, source, note, cve)


def _own_update(
    table: BuildTable, vulnerability: Vulnerability, fix: Fix, build: Build, cu: CuInfo
) -> CveFix:
    update = f"{vulnerability.update or 'the update'} for {fix.product} {fix.cu} is {fix.build}"
    listed = "" if table.find_build(build) else f"; {build} itself is in no table"
    if build >= fix.build:
        earlier = _needs_earlier_update(table, vulnerability, fix, build, cu)
        if earlier:
            return _answer("needs-state", fix, vulnerability, earlier.requires, (earlier,))
        return _with_state(vulnerability, fix, f"{update}{listed}")
    if fix.disputed_from is not None and build >= fix.disputed_from:
        note = (
            f"{update} by {fix.source} (read {fix.read}), but {fix.disputed_from} by "
            f"{fix.disputed_source} (read {fix.disputed_read}): {fix.dispute}"
        )
        return _answer("disputed", fix, vulnerability, note)
    return _answer("open", fix, vulnerability, f"{update}{listed}")


def _needs_earlier_update(
    table: BuildTable, vulnerability: Vulnerability, fix: Fix, build: Build, cu: CuInfo
) -> StateCondition | None:
    """An update that is not cumulative does not bring the fixes of the ones before it."""
    special = next(
        (
            info
            for info in reversed(table.builds_of(cu.product, cu.cu))
            if info.build <= build and info.only_fixes
        ),
        None,
    )
    if special is None or vulnerability.cve in special.only_fixes:
        return None
    if not cu.build < fix.build < special.build:
        return None
    wanted = fix.kb or f"build {fix.build}"
    return StateCondition(
        kind="earlier-update",
        requires=(
            f"{special.title} fixes only {', '.join(special.only_fixes)}: {wanted} must have "
            "been installed before it (list of installed updates)"
        ),
        holds_by_default=False,
        source="microsoft/CSS-Exchange@f88378b1:HealthChecker Cve-MarchSuSpecial.ps1",
    )


def _other_update(
    vulnerability: Vulnerability, rows: list[Fix], build: Build, cu: CuInfo, product: Product
) -> CveFix:
    highest = max(rows, key=lambda fix: fix.build)
    if build >= highest.build:
        note = f"{cu.product} {cu.cu} was released after {highest.cu}, which has the fix"
        return _with_state(vulnerability, highest, note, Confidence.DERIVED)
    if product.rollups and cu.build.minor == highest.build.minor:
        note = f"{highest.cu} ({highest.build}) replaces every earlier rollup of its service pack"
        return _answer("open", highest, vulnerability, note)
    later = min((fix for fix in rows if fix.build > build), key=lambda fix: fix.build)
    note = (
        f"no update for {cu.product} {cu.cu} fixes it; change to a cumulative update that has "
        f"one, from {later.cu} ({later.build}) on"
    )
    return _answer("change-cu", later, vulnerability, note)


def _without_rows(table: BuildTable, vulnerability: Vulnerability, product: Product) -> CveFix:
    cve = vulnerability.cve
    if not product.covered:
        return _unknown(cve, f"no source of the catalogue tests {product.name} for it")
    if not vulnerability.fixes:
        return _unknown(cve, f"no update fixes it yet, and no source speaks of {product.name}")
    fixed_on = min(table.released(fix.build) for fix in vulnerability.fixes)
    ancestor = [fix for fix in vulnerability.fixes if fix.product == product.inherits]
    if ancestor and fixed_on <= product.release_date:
        newest = max(ancestor, key=lambda fix: fix.build)
        note = (
            f"{product.name} was released ({product.release_date}) after the fix "
            f"({vulnerability.update or fixed_on}) and carries it"
        )
        return _with_state(vulnerability, newest, note, Confidence.DERIVED, inherited=True)
    end = product.support[-1].end
    if end is not None and fixed_on > end:
        return _unknown(
            cve, f"{product.name} was out of support ({end}) when it was fixed; nobody tested it"
        )
    note = f"no source lists {product.name} as affected"
    first = vulnerability.fixes[0]
    return CveFix(
        "not-affected", None, None, first.source, note, cve,
        confidence=Confidence.DERIVED, read=first.read,
    )  # fmt: skip


def _with_state(
    vulnerability: Vulnerability,
    fix: Fix,
    note: str,
    confidence: Confidence = Confidence.READ,
    *,
    inherited: bool = False,
) -> CveFix:
    """``fixed``, or ``needs-state`` where the right build alone never is enough."""
    status = "needs-state" if vulnerability.state else "fixed"
    if vulnerability.state:
        note = f"{note}; also needed: {'; '.join(s.requires for s in vulnerability.state)}"
    return _answer(
        status, fix, vulnerability, note, vulnerability.state, confidence, inherited=inherited
    )


def _answer(
    status: str,
    fix: Fix,
    vulnerability: Vulnerability,
    note: str,
    state: tuple[StateCondition, ...] = (),
    confidence: Confidence = Confidence.READ,
    *,
    inherited: bool = False,
) -> CveFix:
    worst = max(confidence, fix.confidence, vulnerability.confidence, key=_DOUBT.index)
    remarks = [note, fix.note, vulnerability.note]
    return CveFix(
        status=status,
        fixed_build=None if inherited else fix.build,
        kb=None if inherited else fix.kb,
        source=fix.source,
        note="; ".join(remark for remark in remarks if remark),
        cve=vulnerability.cve,
        fixed_cu=None if inherited else fix.cu,
        state=state,
        confidence=worst,
        entitlement="public" if inherited else fix.entitlement,
        read=fix.read,
        disputed_from=None if inherited else fix.disputed_from,
        disputed_source=None if inherited else fix.disputed_source,
        disputed_read=None if inherited else fix.disputed_read,
    )
