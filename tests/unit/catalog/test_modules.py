# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about modules of IIS: versions, languages, and mistakes in the file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import ROOT, load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.iis_modules import (
    not_older,
    version_key,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_what_may_be_installed_follows_the_version_of_iis() -> None:
    known = load().module("url-rewrite")
    rows = {iis: known.install_on(iis) for iis in ("7.0", "7.5", "8.5", "10.0", None, "new")}
    assert {iis: row.ucrt if row else "none" for iis, row in rows.items()} == {
        "7.0": "none",
        "7.5": "10.0.10240.0",
        "8.5": "10.0.10240.0",
        "10.0": None,
        None: "none",
        "new": "none",
    }
    assert {row.minimum for row in rows.values() if row} == {"7.2.1993"}


def test_known_products_and_languages_are_found() -> None:
    known = load().module("url-rewrite")
    product = known.product("{9bca2118-f753-4a1e-bcf3-5a820729965c}")
    assert product is not None
    assert (product.version, product.language) == ("7.2.1993", "en-US")
    assert known.product("{00000000-0000-0000-0000-000000000000}") is None
    assert [known.language_of(lcid) for lcid in (1031, 3082, 1055, 0)] == [
        "de-DE",
        "es-ES",
        None,
        None,
    ]
    with pytest.raises(CatalogError, match="known are url-rewrite"):
        load().module("arr")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("7.2.1993", (7, 2, 1993, 0)),
        ("7.1.1993.2351", (7, 1, 1993, 2351)),
        ("10.0.14393.0 (rs1_release.160715-1616)", (10, 0, 14393, 0)),
        ("10.0", (10, 0, 0, 0)),
        ("7", None),
        ("7.2.x", None),
        ("1.2.3.4.5", None),
        ("", None),
        (None, None),
    ],
)
def test_versions_are_compared_as_numbers(text: str | None, key: object) -> None:
    assert version_key(text) == key


def test_unknown_version_is_never_new_enough() -> None:
    assert not_older("7.10.1", "7.9.1")
    assert not not_older("7.2.1992", "7.2.1993")
    assert not not_older(None, "0.0")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tag: fr-FR, lcid: 1036", "tag: fr-FR, lcid: 1033", "lcid 1033 stands twice"),
        ("tag: fr-FR", "tag: de-DE", "tag de-DE stands twice"),
        ("default_language: en-US", "default_language: tr-TR", "language 'tr-TR' is not in"),
        ('"7.2.1952", language: en-US', '"7.2.1952", language: tr-TR', "'tr-TR' is not in"),
        ("source: rtw}", "source: nobody}", "source 'nobody' is not defined"),
        ('iis: "10.0"', 'iis: "7.0"', "the versions of IIS do not rise"),
        (", ucrt_source: ucrt", "", "ucrt and ucrt_source stand together"),
        ('minimum: "7.1.761"', "minimum: 7.1", "is 7.1, not text"),
        ("below_source: first", "below_source: last", "source 'last' is not defined"),
        ("{9BCA2118", "{9bca2118", "a ProductCode in capitals and braces"),
    ],
)
def test_mistakes_are_told_with_their_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    root = tmp_path / "catalog"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    path = root / "iis_modules" / "url-rewrite.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        load(root)
    assert said in str(caught.value)
    assert "iis_modules/url-rewrite.yml:" in str(caught.value)


def test_the_same_module_twice_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "catalog"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    shutil.copy(root / "iis_modules" / "url-rewrite.yml", root / "iis_modules" / "z.yml")
    with pytest.raises(
        CatalogError, match=r"iis_modules/z.yml:\d+: module 'url-rewrite' exists twice"
    ):
        load(root)
