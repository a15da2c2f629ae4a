# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import ROOT, load

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )

PRODUCTS = """
    ---
    schema: 1
    as_of: 2026-11-24
    sources: {s: "a source"}
    products:
      - id: Exchange2016
        name: Exchange Server 2016
        released: 2015-10-01
        source: s
        support:
          - {from: 2015-10-01, until: null, status: supported, cumulative_updates: all, note: n, source: s}
"""
BUILDS = """
    ---
    schema: 1
    product: Exchange2016
    sources: {s: {text: "a source", read: 2026-11-24}}
    builds:
      - {build: 15.1.2176.2, cu: CU19, kind: CU, date: 2020-12-15, source: s}
      - {build: 15.1.2176.9, cu: CU19, kind: SU, date: 2021-03-02, kb: KB5000871, update: Mar21SU, source: s}
"""
VULNERABILITIES = """
    ---
    schema: 1
    sources: {s: {text: "a source", read: 2026-11-24}}
    vulnerabilities:
      - cve: CVE-2021-26855
        update: Mar21SU
        fixes:
          - {product: Exchange2016, cu: CU19, build: 15.1.2176.9, kb: KB5000871, source: s}
"""
MITIGATION = """
    ---
    schema: 1
    id: stop-it
    title: Stop it
    kind: service
    cves: [CVE-2021-26855]
    products: [Exchange2016]
    impact: i
    limits: l
    rollback: r
    source: s
    sources: {s: {text: "a source", read: 2026-11-24}}
    services:
      - {name: MSExchangeUM, status: Stopped, start_type: Disabled, products: [Exchange2016], purpose: target}
    removal: {when: fixed, how: h, reason: r, source: s}
"""
CAMPAIGN = """
    ---
    schema: 1
    id: drill
    title: Drill
    summary: A drill.
    published: 2021-03-02
    source: s
    sources: {s: {text: "a source", read: 2026-11-24}}
    cves:
      - {cve: CVE-2021-26855, kind: ssrf, exploited: true, fix: update, authentication: none, mitigations: [stop-it]}
    log_window: {from: 2021-01-01, reason: r, source: s}
"""
REQUIREMENTS = """
    ---
    schema: 1
    as_of: 2026-11-24
    sources: {s: "a source"}
    releases:
      - {version: "4.7.2", release: 461808, source: s}
      - {version: "4.8", release: 528040, source: s}
    dotnet:
      - {product: Exchange2016, from: 13, least: "4.7.2", most: "4.8", source: s}
      - {product: Exchange2016, from: 11, least: "4.7.2", most: "4.7.2", source: s}
    licence:
      - {product: Exchange2016, from: 0, switch: /IAcceptExchangeServerLicenseTerms, source: s}
"""
EXIT_CODES = """
    ---
    schema: 1
    as_of: 2026-11-24
    sources: {s: "a source"}
    codes:
      - {code: 0, name: ERROR_SUCCESS, class: ok, meaning: m, source: s}
      - {code: 3010, name: ERROR_SUCCESS_REBOOT_REQUIRED, class: ok-reboot, meaning: m, source: s}
"""
FAILURES = """
    ---
    schema: 1
    as_of: 2026-11-24
    sources: {s: "a source"}
    failures:
      - id: half-patch
        title: t
        repair: r
        source: s
      - id: rolled-back
        title: t
        repair: r
        source: s
"""
SMALL = {
    "requirements.yml": REQUIREMENTS,
    "exit_codes.yml": EXIT_CODES,
    "failures/update.yml": FAILURES,
    "products.yml": PRODUCTS,
    "builds/exchange2016.yml": BUILDS,
    "vulnerabilities/2021.yml": VULNERABILITIES,
    "mitigations/stop-it.yml": MITIGATION,
    "campaigns/drill.yml": CAMPAIGN,
}

Edit = Callable[..., Path]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def small(tmp_path: Path) -> Edit:
    """Write a catalogue of one server line, with ``old`` replaced by ``new`` in one file."""

    def write(file: str = "", old: str = "", new: str = "", **extra: str) -> Path:
        root = tmp_path / "catalog"
        for name, text in SMALL.items():
            content = dedent(text).lstrip()
            if name == file:
                assert old in content, f"{old!r} is not in {name}"
                content = content.replace(old, new, 1)
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        for name, text in extra.items():
            (root / name.replace("__", "/").replace("_yml", ".yml")).write_text(
                dedent(text).lstrip(), encoding="utf-8"
            )
        return root

    return write


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The collection's own catalogue in a folder that a test may change."""
    root = tmp_path / "catalog"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "schemas"))
    return root
