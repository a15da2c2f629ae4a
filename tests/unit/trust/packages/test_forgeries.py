# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that Microsoft signed, under the name of an update that they are not (I10).

All but a few carry a good signature of the right signer and a time stamp of the right week: only
the bytes themselves tell.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    kinds,
    statements,
)
from package_files import (
    EXCHANGE_2013,
    PRODUCT_CLASS,
    RUNTIME,
    TITLE,
    msp,
    pe,
    signed,
    update_strings,
)
from signing import product

if TYPE_CHECKING:
    from collections.abc import Callable

    from signing import Authorities

BUILD = "15.1.2176.9"
MSP, EXE = "Exchange2016-KB5000871-x64-en.msp", "Exchange2016-KB5000871-x64-en.exe"
OTHER_KB = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5001779)"
OTHER_CU = "Security Update for Exchange Server 2016 Cumulative Update 18 (KB5000871)"
OTHER_PRODUCT = "Security Update for Exchange Server 2019 Cumulative Update 8 (KB5000871)"
WORD = "Security Update for Microsoft Word 2016 (KB5000871) 64-Bit Edition"
CU18 = (("15.1.2106.2", "15.1.2106.2"),)
OFFICE = "{90160000-0011-0000-1000-0000000FF1CE}"

# Name, file, what the refusal says.
FORGERIES: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "dll renamed exe": (
        EXE,
        lambda p: pe(p, RUNTIME, dll=True),
        "it is a DLL, 'Microsoft .NET Runtime' 8.0.1 by Microsoft Corporation (System.Runtime)",
    ),
    "dll renamed exe, of Exchange itself": (
        EXE,
        lambda p: pe(p, update_strings(), dll=True, version=BUILD),
        "it is a DLL, 'Microsoft Exchange'",
    ),
    "driver renamed exe": (
        EXE,
        lambda p: pe(p, {"ProductName": "Windows", "FileDescription": "Null"}, subsystem=1),
        "it is a driver, 'Windows'",
    ),
    "driver by its flag": (EXE, lambda p: pe(p, flags=0x1022), "it is a driver"),
    "program of a firmware": (EXE, lambda p: pe(p, subsystem=10), "that this Windows cannot start"),
    "program for arm": (EXE, lambda p: pe(p, machine=0xAA64), "that this Windows cannot start"),
    "program of another product": (
        EXE,
        lambda p: pe(p, {**RUNTIME, "FileDescription": ".NET Host"}),
        (
            "a program, 'Microsoft .NET Runtime' 8.0.1 by Microsoft Corporation (.NET Host); its version "
            "resource names the product 'Microsoft .NET Runtime', not Exchange"
        ),
    ),
    "program without a version resource": (
        EXE,
        pe,
        "a program that does not say of what product it is; its content does not prove",
    ),
    "program of Exchange that is no update": (
        EXE,
        lambda p: pe(p, update_strings("Exchange Setup"), version=BUILD),
        "its content does not prove: kb",
    ),
    "title as loose text in a program": (
        EXE,
        lambda p: pe(p, RUNTIME, content=TITLE.encode() + TITLE.encode("utf-16-le")),
        "names the product 'Microsoft .NET Runtime', not Exchange",
    ),
    "title by another maker": (
        EXE,
        lambda p: pe(p, update_strings(CompanyName="Contoso")),
        "its version resource names the maker 'Contoso', not Microsoft Corporation",
    ),
    "update of another KB": (
        EXE,
        lambda p: pe(p, update_strings(OTHER_KB)),
        (
            "FileDescription says 'Security Update for Exchange Server 2016 Cumulative Update 19 "
            "(KB5001779)'"
        ),
    ),
    "update of another KB by its original name": (
        EXE,
        lambda p: pe(p, update_strings("x", OriginalFilename="Exchange2016-KB5001779-x64-en.exe")),
        "OriginalFilename says 'Exchange2016-KB5001779-x64-en.exe'",
    ),
    "program with the version of another update": (
        EXE,
        lambda p: pe(p, update_strings(), version="15.1.2176.12"),
        "its version is 15.1.2176.12",
    ),
    "program with a patch of another cumulative update inside": (
        EXE,
        lambda p: pe(
            p,
            update_strings("Exchange update"),
            content=bytes(700) + msp(p.with_name("inner"), versions=CU18).read_bytes(),
        ),
        "patch 1 inside it, it changes version 15.1.2106.2",
    ),
    "exe renamed msp": (
        MSP,
        lambda p: pe(p, update_strings(), version=BUILD),
        "by its bytes it is a program, 'Microsoft Exchange'",
    ),
    "msp renamed exe": (EXE, msp, "by its bytes it is a Windows Installer patch (.msp)"),
    "msi renamed msp": (MSP, product, "by its bytes it is a Windows Installer product (.msi)"),
    "msi with the tables of a patch": (
        MSP,
        lambda p: msp(p, class_id=PRODUCT_CLASS),
        "by its bytes it is a Windows Installer product (.msi)",
    ),
    "document renamed msp": (
        MSP,
        lambda p: msp(p, class_id=bytes.fromhex("0609020000000000c000000000000046")),
        "a compound file of something else than Windows Installer",
    ),
    "patch of another KB": (MSP, lambda p: msp(p, OTHER_KB), "(KB5001779)'"),
    "patch of another cumulative update by its title": (
        MSP,
        lambda p: msp(p, OTHER_CU, versions=()),
        "Cumulative Update 18 (KB5000871)'",
    ),
    "patch of another cumulative update by its transforms": (
        MSP,
        lambda p: msp(p, versions=CU18),
        "it changes version 15.1.2106.2",
    ),
    "patch that leads to another build": (
        MSP,
        lambda p: msp(p, versions=(("15.1.2176.2", "15.1.2176.12"),)),
        "it leads to build 15.1.2176.12",
    ),
    "patch of another year": (MSP, lambda p: msp(p, OTHER_PRODUCT, versions=()), "Server 2019"),
    "patch for another product": (
        MSP,
        lambda p: msp(p, WORD, products=[OFFICE]),
        f"it is a patch for the products {OFFICE}",
    ),
    "right title, other target product": (
        MSP,
        lambda p: msp(p, products=[EXCHANGE_2013]),
        f"it is a patch for the products {EXCHANGE_2013}, not for",
    ),
    "patch that does not say for which cumulative update": (
        MSP,
        lambda p: msp(p, "Security Update for Exchange Server 2016 (KB5000871)", versions=()),
        "its content does not prove: cumulative-update",
    ),
    "patch without a patch code": (MSP, lambda p: msp(p, code="none"), "it states no patch code"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_signed_file_that_is_something_else_is_refused(
    forgery: str, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    name, make, said = FORGERIES[forgery]
    (tmp_path / "in").mkdir()
    path = signed(make(tmp_path / "in" / name), authorities)
    code, out, err = ready("add", path, "--build", BUILD)
    assert (code, out) == (2, "")
    assert f"{name}: " in err
    assert said in err
    assert list((tmp_path / "packages").glob("*")) == []


@pytest.mark.parametrize("days", [-121, 31, 365, 2000])
def test_file_that_was_signed_in_another_season_is_refused(
    days: int, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    release = dt.datetime(2021, 3, 2, 12, tzinfo=dt.UTC)
    path = signed(msp(tmp_path / MSP), authorities, at=release + dt.timedelta(days=days))
    code, _, err = ready("add", path, "--build", BUILD)
    assert code == 2
    assert "the update was released on 2021-03-02" in err


@pytest.mark.parametrize("days", [-120, -3, 14, 30])
def test_file_that_was_signed_around_the_release_is_taken(
    days: int, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    release = dt.datetime(2021, 3, 2, 12, tzinfo=dt.UTC)
    path = signed(msp(tmp_path / MSP), authorities, at=release + dt.timedelta(days=days))
    assert ready("add", path, "--build", BUILD)[0] == 0


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("update.msp", b"x" * 1000)
    return path


def cut(path: Path, keep: int) -> Path:
    path.write_bytes(msp(path).read_bytes()[:keep])
    return path


UNSIGNABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": (MSP, lambda p: p.write_bytes(b""), "an empty file"),
    "zip renamed exe": (EXE, zipped, "a zip archive"),
    "cabinet renamed msp": (MSP, lambda p: p.write_bytes(b"MSCF" + bytes(600)), "expand -F:*.msp"),
    "image renamed exe": (
        EXE,
        lambda p: p.write_bytes(bytes(0x8000) + b"\x01CD001" + bytes(2048)),
        "a disk image (.iso)",
    ),
    "log-on page": (EXE, lambda p: p.write_text("<html>log on first</html>"), "log-on page"),
    "noise": (MSP, lambda p: p.write_bytes(bytes(range(256)) * 9), "no kind of file"),
    "patch cut in its header": (MSP, lambda p: cut(p, 300), "damaged or cut off"),
    "patch cut before its directory": (MSP, lambda p: cut(p, 512), "damaged or cut off"),
    "program cut in its header": (EXE, lambda p: p.write_bytes(b"MZ" + bytes(80)), "cut off"),
}


@pytest.mark.parametrize("what", UNSIGNABLE)
def test_file_of_another_kind_is_refused_and_named(what: str, ready: Any, tmp_path: Path) -> None:
    name, make, said = UNSIGNABLE[what]
    make(tmp_path / name)
    code, _, err = ready("add", tmp_path / name, "--build", BUILD, "--reason", "trust me")
    assert code == 2
    assert said in err
    assert list((tmp_path / "packages").glob("*")) == []


@pytest.mark.parametrize("name", ["a.cab", "a.zip"])
def test_container_by_its_name_has_a_cure(name: str, ready: Any, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    code, _, err = ready("add", tmp_path / name, "--build", BUILD)
    assert code == 2
    assert "unpack" in err


@pytest.mark.parametrize(
    "forgery",
    [
        "dll renamed exe",
        "msi renamed msp",
        "patch of another KB",
        "patch of another cumulative update by its transforms",
        "right title, other target product",
        "update of another KB",
    ],
)
def test_no_reason_helps_against_bytes_that_say_otherwise(
    forgery: str, ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    name, make, said = FORGERIES[forgery]
    path = signed(make(tmp_path / name), authorities)
    code, _, err = ready("add", path, "--build", BUILD, "--reason", "the vendor said so")
    assert code == 2
    assert said in err


def test_library_of_net_under_the_name_of_the_update_is_refused(ready: Any, tmp_path: Path) -> None:
    named = os.environ.get("EXCHANGE_REMEDIATION_PWSH") or shutil.which("pwsh")
    if not named:
        pytest.skip("no PowerShell engine, so no library of Microsoft is at hand")
    found = sorted(Path(named).resolve().parent.rglob("System.Runtime.dll"))
    (tmp_path / EXE).write_bytes(found[0].read_bytes())
    code, _, err = ready("add", tmp_path / EXE, "--build", BUILD, "--reason", "trust me")
    assert code == 2
    assert "by its bytes it is a DLL, 'Microsoft" in err


@pytest.mark.parametrize(
    "make",
    [
        lambda p: pe(p, update_strings(), version=BUILD),
        lambda p: pe(p, update_strings()),
        lambda p: pe(
            p,
            update_strings("Microsoft Exchange Server", OriginalFilename=EXE),
            version=BUILD,
        ),
        lambda p: pe(
            p,
            {"CompanyName": "Microsoft Corporation", "ProductName": "Self-Extractor"},
            content=bytes(700) + msp(p.with_name("inner")).read_bytes(),
        ),
        lambda p: pe(p, content=msp(p.with_name("inner")).read_bytes()),
    ],
)
def test_self_extracting_update_is_taken_by_its_version_resource_or_its_patch(
    make: Callable[[Path], Path], ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    path = signed(make(tmp_path / EXE), authorities)
    code, out, err = ready("add", path, "--build", BUILD)
    assert (code, err) == (0, "")
    assert "proven     cumulative-update, kb, product, signing-time" in out


def test_patch_in_the_table_of_certificates_proves_nothing(
    ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    """What lies behind the signature is not covered by it; nothing is read from there."""
    path = signed(pe(tmp_path / EXE, RUNTIME), authorities)
    data = bytearray(path.read_bytes())
    (header,) = struct.unpack_from("<I", data, 0x3C)
    place = header + 24 + 112 + 8 * 4
    start, size = struct.unpack_from("<II", data, place)
    inner = msp(tmp_path / "inner").read_bytes()
    path.write_bytes(bytes(data) + inner)
    found = kinds.recognise(path)
    assert found.program is not None
    assert (found.program.signed_bytes, size > 0) == (start, True)
    stated = statements.read_statements(path, EXE, found)
    assert [item.claims for item in stated.items] == [()]
    code, _, _ = ready("add", path, "--build", BUILD)
    assert code == 2
