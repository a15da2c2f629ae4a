# SPDX-License-Identifier: GPL-3.0-or-later
"""A package is bound to exact builds, and what the file says about itself must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.binding import (
    bind,
    content_evidence,
    name_evidence,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.claims import (
    read_claims,
)
from signing import patch, program

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )

CU19_MARCH = Build.parse("15.1.2176.9")
CU19_TITLE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
FILE = "Exchange2016-KB5000871-x64-en.msp"


def test_update_applies_to_the_earlier_builds_of_its_own_cumulative_update(
    catalog: Catalog,
) -> None:
    binding = bind(catalog, "KB5000871", CU19_MARCH)
    assert (binding.product, binding.cu, binding.kb) == ("Exchange2016", "CU19", "KB5000871")
    assert binding.applies_to[0] == Build.parse("15.1.2176.2")
    assert {build.cumulative_update for build in binding.applies_to} == {(15, 1, 2176)}
    assert CU19_MARCH not in binding.applies_to


def test_cumulative_update_applies_to_every_earlier_build_of_the_product(catalog: Catalog) -> None:
    binding = bind(catalog, None, Build.parse("15.1.2176.2"))
    assert binding.kind == "CU"
    assert Build.parse("15.1.2106.13") in binding.applies_to
    assert {(b.major, b.minor) for b in binding.applies_to} == {(15, 1)}


def test_rollup_of_2010_applies_to_earlier_rollups_of_its_service_pack(catalog: Catalog) -> None:
    rollup = next(p for p in reversed(catalog.packages()) if p.product == "Exchange2010")
    binding = bind(catalog, None, rollup.build)
    assert binding.applies_to
    assert all(build < rollup.build for build in binding.applies_to)


@pytest.mark.parametrize(
    ("kb", "build", "words"),
    [
        ("KB5000871", None, "exists once for each cumulative update"),
        ("KB5000871", "15.1.2176.12", "not KB5000871"),
        (None, "15.1.2176.3", "belongs to no cumulative update|exact builds only"),
        (None, "19.9.9.9", "exact builds only"),
        ("KB1", None, "no update in the catalogue"),
    ],
)
def test_what_is_not_exactly_one_known_update_is_refused(
    kb: str | None, build: str | None, words: str, catalog: Catalog
) -> None:
    with pytest.raises(RefusedError, match=words):
        bind(catalog, kb, Build.parse(build) if build else None)


@pytest.mark.parametrize(
    ("name", "build", "evidence"),
    [
        (FILE, "15.1.2176.9", "file name: Exchange2016, KB5000871"),
        ("exchange2016-kb5000871-x64-en.exe", "15.1.2176.9", "file name: Exchange2016, KB5000871"),
        ("ExchangeServer2016-x64-cu19.iso", "15.1.2176.2", "file name: Exchange2016, CU19"),
        ("mu_exchange_server.iso", "15.1.2176.2", None),
        ("update.msp", "15.1.2176.9", None),
    ],
)
def test_file_name_confirms(name: str, build: str, evidence: str | None, catalog: Catalog) -> None:
    assert name_evidence(bind(catalog, None, Build.parse(build)), name) == evidence


@pytest.mark.parametrize(
    ("name", "build", "words"),
    [
        ("Exchange2019-KB5000871-x64-en.msp", "15.1.2176.9", "says Exchange2019"),
        ("Exchange2016-KB5001779-x64-en.msp", "15.1.2176.9", "says KB5001779"),
        ("ExchangeServer2016-x64-CU18.ISO", "15.1.2176.2", "says CU18"),
        (FILE, "15.1.2176.2", "is that of an update"),
    ],
)
def test_file_name_of_something_else_is_refused(
    name: str, build: str, words: str, catalog: Catalog
) -> None:
    with pytest.raises(RefusedError, match=words):
        name_evidence(bind(catalog, None, Build.parse(build)), name)


@pytest.mark.parametrize(
    ("title", "evidence"),
    [
        (CU19_TITLE, "Cumulative Update 19"),
        ("Security Update For Exchange Server 2016 CU19 (KB5000871)", "CU19"),
        ("Security Update for Exchange Server 2016 (KB5000871)", "Exchange Server 2016"),
    ],
)
@pytest.mark.parametrize("container", ["patch", "program"])
def test_display_name_inside_the_file_confirms(
    container: str, title: str, evidence: str, catalog: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    if container == "patch":
        patch(path, title)
    else:
        program(path, title.encode("utf-16-le"))
    found = content_evidence(bind(catalog, None, CU19_MARCH), FILE, read_claims(path))
    assert found
    assert evidence in found


@pytest.mark.parametrize(
    "title",
    [
        "Security Update for Exchange Server 2016 Cumulative Update 18 (KB5000871)",
        "Security Update for Exchange Server 2019 Cumulative Update 8 (KB5000871)",
        "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5001779)",
    ],
)
def test_display_name_of_another_update_is_refused(
    title: str, catalog: Catalog, tmp_path: Path
) -> None:
    claims = read_claims(program(tmp_path / "a.exe", title.encode("utf-16-le")))
    with pytest.raises(RefusedError, match=r"in the file stands .*correct --build"):
        content_evidence(bind(catalog, None, CU19_MARCH), FILE, claims)


def test_mention_of_an_older_update_beside_its_own_name_does_no_harm(
    catalog: Catalog, tmp_path: Path
) -> None:
    older = "Security Update for Exchange Server 2016 Cumulative Update 18 (KB4593465)"
    path = tmp_path / "a.bin"
    path.write_bytes(b"\0".join(text.encode() for text in (older, CU19_TITLE)))
    assert content_evidence(bind(catalog, None, CU19_MARCH), FILE, read_claims(path))


def test_empty_and_silent_files_claim_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"")
    assert read_claims(path) == ()
    path.write_bytes(b"Exchange Server " * 1000)
    assert read_claims(path) == ()
