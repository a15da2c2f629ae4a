# SPDX-License-Identifier: GPL-3.0-or-later
"""The command from a file that was brought to a verified store, and every refusal on the way."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import main as cli
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import package as cli_package
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
    signing_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.intake import (
    examine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys
from package_files import SIGNED, TITLE, msp, pe, signed
from signing import MICROSOFT, issue

if TYPE_CHECKING:
    from pathlib import Path

    from signing import Authorities

NAME = "Exchange2016-KB5000871-x64-en.msp"
BUILD = "15.1.2176.9"
SECRET = "correct horse battery staple"


@pytest.fixture
def package(tmp_path: Path, authorities: Authorities) -> Path:
    (tmp_path / "in").mkdir()
    return signed(msp(tmp_path / "in" / NAME), authorities)


def test_package_is_added_listed_and_verified(ready: Any, package: Path) -> None:
    code, out, err = ready("add", package, "--build", BUILD, "--kb", "KB5000871")
    assert (code, err) == (0, "")
    assert "proven     cumulative-update, kb, product, signing-time" in out
    assert "catalogue version 1" in out
    code, out, _ = ready("list", "--json")
    (entry,) = json.loads(out)["packages"]
    assert code == 0
    assert entry["sha256"] == hashlib.sha256(package.read_bytes()).hexdigest()
    assert entry["size"] == package.stat().st_size
    assert entry["applies_to"][0] == "15.1.2176.2"
    assert f"MsiPatchMetadata DisplayName: {TITLE}" in entry["evidence"]
    assert "changes version 15.1.2176.2" in entry["evidence"]
    assert "signed on 2021-02-27, released on 2021-03-02" in entry["evidence"]
    assert not [line for line in entry["evidence"] if NAME in line]
    assert (entry["reason"], entry["reason_by"]) == (None, None)
    assert ready("verify")[0] == 0
    assert "KB5000871 -> 15.1.2176.9" in ready("list")[1]


def test_record_and_verify_say_which_tool_agreed(ready: Any, package: Path) -> None:
    name = signing_tool.installed().name
    out = ready("add", package, "--build", BUILD)[1]
    assert f"(checked with {name})" in out
    (entry,) = json.loads(ready("list", "--json")[1])["packages"]
    assert entry["signature"]["tool"] == name
    assert f"1 of 1 packages are as signed (signatures checked with {name})" in ready("verify")[1]
    assert json.loads(ready("verify", "--json")[1])["tool"] == name


@pytest.mark.parametrize("tool", [None, "osslsigncode 2.99"])
def test_record_by_another_version_of_the_tool_or_from_before_it_was_kept_is_good(
    tool: str | None, ready: Any, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        real = authenticode.verify
        patched.setattr(
            authenticode, "verify", lambda *a, **k: dataclasses.replace(real(*a, **k), tool=tool)
        )
        assert ready("add", package, "--build", BUILD)[0] == 0
    (entry,) = json.loads(ready("list", "--json")[1])["packages"]
    assert entry["signature"].get("tool") == tool
    assert ready("verify")[0] == 0


def test_same_file_again_changes_only_the_version(ready: Any, package: Path) -> None:
    ready("add", package, "--build", BUILD)
    ready("add", package, "--build", BUILD)
    listed = json.loads(ready("list", "--json")[1])
    assert (listed["version"], len(listed["packages"])) == (2, 1)


def test_other_bytes_for_the_same_build_are_refused(
    ready: Any, package: Path, tmp_path: Path, authorities: Authorities
) -> None:
    ready("add", package, "--build", BUILD)
    (tmp_path / "two").mkdir()
    other = signed(msp(tmp_path / "two" / NAME, Description="another"), authorities)
    code, _, err = ready("add", other, "--build", BUILD)
    assert code == 2
    assert "other bytes for 15.1.2176.9 already" in err


def test_flipped_bit_in_the_store_is_a_finding(ready: Any, package: Path, tmp_path: Path) -> None:
    ready("add", package, "--build", BUILD)
    (stored,) = (tmp_path / "packages").glob("*/*.msp")
    data = bytearray(stored.read_bytes())
    data[600] ^= 1
    stored.write_bytes(data)
    code, _, err = ready("verify")
    assert code == 1
    assert "the file was changed" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--build", "15.1.2106.13"], "it changes version 15.1.2176.2"),
        (["--build", "15.1.2176.3"], "exact builds only"),
        (["--build", "15.2.792.10"], "the file name says Exchange2016"),
        (["--kb", "KB5000871"], "say which one this is with --build"),
        (["--kb", "KB5001779", "--build", BUILD], "correct --kb or --build"),
        ([], "say what it is"),
        (["--build", BUILD, "--sha256", "0" * 64], "--sha256 says"),
        (["--build", BUILD, "--sha256", "abc"], "64 small hex digits"),
    ],
)
def test_wrong_statements_are_refused_and_leave_nothing(
    words: list[str], said: str, ready: Any, package: Path, tmp_path: Path
) -> None:
    code, out, err = ready("add", package, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert list((tmp_path / "packages").glob("*")) == []


@pytest.mark.parametrize("forgery", ["unsigned", "self-signed", "tampered"])
def test_forged_package_is_refused_and_leaves_nothing(
    forgery: str, ready: Any, package: Path, tmp_path: Path, authorities: Authorities
) -> None:
    if forgery == "tampered":
        data = bytearray(package.read_bytes())
        data[data.index(TITLE.encode())] ^= 0x20
        package.write_bytes(data)
    else:
        package.unlink()
        msp(package)
    if forgery == "self-signed":
        signed(package, authorities, signer=issue(MICROSOFT, days=(-8000, 300)))
    code, _, err = ready("add", package, "--build", BUILD)
    assert code == 2
    assert NAME in err
    assert list((tmp_path / "packages").glob("*")) == []


def test_web_page_saved_under_the_name_of_a_package_is_refused(ready: Any, tmp_path: Path) -> None:
    page = tmp_path / NAME
    page.write_text("<html>log on first</html>")
    code, _, err = ready("add", page, "--build", BUILD)
    assert code == 2
    assert "a log-on page" in err


def test_image_needs_a_pinned_hash_and_a_reason(ready: Any, tmp_path: Path) -> None:
    image = tmp_path / "ExchangeServer2016-x64-cu19.iso"
    image.write_bytes(bytes(0x8001) + b"CD001" + bytes(100))
    code, _, err = ready("add", image, "--build", "15.1.2176.2")
    assert code == 2
    assert "an image carries no signature" in err
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    good = ("add", image, "--build", "15.1.2176.2", "--reason", "volume licence page")
    assert ready(*good, "--sha256", "0" * 64)[0] == 2
    code, out, _ = ready(*good, "--sha256", digest.upper())
    assert code == 0
    assert "volume licence page" in out


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("EXCHANGESERVER2016-X64-CU19", "the label: EXCHANGESERVER2016-X64-CU19"),
        ("EXCHANGESERVER2016_X64_CU19", "the label: EXCHANGESERVER2016-X64-CU19"),
        ("EXCHANGESERVER2016-X64-CU18", None),
        ("EXCHANGESERVER2019-X64-CU8", None),
        ("SSS_X64FRE_EN-US_DV9", "product rest on operator"),  # says nothing about Exchange
    ],
)
def test_label_of_an_image_may_prove_or_contradict(
    label: str, said: str | None, ready: Any, tmp_path: Path
) -> None:
    image = tmp_path / "ExchangeServer2016-x64-cu19.iso"
    first = b"\x01CD001\x01\0" + bytes(32) + label.encode().ljust(32)
    last = b"\xffCD001\x01"
    image.write_bytes(bytes(0x8000) + first.ljust(2048, b"\0") + last.ljust(2048, b"\0"))
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    code, out, err = ready(
        "add", image, "--build", "15.1.2176.2", "--sha256", digest, "--reason", "x"
    )
    assert code == (0 if said else 2)
    assert (said in out) if said else (f"the label says '{label}'" in err)


def test_silent_file_needs_a_reason_that_is_kept_with_who_and_when(
    ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    path = signed(msp(tmp_path / NAME, "Patch", versions=()), authorities)
    code, _, err = ready("add", path, "--build", BUILD)
    assert code == 2
    assert "its content does not prove: cumulative-update, kb, product" in err
    assert "a name proves nothing" in err
    assert ready("add", path, "--build", BUILD, "--reason", "  ")[0] == 2
    code, out, _ = ready("add", path, "--build", BUILD, "--reason", "hash read out by Microsoft")
    assert code == 0
    words = "cumulative-update, kb, product rest on operator ("
    assert words in out
    assert "hash read out by Microsoft" in out
    (entry,) = json.loads(ready("list", "--json")[1])["packages"]
    assert entry["reason_by"] == "operator"
    assert entry["content"]["proven"] == ["signing-time"]
    assert entry["added"] in ready("list")[1]
    code, out, _ = ready("verify")
    assert code == 0
    assert words in out
    found = json.loads(ready("verify", "--json")[1])["vouched"]
    assert list(found) == [entry["sha256"]]


def test_signature_of_another_season_needs_a_reason(
    ready: Any, tmp_path: Path, authorities: Authorities
) -> None:
    late = SIGNED + timedelta(days=400)
    path = signed(msp(tmp_path / NAME), authorities, at=late)
    code, _, err = ready("add", path, "--build", BUILD)
    assert code == 2
    assert "it was signed on 2022-04-03, the update was released on 2021-03-02" in err
    assert "its content does not prove" not in err
    assert ready("add", path, "--build", BUILD, "--reason", "signed again by Microsoft")[0] == 0
    assert "signing-time rest on operator" in ready("list")[1]


def test_catalogues_of_older_releases_are_read_and_their_packages_not_used(
    ready: Any, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record without content may be anything of that name, until it is brought again."""
    with monkeypatch.context() as old:
        old.setattr(cli_package, "examine", lambda *args: replace(
            examine(*args), content=None, reason_by=None, evidence=("file name: Exchange2016",)
        ))  # fmt: skip
        assert ready("add", package, "--build", BUILD)[0] == 0
    document = json.loads(ready("list", "--json")[1])
    assert document["schema"] == 1
    assert "content" not in document["packages"][0]
    assert "refused" in ready("list")[1]
    code, _, err = ready("verify")
    assert code == 1
    assert "bring the file again with 'exchange-remediation package add'" in err
    assert ready("renew")[0] == 0, "what cannot be used may stay"
    assert ready("add", package, "--build", BUILD)[0] == 0
    assert ready("verify")[0] == 0
    assert json.loads(ready("list", "--json")[1])["schema"] == 3


def test_wrong_file_of_an_older_release_gives_way_to_the_right_one(
    ready: Any, package: Path, tmp_path: Path, authorities: Authorities, monkeypatch: Any
) -> None:
    (tmp_path / "wrong").mkdir()
    wrong = signed(msp(tmp_path / "wrong" / NAME, Description="wrong"), authorities)
    with monkeypatch.context() as old:
        old.setattr(cli_package, "examine", lambda *args: replace(
            examine(*args), content=None, reason_by=None
        ))  # fmt: skip
        assert ready("add", wrong, "--build", BUILD)[0] == 0
    assert ready("add", package, "--build", BUILD)[0] == 0
    (entry,) = json.loads(ready("list", "--json")[1])["packages"]
    assert entry["sha256"] == hashlib.sha256(package.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["a b.msp", "a;b.msp", "package.zip", "-x.msp", "ünï.msp"])
def test_unfit_file_names_are_refused(name: str, ready: Any, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    assert ready("add", f"./{name}", "--build", BUILD)[0] == 2


def test_passphrase_is_never_an_argument_nor_in_any_output(
    run: Any, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    said = [run("keys", "init", "--passphrase-file", secret)]
    said.append(run("add", package, "--build", BUILD))
    assert said[-1][0] == 2
    assert "is encrypted" in said[-1][2]
    said.append(run("add", package, "--build", BUILD, "--passphrase-file", secret))
    assert said[-1][0] == 0
    monkeypatch.setenv(keys.PASSPHRASE_VARIABLE, SECRET)
    said.append(run("renew"))
    assert said[-1][0] == 0
    assert SECRET not in repr(said)
    secret.unlink()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    assert SECRET not in repr(sys.argv)


def test_unencrypted_key_is_said_to_be_one(run: Any) -> None:
    code, out, err = run("keys", "init", "--name", "lab")
    assert code == 0
    assert "key lab" in out
    assert "not encrypted" in err
    assert json.loads(run("keys", "list", "--json")[1])[0]["private"] is True


def test_nothing_works_without_a_trusted_key(run: Any, package: Path) -> None:
    code, _, err = run("add", package, "--build", BUILD)
    assert code == 2
    assert "package keys init" in err


def test_second_operator_countersigns_and_each_change_needs_it_again(
    ready: Any, package: Path
) -> None:
    ready("keys", "init", "--name", "second")
    two = ("--threshold", 2)
    assert ready("add", package, "--build", BUILD, "--key", "operator", *two)[0] == 0
    code, _, err = ready("list", *two)
    assert code == 2
    assert "no good signature of 2 trusted key(s)" in err
    assert ready("sign", "--key", "operator", *two)[0] == 0
    assert ready("list", *two)[0] == 2, "the same key twice is one signature"
    assert ready("sign", "--key", "second", *two)[0] == 0
    code, out, _ = ready("list", *two)
    assert code == 0
    assert "signed by operator, second" in out
    assert ready("renew", "--key", "operator", *two)[0] == 0
    assert ready("verify", *two)[0] == 2


@pytest.mark.parametrize("words", [["--days", "0"], ["--days", "999"], ["--threshold", "0"]])
def test_senseless_numbers_are_usage_errors(words: list[str], ready: Any, package: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        ready("add", package, "--build", BUILD, *words)
    assert caught.value.code == 2


def test_store_that_cannot_be_written_is_named(ready: Any, package: Path) -> None:
    code, _, err = ready("add", package, "--build", BUILD, "--store", "/proc/packages")
    assert code == 2
    assert "/proc/packages" in err


def test_production_uses_the_pinned_roots(ready: Any, package: Path, monkeypatch: Any) -> None:
    monkeypatch.undo()
    code = cli.main(["package", "add", str(package), "--build", BUILD, "--store", str(package.parent / "s"),
                     "--keys", str(package.parents[1] / "config/exchange-remediation/keys"),
                     "--seen", str(package.parent / "seen.json")])  # fmt: skip
    assert code == 2, "signed by the test's authority, which production must not know"


def test_hash_of_the_catalogue_proves_everything_and_only_for_its_own_file(
    ready: Any, tmp_path: Path, authorities: Authorities, monkeypatch: Any
) -> None:
    """Microsoft's page of an update gives the hash of the .exe; the .msp has another one."""
    name = "ExchangeSubscriptionEdition-KB5129955-x64-en"
    silent = signed(pe(tmp_path / f"{name}.exe"), authorities)
    code, _, err = ready("add", silent, "--build", "15.2.2562.53")
    assert code == 2
    assert "the catalogue says 40b3825435c0" in err
    digest = hashlib.sha256(silent.read_bytes()).hexdigest()
    known = cli_package.precheck

    def pinned(*args: Any) -> Any:
        return replace(known(*args), sha256=digest)

    monkeypatch.setattr(cli_package, "precheck", pinned)
    code, out, _ = ready("add", silent, "--build", "15.2.2562.53")
    assert code == 0
    assert "SHA-256 as the catalogue says" in out
    assert "proven     cumulative-update, kb, product, signing-time" in out
    patch = signed(msp(tmp_path / f"{name}.msp", "Patch", versions=()), authorities)
    code, _, err = ready("add", patch, "--build", "15.2.2562.53")
    assert code == 2
    assert "its content does not prove" in err
