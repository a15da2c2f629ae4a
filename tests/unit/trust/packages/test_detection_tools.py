# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of detection tools: what is taken into the store, for how long, and everything that is not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptRelease,
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import package as cli_package
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
    from_document,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.edit import (
    with_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    Signature,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.store import (
    Staged,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.tool_intake import (
    ToolRequest,
    examine_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.tool_records import (
    ToolRecord,
    utc,
)
from package_files import RUNTIME, pe, signed
from signing import MICROSOFT, issue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from signing import Authorities

SCANNER = {"CompanyName": MICROSOFT, "ProductName": "Microsoft Safety Scanner"}
VERSION = "1.441.226.0"
STAMP = "21.03.18.1900"
TODAY = datetime(2026, 12, 1, 12, tzinfo=UTC)
MSERT, SCRIPT, NSE = map(detection_tool, ("msert", "test-proxylogon", "nmap-script"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(told: tuple[int, str, str], *words: str) -> None:
    """Assert that the command refused with these words."""
    code, out, err = told
    assert (code, out) == (2, "")
    for word in words:
        assert word in err


@pytest.fixture
def scanner(tmp_path: Path, authorities: Authorities) -> Callable[..., Path]:
    """A program that says of itself what the Safety Scanner does, signed some days ago."""
    count = iter(range(100))

    def make(strings: dict[str, str] | None = None, *, days: float = 1, signer: Any = None) -> Path:
        folder = tmp_path / f"in{next(count)}"
        folder.mkdir()
        path = pe(folder / MSERT.file, SCANNER if strings is None else strings, version=VERSION)
        return signed(path, authorities, datetime.now(UTC) - timedelta(days=days), signer)

    return make


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """A script that declares what Test-ProxyLogon does."""
    count = iter(range(100))

    def make(
        *words: str, stamp: str | None = STAMP, name: str = SCRIPT.file, encoding: str = "utf-8"
    ) -> Path:
        folder = tmp_path / f"in{next(count)}"
        folder.mkdir()
        line = f"# Version {stamp}\r\n" if stamp else ""
        given = ", ".join(f"[switch]${word}" for word in words or SCRIPT.recognise)
        path = folder / name
        path.write_bytes(f"{line}param ({given})\r\n".encode(encoding))
        return path

    return make


class TestScanner:
    def test_it_is_added_listed_and_verified(
        self, ready: Any, scanner: Any, tmp_path: Path
    ) -> None:
        path = scanner()
        code, out, err = ready("add", path, "--tool", "msert")
        assert (code, err) == (0, "")
        assert f"msert.exe: msert {VERSION}" in out
        assert "evidence   ProductName Microsoft Safety Scanner" in out
        listed = json.loads(ready("list", "--json")[1])
        (entry,) = listed["tools"]
        assert (listed["schema"], listed["packages"]) == (4, [])
        assert (entry["sha256"], entry["size"]) == (digest(path), path.stat().st_size)
        assert (entry["pinned_by"], entry["reason"], entry["reason_by"]) == (
            "signature",
            None,
            None,
        )
        assert entry["signature"]["subject"].startswith("CN=Microsoft Corporation")
        assert "1 of 1 packages are as signed" in ready("verify")[1]
        assert "0 packages, 1 tools" in ready("list")[1]
        (stored,) = (tmp_path / "packages").glob("*/*.exe")
        data = bytearray(stored.read_bytes())
        data[0x300] ^= 1
        stored.write_bytes(data)
        code, _, err = ready("verify")
        assert (code, "the file was changed" in err) == (1, True)

    def test_it_is_good_for_ten_days_from_its_signature_and_not_from_its_arrival(
        self, ready: Any, scanner: Any
    ) -> None:
        assert ready("add", scanner(days=9.9), "--tool", "msert")[0] == 0
        (entry,) = json.loads(ready("list", "--json")[1])["tools"]
        dated = datetime.strptime(entry["dated"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert timedelta(days=9.8) < datetime.now(UTC) - dated < timedelta(days=10)
        expires = dated + timedelta(days=10)
        assert f"expires    {expires:%Y-%m-%d %H:%M} UTC" in ready("list")[1]
        refused(
            ready("add", scanner(days=10.1), "--tool", "msert"),
            "is good for 10 days; download the present one",
        )

    def test_verify_says_what_is_too_old_by_now(
        self, ready: Any, scanner: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert ready("add", scanner(days=1), "--tool", "msert")[0] == 0
        assert ready("verify")[2] == ""
        later = datetime.now(UTC) + timedelta(days=9.5)
        monkeypatch.setattr(cli_package, "_now", lambda: later)
        code, out, _ = ready("verify")
        assert code == 0
        assert "expired on " in out
        assert "download the present one" in out
        (text,) = json.loads(ready("verify", "--json")[1])["expired"]
        assert text.startswith("msert.exe of ")

    def test_another_program_of_microsoft_under_its_name_is_refused(
        self, ready: Any, scanner: Any, tmp_path: Path
    ) -> None:
        for strings in (RUNTIME, {}, {**SCANNER, "ProductName": "Microsoft Safety Scanner Setup"}):
            refused(ready("add", scanner(strings), "--tool", "msert"), "a name proves nothing")
        assert list((tmp_path / "packages").glob("*/*.exe")) == []

    def test_it_can_be_vouched_for_with_a_hash_and_a_reason_only(
        self, ready: Any, scanner: Any
    ) -> None:
        path = scanner({"CompanyName": MICROSOFT})
        add = ("add", path, "--tool", "msert")
        refused(ready(*add, "--reason", "because"), "give its SHA-256")
        refused(ready(*add, "--sha256", digest(path)), "say with --reason")
        assert ready(*add, "--sha256", digest(path), "--reason", "ticket 4711")[0] == 0
        (entry,) = json.loads(ready("list", "--json")[1])["tools"]
        assert entry["pinned_by"] == "operator"
        assert (entry["reason"], entry["reason_by"]) == ("ticket 4711", "operator")
        assert "vouched for" in entry["evidence"][0]
        assert "reason     ticket 4711 (operator)" in ready("list")[1]

    def test_unsigned_self_signed_and_changed_are_refused_whatever_the_reason(
        self, ready: Any, scanner: Any, tmp_path: Path
    ) -> None:
        plain = pe(tmp_path / MSERT.file, SCANNER, version=VERSION)
        changed = scanner()
        data = bytearray(changed.read_bytes())
        data[0x300] ^= 1
        changed.write_bytes(data)
        for path, words in (
            (plain, "not signed at all"),
            (scanner(signer=issue(MICROSOFT)), "not Microsoft, whatever the name says"),
            (changed, "not those that were signed"),
        ):
            vouched = ("--sha256", digest(path), "--reason", "ticket 4711")
            refused(ready("add", path, "--tool", "msert", *vouched), words)

    def test_another_version_than_stated_or_another_hash_is_refused(
        self, ready: Any, scanner: Any
    ) -> None:
        add = ("add", scanner(), "--tool", "msert")
        refused(ready(*add, "--version", "1.0.0.0"), f"it is version {VERSION}")
        refused(ready(*add, "--sha256", "0" * 64), "--sha256 says")

    def test_a_script_is_no_scanner(self, ready: Any, script: Any, tmp_path: Path) -> None:
        refused(ready("add", script(), "--tool", "msert"), "is an .exe")
        path = script(name=MSERT.file)
        refused(ready("add", path, "--tool", "msert"), MSERT.file)


class TestScript:
    def vouched(self, path: Path) -> tuple[str, ...]:
        return ("--sha256", digest(path), "--reason", "ScriptVersions.csv of v21.03.18.1900")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_it_is_taken_by_a_hash_of_the_operator_with_a_reason(
        self, encoding: str, ready: Any, script: Any
    ) -> None:
        path = script(encoding=encoding)
        code, out, err = ready("add", path, "--tool", "test-proxylogon", *self.vouched(path))
        assert (code, err) == (0, "")
        assert f"Test-ProxyLogon.ps1: test-proxylogon {STAMP}" in out
        assert "signed by  not judged (a script)" in out
        (entry,) = json.loads(ready("list", "--json")[1])["tools"]
        assert (entry["version"], entry["pinned_by"]) == (STAMP, "operator")
        assert entry["evidence"] == ["declares -DisplayOnly", "declares -CollectFiles"]
        assert (entry["signature"], entry["reason_by"]) == (None, "operator")
        assert "1 of 1 packages are as signed" in ready("verify")[1]

    def test_without_hash_or_without_reason_it_is_refused(self, ready: Any, script: Any) -> None:
        path = script()
        add = ("add", path, "--tool", "test-proxylogon")
        refused(ready(*add), "is no release that is known", digest(path))
        refused(ready(*add, "--reason", "it is"), "is no release that is known")
        refused(ready(*add, "--sha256", digest(path)), "say with --reason where you compared it")
        refused(ready(*add, "--sha256", "0" * 64), "--sha256 says")

    def test_a_version_has_to_be_known_and_to_agree(self, ready: Any, script: Any) -> None:
        def add(path: Path, *words: str) -> tuple[int, str, str]:
            told: tuple[int, str, str] = ready(
                "add", path, "--tool", "test-proxylogon", *self.vouched(path), *words
            )
            return told

        assert add(script(stamp=None), "--version", STAMP)[0] == 0
        refused(add(script(stamp=None)), "say which it is with --version")
        refused(
            add(script(), "--version", "21.03.09.2040"),
            f"the file says version {STAMP}, --version says version 21.03.09.2040",
        )
        refused(add(script(stamp="20.01.01.0000")), "is older than any that is known")
        refused(add(script(stamp=None), "--version", "latest"), "--version")

    def test_it_is_known_by_its_parameters_and_not_by_its_name(
        self, ready: Any, script: Any
    ) -> None:
        eomt = detection_tool("eomt-scan").recognise
        for words, said in (
            (eomt, "nothing in it declares -DisplayOnly"),
            (("DisplayOnly",), "it is not Test-ProxyLogon"),
            (("DisplayOnlyAll", "CollectFilesAll"), "it is not Test-ProxyLogon"),
            ((*SCRIPT.recognise, *eomt), "it is the scan of EOMT.ps1 (2021) as well"),
        ):
            path = script(*words)
            told = ready("add", path, "--tool", "test-proxylogon", *self.vouched(path))
            refused(told, said)

    def test_what_is_not_run_is_not_taken_and_says_why(self, ready: Any, script: Any) -> None:
        for name in ("eomt-scan", "eomt-unified-scan", "healthchecker"):
            tool = detection_tool(name)
            path = script(*tool.recognise, name=tool.file)
            told = ready("add", path, "--tool", name, *self.vouched(path))
            refused(told, "is not run from here", tool.reason or "?")

    def test_words_of_updates_and_tools_do_not_mix(
        self, ready: Any, script: Any, tmp_path: Path
    ) -> None:
        path = script()
        tool = ("--tool", "test-proxylogon")
        refused(ready("add", path, *tool, "--kb", "KB5000871"), "--tool is for a detection tool")
        refused(ready("add", path, "--tool", "nessus"), "known are eomt-scan")
        refused(ready("add", path, "--version", STAMP), "--version is of a detection tool")
        installer = tmp_path / "rewrite_amd64_en-US.msi"
        installer.write_bytes(b"x")
        refused(ready("add", installer, *tool), "is an .ps1")

    def test_a_listed_release_needs_neither_hash_nor_reason(self, script: Any) -> None:
        path = script(stamp=None)
        version = ScriptVersion.parse(STAMP)
        listed = replace(SCRIPT, releases=(ScriptRelease(version, digest(path), "a list"),))
        staged = Staged(path, path.stat().st_size, digest(path))

        def examine(said: str | None) -> ToolRecord:
            request = ToolRequest(path.name, version=said)
            return examine_tool(staged, request, (listed,), listed, _no_policy, TODAY)

        assert (examine(None).version, examine(None).pinned_by) == (STAMP, "catalogue")
        assert examine(None).dated == "2026-12-01T12:00:00Z"
        with pytest.raises(RefusedError, match="the catalogue says version"):
            examine("21.03.09.2040")


def _no_policy() -> Any:
    raise AssertionError("a script has no signature that is judged")


class TestNmapScript:
    def test_it_is_taken_by_hash_and_known_by_its_request(self, ready: Any, tmp_path: Path) -> None:
        path = tmp_path / NSE.file
        path.write_text('cookie = "X-AnonResource-Backend=localhost"\n', encoding="utf-8")
        known = ("--sha256", digest(path), "--reason", "ticket 4711", "--version", STAMP)
        code, _, err = ready("add", path, "--tool", "nmap-script", *known)
        assert (code, err) == (0, "")
        (entry,) = json.loads(ready("list", "--json")[1])["tools"]
        assert (entry["file"], entry["evidence"]) == (NSE.file, ["has X-AnonResource-Backend"])
        path.write_text("nothing = 1\n", encoding="utf-8")
        known = ("--sha256", digest(path), "--reason", "ticket 4711", "--version", STAMP)
        refused(ready("add", path, "--tool", "nmap-script", *known), "nothing in it has")

    def test_every_listed_release_has_its_version(self) -> None:
        assert len({release.sha256 for release in NSE.releases}) == len(NSE.releases) == 4


SIGNATURE = Signature("CN=x", "CN=y", "a" * 64, "1", "b" * 64, "now", "SHA256")


def record(tool: str = "msert", **changes: Any) -> ToolRecord:
    file, signature = (MSERT.file, SIGNATURE) if tool == "msert" else (SCRIPT.file, None)
    pinned = "signature" if signature else "operator"
    known = ToolRecord(
        "c" * 64, 1000, file, tool, VERSION if signature else STAMP, signature, pinned,
        utc(TODAY), ("a test",), None, None, utc(TODAY),
    )  # fmt: skip
    return replace(known, **changes)


def catalogue(*tools: ToolRecord) -> PackageCatalogue:
    return PackageCatalogue("0" * 32, 1, TODAY, TODAY, (), tools=tools)


class TestChoice:
    def test_none_there_says_how_to_bring_it(self) -> None:
        with pytest.raises(RefusedError, match=r"package add msert\.exe --tool msert"):
            catalogue(record("test-proxylogon")).tool(MSERT, TODAY)

    def test_the_newest_signature_and_the_newest_release_count(self) -> None:
        old = record(sha256="d" * 64, dated=utc(TODAY - timedelta(days=3)), added=utc(TODAY))
        assert catalogue(record(), old).tool(MSERT, TODAY) == record()
        early = record("test-proxylogon", sha256="e" * 64, version="21.03.09.2040")
        late = record("test-proxylogon", dated=utc(TODAY - timedelta(days=30)))
        assert catalogue(early, late).tool(SCRIPT, TODAY) == late
        assert catalogue(early, late).tool(SCRIPT, TODAY, "21.03.09.2040") == early
        with pytest.raises(RefusedError, match=r"Test-ProxyLogon\.ps1 21\.03\.08\.1912 is not in"):
            catalogue(early, late).tool(SCRIPT, TODAY, "21.03.08.1912")

    def test_ten_days_and_no_second_more(self) -> None:
        last = TODAY + timedelta(days=10) - timedelta(seconds=1)
        assert catalogue(record()).tool(MSERT, last) == record()
        with pytest.raises(RefusedError) as error:
            catalogue(record()).tool(MSERT, last + timedelta(seconds=1))
        assert "expired on 2026-12-11T12:00:00Z" in str(error.value)
        assert "download the present one" in str(error.value)

    def test_a_script_does_not_expire(self) -> None:
        kept = record("test-proxylogon")
        assert catalogue(kept).tool(SCRIPT, TODAY + timedelta(days=4000)) == kept

    def test_a_clock_before_the_signature_extends_nothing(self) -> None:
        with pytest.raises(RefusedError, match="set the clock"):
            catalogue(record()).tool(MSERT, TODAY - timedelta(seconds=1))


class TestCatalogue:
    def test_other_bytes_of_one_release_are_refused_and_each_day_has_its_scanner(self) -> None:
        one = record("test-proxylogon")
        assert with_tool((one,), one) == (one,)
        with pytest.raises(RefusedError, match="other bytes"):
            with_tool((one,), replace(one, sha256="d" * 64))
        scanners = (record(), record(sha256="d" * 64))
        assert with_tool(scanners[:1], scanners[1]) == scanners

    def test_only_tools_need_schema_4_and_nothing_is_lost(self) -> None:
        assert catalogue().to_json()["schema"] == 1
        both = (record(), record("test-proxylogon", reason="ticket", reason_by="ops"))
        document = catalogue(*both).to_json()
        assert document["schema"] == 4
        assert from_document(document, ("ops",), where="x").tools == both

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda d: d.update(schema=3),
            lambda d: d.update(tools=[]),
            lambda d: d.pop("tools"),
            lambda d: d["tools"][0].update(file="..\\msert.exe"),
            lambda d: d["tools"][0].update(file="msert.dll"),
            lambda d: d["tools"][0].update(signature=None),
            lambda d: d["tools"][0].update(pinned_by="nobody"),
            lambda d: d["tools"][0].update(dated="yesterday"),
            lambda d: d["tools"][0].update(evidence=[]),
            lambda d: d["tools"][0].pop("dated"),
        ],
    )
    def test_documents_that_do_not_hold_together_are_refused(
        self, spoil: Callable[[Any], object]
    ) -> None:
        document = catalogue(record()).to_json()
        spoil(document)
        with pytest.raises(RefusedError, match="sign it again with this version"):
            from_document(document, ("ops",), where="x")
