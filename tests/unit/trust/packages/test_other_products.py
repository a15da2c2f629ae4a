# SPDX-License-Identifier: GPL-3.0-or-later
"""Other products of Microsoft, and parts of Exchange, are no update whatever the reason (I10)."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import package as cli_package
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.binding import (
    bind,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    FORMS,
    PackageRecord,
)
from package_files import EXCHANGE_2013, EXCHANGE_2016, TITLE, msp, pe, signed, update_strings
from proven_content import PROVEN
from signing import product

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )
    from signing import Authorities

SU, CU = "15.1.2176.9", "15.1.2176.2"
MSP, EXE = "Exchange2016-KB5000871-x64-en.msp", "Exchange2016-KB5000871-x64-en.exe"
CU_EXE = "ExchangeServer2016-x64-cu19.exe"
CU_TITLE = "Microsoft Exchange Server 2016 Cumulative Update 19"
CU_SIGNED = dt.datetime(2020, 12, 1, tzinfo=dt.UTC)
SQL = {
    "CompanyName": "Microsoft Corporation",
    "ProductName": "Microsoft SQL Server",
    "FileDescription": "SQL Server Setup",
    "OriginalFilename": "sqlsetup.exe",
}
REASON = ("--reason", "the vendor said so")


def add(
    ready: Any, path: Path, who: Authorities, build: str, *words: str, at: dt.datetime | None = None
) -> tuple[int, str, str]:
    signed(path, who, **({"at": at} if at else {}))
    result: tuple[int, str, str] = ready("add", path, "--build", build, *words)
    return result


def without(*keys: str) -> dict[str, str]:
    return {key: text for key, text in SQL.items() if key not in keys}


def exchange(**changes: str) -> dict[str, str]:
    """The version resource of a program of Exchange, and of its setup."""
    return update_strings("Microsoft Exchange Replication Service", **changes)


OTHERS: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "program of another product": (
        EXE,
        lambda p: pe(p, SQL),
        "'Microsoft SQL Server', not Exchange",
    ),
    "its title says Exchange": (
        EXE,
        lambda p: pe(p, {**SQL, "FileDescription": TITLE}, version=SU),
        "'Microsoft SQL Server', not Exchange",
    ),
    "product only by its description": (
        EXE,
        lambda p: pe(p, without("ProductName")),
        "'SQL Server Setup', not Exchange",
    ),
    "product only by its name": (
        EXE,
        lambda p: pe(p, without("ProductName", "FileDescription")),
        "'sqlsetup.exe', not Exchange",
    ),
    "product by nothing": (
        EXE,
        lambda p: pe(p, {"CompanyName": "Microsoft Corporation", "FileVersion": "1.0"}),
        "names no product, not Exchange",
    ),
    "another maker": (
        EXE,
        lambda p: pe(p, update_strings(CompanyName="Contoso"), version=SU),
        "the maker 'Contoso', not Microsoft",
    ),
    "no maker": (
        EXE,
        lambda p: pe(p, update_strings(CompanyName=""), version=SU),
        "names no maker, not Microsoft",
    ),
    "another maker around a patch": (
        EXE,
        lambda p: pe(
            p, {**SQL, "CompanyName": "Contoso"}, content=msp(p.with_name("in")).read_bytes()
        ),
        "the maker 'Contoso', not Microsoft",
    ),
    "another product around a patch that proves too little": (
        EXE,
        lambda p: pe(p, SQL, content=msp(p.with_name("in"), "Exchange update").read_bytes()),
        "'Microsoft SQL Server', not Exchange",
    ),
    "patch by another maker": (
        MSP,
        lambda p: msp(p, ManufacturerName="Contoso"),
        "the patch names the maker 'Contoso'",
    ),
    "patch of another product without target": (
        MSP,
        lambda p: msp(p, "Update for Word", products=(), versions=()),
        "the patch names 'Update for Word', not Exchange",
    ),
    "patch of a language pack": (
        MSP,
        lambda p: msp(p, f"{CU_TITLE} UM Language Pack"),
        "UM Language Pack'",
    ),
    "product of another name": (
        "update.msi",
        product,
        "a SU never comes as .msi, but as .msp, .exe",
    ),
    "product of Exchange": (
        "update.msi",
        lambda p: product(p, ProductName="Microsoft Exchange Server", ProductCode=EXCHANGE_2016),
        "a SU never comes as .msi",
    ),
}


@pytest.mark.parametrize("words", [(), REASON])
@pytest.mark.parametrize("other", OTHERS)
def test_other_product_is_no_update_and_no_reason_helps(
    other: str, words: tuple[str, ...], ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    name, make, said = OTHERS[other]
    code, out, err = add(ready, make(tmp_path / name), authorities, SU, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_program_without_a_version_resource_may_be_vouched_for(
    ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    path = pe(tmp_path / EXE)
    assert add(ready, path, authorities, SU)[0] == 2
    assert ready("add", path, "--build", SU, *REASON)[0] == 0


def test_program_that_the_catalogue_knows_by_its_hash_may_only_unpack(
    ready: Any, tmp_path: Path, authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ExchangeSubscriptionEdition-KB5129955-x64-en.exe"
    path = signed(pe(tmp_path / name, {**SQL, "ProductName": "Self-Extractor"}), authorities)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    precheck = cli_package.precheck
    monkeypatch.setattr(
        cli_package, "precheck", lambda *args: replace(precheck(*args), sha256=digest)
    )
    code, out, err = ready("add", path, "--build", "15.2.2562.53")
    assert (code, err) == (0, "")
    assert "SHA-256 as the catalogue says" in out


PARTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "program of the update": (lambda p: pe(p, exchange(), version=CU), "cumulative-update"),
    "title of a part": (
        lambda p: pe(p, update_strings(f"{CU_TITLE} Setup Helper"), version=CU),
        "cumulative-update",
    ),
    "name of a part": (
        lambda p: pe(p, exchange(OriginalFilename="ExchangeServer2016-x64-cu19-Tools.exe")),
        "cumulative-update",
    ),
    "patch inside": (
        lambda p: pe(p, content=msp(p.with_name("in"), CU_TITLE).read_bytes()),
        "cumulative-update",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_part_of_a_cumulative_update_does_not_prove_it(
    part: str, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    make, lacking = PARTS[part]
    code, _, err = add(ready, make(tmp_path / CU_EXE), authorities, CU, at=CU_SIGNED)
    assert code == 2
    assert f"its content does not prove: {lacking}" in err


@pytest.mark.parametrize(
    "title", [f"{CU_TITLE} UM Language Pack", f"Security Update for {CU_TITLE}"]
)
def test_title_of_another_thing_is_no_cumulative_update_and_no_reason_helps(
    title: str, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    path = pe(tmp_path / CU_EXE, update_strings(title), version=CU)
    code, _, err = add(ready, path, authorities, CU, *REASON, at=CU_SIGNED)
    assert code == 2
    assert f"FileDescription says '{title}'" in err


@pytest.mark.parametrize("strings", [update_strings(CU_TITLE), exchange(OriginalFilename=CU_EXE)])
def test_whole_cumulative_update_is_known_by_title_or_original_name(
    strings: dict[str, str], ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    path = pe(tmp_path / CU_EXE, strings, version=CU)
    assert add(ready, path, authorities, CU, at=CU_SIGNED)[0] == 0


@pytest.mark.parametrize("name", ["update.msp", "ExchangeServer2016-x64-cu19.msp"])
def test_patch_is_no_cumulative_update_and_no_reason_helps(
    name: str, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    path = msp(tmp_path / name, CU_TITLE)
    code, _, err = add(ready, path, authorities, CU, *REASON, at=CU_SIGNED)
    assert code == 2
    assert "a CU never comes as .msp, but as .iso, .exe, .msi" in err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ProductCode": EXCHANGE_2016}, None),
        ({"ProductCode": EXCHANGE_2013}, f"it installs the product {EXCHANGE_2013}, not"),
        ({"ProductCode": EXCHANGE_2016, "ProductName": "SQL Types"}, "it installs 'SQL Types'"),
        ({"ProductCode": EXCHANGE_2016, "Manufacturer": "Contoso"}, "the maker 'Contoso'"),
        ({"ProductCode": EXCHANGE_2016, "ProductVersion": "15.1.2106.2"}, "version is 15.1.2106.2"),
    ],
)
def test_only_the_products_own_msi_may_be_vouched_for(
    changes: dict[str, str], said: str | None, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    known = {"ProductName": "Microsoft Exchange Server", "ProductVersion": CU}
    path = product(tmp_path / "exchangeserver.msi", **{**known, **changes})
    code, _, err = add(ready, path, authorities, CU, at=CU_SIGNED)
    assert code == 2
    assert (said or "its content does not prove: cumulative-update") in err
    code, _, err = ready("add", path, "--build", CU, *REASON)
    assert code == (2 if said else 0)


def test_every_package_of_the_catalogue_comes_in_a_form_of_its_kind(catalog: Catalog) -> None:
    for package in catalog.packages():
        kind = bind(catalog, package.kb, package.build).kind
        assert package.file.rpartition(".")[2].lower() in FORMS[kind], package


@pytest.mark.parametrize(
    ("kind", "form"), [("CU", "msp"), ("SU", "msi"), ("HU", "iso"), ("RU", "iso")]
)
def test_record_of_another_form_goes_to_no_server(kind: str, form: str, catalog: Catalog) -> None:
    binding = bind(catalog, None, next(b.build for b in catalog.builds() if str(b.build) == SU))
    record = PackageRecord(
        sha256="0" * 64, size=1, file=f"update.{form}", format=form, product=binding.product,
        cu=binding.cu, kind=kind, kb=binding.kb, build=binding.build, applies_to=(), supersedes=(),
        signature=None, evidence=(), reason="x", reason_by="ops", added="2021-03-03T00:00:00Z",
        content=PROVEN,
    )  # fmt: skip
    assert f"a {kind} never comes as .{form}" in (record.refusal or "")
