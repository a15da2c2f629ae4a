# SPDX-License-Identifier: GPL-3.0-or-later
"""MSIs of the URL Rewrite module: what is taken into the store and everything that is not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
    from_document,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.edit import (
    with_module,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.iis_module_records import (
    ModuleRecord,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    Signature,
)
from signing import MICROSOFT, NOW, PRODUCT, Authorities, issue, product, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


NAME = "rewrite_amd64_en-US.msi"
GERMAN = {
    "ProductName": "IIS-URL-Rewrite-Modul 2",
    "ProductCode": "{11112222-3333-4444-5555-666677778888}",
    "ProductLanguage": "1031",
}


@pytest.fixture
def made(tmp_path: Path, authorities: Authorities) -> Callable[..., Path]:
    """A signed MSI with other properties."""
    count = iter(range(100))

    def make(name: str = NAME, *, signer: Any = None, **changes: str) -> Path:
        folder = tmp_path / f"in{next(count)}"
        folder.mkdir()
        path = product(folder / name, **changes)
        return sign(path, signer or authorities.signer, authorities.stamper)

    return make


def test_module_is_added_listed_and_verified(ready: Any, made: Any, tmp_path: Path) -> None:
    path = made()
    code, out, err = ready("add", path)
    assert (code, err) == (0, "")
    assert "IIS URL Rewrite Module 2 7.2.1993 x64 en-US" in out
    listed = json.loads(ready("list", "--json")[1])
    (entry,) = listed["modules"]
    assert (listed["schema"], listed["packages"]) == (2, [])
    assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["size"] == path.stat().st_size
    assert entry["product_code"] == PRODUCT["ProductCode"]
    assert (entry["version"], entry["language"], entry["architecture"]) == (
        "7.2.1993",
        "en-US",
        "x64",
    )
    assert entry["signature"]["subject"].startswith("CN=Microsoft Corporation")
    assert "1 of 1 packages are as signed" in ready("verify")[1]
    assert "0 packages, 1 modules" in ready("list")[1]
    (stored,) = (tmp_path / "packages").glob("*/*.msi")
    data = bytearray(stored.read_bytes())
    data[600] ^= 1
    stored.write_bytes(data)
    code, _, err = ready("verify")
    assert code == 1
    assert "the file was changed" in err


def test_every_language_has_its_place_and_a_translated_name_is_known(ready: Any, made: Any) -> None:
    assert ready("add", made())[0] == 0
    code, out, err = ready("add", made("rewrite_amd64_de-DE.msi", **GERMAN))
    assert (code, err) == (0, "")
    assert "installs rewrite.dll" in out
    listed = json.loads(ready("list", "--json")[1])
    assert [entry["language"] for entry in listed["modules"]] == ["de-DE", "en-US"]
    assert ready("renew")[0] == 0
    assert len(json.loads(ready("list", "--json")[1])["modules"]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"template": "Intel;1033"}, "it is for x86, Exchange needs x64"),
        (
            {"ProductVersion": "7.2.1952", "ProductCode": "{08F0318A-D113-4CF0-993E-50F191D397AD}"},
            "its version is 7.2.1952, older than 7.2.1993",
        ),
        ({"ProductVersion": "7.2.2"}, "its ProductCode is that of 7.2.1993"),
        ({**GERMAN, "ProductName": "IIS 10.0 Express"}, "there is no 'URL' in its name"),
        ({**GERMAN, "files": "other.dll"}, "it installs no rewrite.dll"),
        ({"Manufacturer": "Contoso"}, "its manufacturer is 'Contoso'"),
        ({"ProductLanguage": "1031"}, "its ProductLanguage says de-DE"),
        ({**GERMAN, "ProductLanguage": "1055"}, "its ProductLanguage 1055 is none of those"),
        ({**GERMAN}, "its file name says en-US"),
        ({"ProductVersion": "seven"}, "its ProductCode is that of 7.2.1993"),
    ],
)
def test_what_is_not_the_right_module_is_refused(
    changes: dict[str, str], said: str, ready: Any, made: Any, tmp_path: Path
) -> None:
    code, _, err = ready("add", made(**changes))
    assert code == 2
    assert said in err
    assert NAME in err
    assert not (tmp_path / "packages" / "catalogue.json").exists()
    assert list((tmp_path / "packages").glob("*/*.msi")) == []


def test_unsigned_self_signed_and_tampered_are_refused(
    ready: Any, made: Any, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    code, _, err = ready("add", product(tmp_path / "plain" / NAME))
    assert (code, "not signed at all" in err) == (2, True)
    code, _, err = ready("add", made(signer=issue(MICROSOFT)))
    assert (code, "not Microsoft, whatever the name says" in err) == (2, True)
    path = made()
    data = bytearray(path.read_bytes())
    place = data.index(b"7.2.1993")
    data[place : place + 8] = b"9.9.1993"
    path.write_bytes(data)
    code, _, err = ready("add", path)
    assert (code, "not those that were signed" in err) == (2, True)
    assert list((tmp_path / "packages").glob("*/*.msi")) == []


def test_pinned_hash_and_file_name_count(ready: Any, made: Any) -> None:
    code, _, err = ready("add", made(), "--sha256", "0" * 64)
    assert (code, "--sha256 says" in err) == (2, True)
    code, _, err = ready("add", made("re write.msi"))
    assert (code, "rename it as Microsoft names it" in err) == (2, True)


def test_an_msi_for_a_build_is_no_module(ready: Any, made: Any) -> None:
    code, _, err = ready("add", made(), "--build", "15.1.2176.9")
    assert code == 2
    assert "by its bytes it is" not in err
    assert "a SU never comes as .msi" in err


def record(**changes: Any) -> ModuleRecord:
    signature = Signature("CN=x", "CN=y", "a" * 64, "1", "b" * 64, "now", "SHA256")
    known = ModuleRecord(
        "c" * 64, 1000, NAME, "url-rewrite", "IIS URL Rewrite Module 2", "7.2.1993",
        PRODUCT["ProductCode"], "x64", "en-US", signature, ("ProductCode",), "2026-11-01T00:00:00Z",
    )  # fmt: skip
    return replace(known, **changes)


def test_newer_takes_the_place_of_older_and_nothing_else_does() -> None:
    one = record()
    assert with_module((one,), one) == (one,)
    newer = record(version="7.2.2000", sha256="d" * 64)
    assert with_module((one,), newer) == (newer,)
    for other in (record(sha256="e" * 64), record(version="7.2.1992", sha256="e" * 64)):
        with pytest.raises(RefusedError, match="is not newer"):
            with_module((one,), other)
    german = record(language="de-DE", sha256="f" * 64)
    assert with_module((one,), german) == (one, german)


def test_schema_1_stays_readable_and_only_modules_need_schema_2() -> None:
    moment = NOW.replace(microsecond=0)
    plain = PackageCatalogue("0" * 32, 1, moment, moment, ())
    document = plain.to_json()
    assert document["schema"] == 1
    assert from_document(document, ("ops",), where="x").modules == ()
    with_one = replace(plain, modules=(record(),)).to_json()
    assert with_one["schema"] == 2
    assert from_document(with_one, ("ops",), where="x").modules == (record(),)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(schema=1),
        lambda d: d.update(schema=3),
        lambda d: d.update(modules=[]),
        lambda d: d.pop("modules"),
        lambda d: d["modules"][0].update(file="..\\evil.msi"),
        lambda d: d["modules"][0].update(file="evil.exe"),
        lambda d: d["modules"][0].update(product_code="REMOVE=ALL"),
        lambda d: d["modules"][0].update(architecture="x86"),
        lambda d: d["modules"][0].update(signature=None),
        lambda d: d["modules"][0].pop("evidence"),
    ],
)
def test_documents_that_do_not_hold_together_are_refused(spoil: Callable[[Any], object]) -> None:
    moment = NOW.replace(microsecond=0)
    document = PackageCatalogue("0" * 32, 1, moment, moment, (), modules=(record(),)).to_json()
    spoil(document)
    with pytest.raises(RefusedError, match="sign it again with this version"):
        from_document(document, ("ops",), where="x")
