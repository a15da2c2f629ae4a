# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in an .msi, read from files that an independent program (msitools) wrote."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.msi import (
    MsiFacts,
    read_msi,
)
from signing import patch, product, program

if TYPE_CHECKING:
    from pathlib import Path


def test_properties_files_and_architecture_are_read(tmp_path: Path) -> None:
    facts = read_msi(product(tmp_path / "a.msi"))
    assert facts.product_name == "IIS URL Rewrite Module 2"
    assert facts.product_version == "7.2.1993"
    assert facts.product_code == "{9BCA2118-F753-4A1E-BCF3-5A820729965C}"
    assert (facts.manufacturer, facts.language) == ("Microsoft Corporation", 1033)
    assert facts.architecture == "x64"
    assert facts.files == {"rewrite.dll", "rewrite_schema.xml"}


@pytest.mark.parametrize(
    ("template", "architecture"),
    [("Intel;1033", "x86"), (";1033", "x86"), ("Arm64;1033", "arm64"), ("x64;1031,1033", "x64")],
)
def test_architecture_is_that_of_the_template(
    template: str, architecture: str, tmp_path: Path
) -> None:
    assert read_msi(product(tmp_path / "a.msi", template=template)).architecture == architecture


def test_a_pool_of_more_than_65535_strings_is_read(tmp_path: Path) -> None:
    """Then references take three bytes."""
    path = product(tmp_path / "a.msi")
    many = tmp_path / "Many.idt"
    rows = "".join(f"key{number}\ttext{number}\n" for number in range(40_000))
    many.write_text(f"Property\tValue\ns72\tl0\nMany\tProperty\n{rows}")
    subprocess.run(["msibuild", str(path), "-i", str(many)], check=True, capture_output=True)
    facts = read_msi(path)
    assert (facts.product_version, facts.language) == ("7.2.1993", 1033)
    assert "rewrite.dll" in facts.files


@pytest.mark.parametrize(
    "missing", ["ProductName", "ProductVersion", "ProductCode", "Manufacturer", "ProductLanguage"]
)
def test_without_a_property_of_every_product_it_is_none(missing: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"a.msi: it states no {missing}"):
        read_msi(product(tmp_path / "a.msi", **{missing: ""}))


def test_an_update_and_a_program_are_no_product(tmp_path: Path) -> None:
    title = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
    with pytest.raises(RefusedError, match="it states no ProductName"):
        read_msi(patch(tmp_path / "a.msp", title))
    with pytest.raises(RefusedError, match="no whole Windows Installer package"):
        read_msi(program(tmp_path / "a.exe"))


def test_a_cut_or_scrambled_file_is_refused_not_misread(tmp_path: Path) -> None:
    """Whatever stands in it, the answer is a refusal or the facts, and it comes."""
    path = product(tmp_path / "a.msi")
    whole = path.read_bytes()
    true = read_msi(path)
    cut = []
    for size in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:size])
        cut.append(answer(path))
    refusals = [text for text in cut if isinstance(text, str)]
    assert len(refusals) > 20
    assert all("a.msi: " in text for text in refusals)
    assert all(facts == true for facts in cut if not isinstance(facts, str))
    for place in range(512, len(whole), 97):
        data = bytearray(whole)
        data[place] ^= 0xFF
        path.write_bytes(data)
        seen = answer(path)
        assert not isinstance(seen, str) or "a.msi: " in seen


def answer(path: Path) -> MsiFacts | str:
    try:
        return read_msi(path)
    except RefusedError as error:
        return str(error)
