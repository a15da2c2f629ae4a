# SPDX-License-Identifier: GPL-3.0-or-later
"""A script's signature is judged over its text, and whatever else somebody does to the file is refused."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import signed_scripts
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
    signing_tool,
)
from signing import MICROSOFT, issue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.authenticode import (
        SignaturePolicy,
    )
    from signing import Authorities

SIGNED = datetime(2021, 3, 19, 6, 0, tzinfo=UTC)
TEXT = (
    b"# Version 21.03.18.1900\r\nparam ([switch]$DisplayOnly, [switch]$CollectFiles)\r\n"
    b"Write-Host 'made up'\r\n"
)


@pytest.fixture
def script(tmp_path: Path, authorities: Authorities) -> Callable[..., Path]:
    def make(text: bytes = TEXT, **how: Any) -> Path:
        path = tmp_path / detection_tool("test-proxylogon").file
        path.write_bytes(text)
        return signed_scripts.signed_script(path, authorities, SIGNED, **how)

    return make


def test_who_signed_it_and_when(script: Any, policy: SignaturePolicy) -> None:
    found = authenticode.verify(script(), policy, script=True)
    assert found.subject.startswith(f"CN={MICROSOFT}")
    assert found.timestamp == "Mar 19 06:00:00 2021 GMT"
    assert found.tool.startswith("exchange.remediation")


def test_another_implementation_says_the_same(
    script: Any, authorities: Authorities, tmp_path: Path
) -> None:
    version = tuple(map(int, signing_tool.installed().version.split(".")))
    if version < (2, 8):
        pytest.skip(f"osslsigncode {version} knows no scripts; 2.8 and later do")
    root = tmp_path / "root.pem"
    root.write_text(authorities.root.pem)
    words = ["osslsigncode", "verify", "-CAfile", root, "-TSA-CAfile", root, "-in", script()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "Number of verified signatures: 1" in done.stdout, done.stdout + done.stderr
    digests = re.findall(r"message digest +: ([0-9A-F]{64})", done.stdout)
    assert len(set(digests)) == 1, "the digest of the text is what we take it for"


def _lines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _twice(data: bytes) -> bytes:
    return data + data[data.index(b"\r\n# SIG # Begin") :]


def _broken(data: bytes) -> bytes:
    at = data.index(b"# MII") + 30
    return data[:at] + b"!" + data[at + 1 :]


def _shorter(data: bytes) -> bytes:
    at = data.index(b"# SIG # End")
    return data[: at - 70] + b"\r\n" + data[at:]


SPOILT: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("text", lambda data: data.replace(b"made up", b"made 0p"), "not those that were signed"),
    ("one more line", lambda data: data.replace(b"\r\n# SIG # Beg", b"\r\n\r\n# SIG # Beg"), "not those"),
    ("behind it", lambda data: data + b"Remove-Item x\r\n", "17 bytes stand behind its signature"),
    ("blank behind it", lambda data: data + b" ", "stand behind"),
    ("line breaks", _lines, "another line break"),
    ("two blocks", _twice, "several"),
    ("base64", _broken, "no block of comments"),
    ("cut off", _shorter, "cannot be read"),
    ("not ASCII", lambda data: data.replace(b"made up", b"m\xe4de up"), "beyond ASCII"),
    ("mark", lambda data: b"\xef\xbb\xbf" + data, "beyond ASCII"),
    ("no end", lambda data: data.replace(b"# SIG # End signature block", b"# SIG # Ende"), "no signature"),
    ("in between", lambda data: data.replace(b"# SIG # End", b"Get-Date\r\n# SIG # End"), "no block of comments"),
    ("other case", lambda data: data.replace(b"# SIG # End", b"# sig # end"), "no block of comments"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "spoil", "says"), SPOILT, ids=[row[0] for row in SPOILT])
def test_whatever_is_done_to_the_file_is_refused(
    what: str, spoil: Callable[[bytes], bytes], says: str, script: Any, policy: SignaturePolicy
) -> None:
    path = script()
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(RefusedError, match=r".*") as error:
        authenticode.verify(path, policy, script=True)
    assert says in str(error.value), what


def test_only_the_package_for_scripts_says_what_is_signed(
    script: Any, policy: SignaturePolicy
) -> None:
    other = signed_scripts.SIP_INFO.replace(bytes.fromhex("1fcc3b60"), bytes.fromhex("1fcc3b61"))
    with pytest.raises(RefusedError, match="over something else"):
        authenticode.verify(script(sip_info=other), policy, script=True)


def test_only_microsoft_counts(
    script: Any, policy: SignaturePolicy, authorities: Authorities
) -> None:
    with pytest.raises(RefusedError, match="Contoso"):
        authenticode.verify(script(signer=issue("Contoso", authorities.pca)), policy, script=True)
    stranger = issue("Another Root", authority=True)
    pca = issue("Microsoft Code Signing PCA 2011", stranger, authority=True)
    with pytest.raises(RefusedError):
        authenticode.verify(script(signer=issue(MICROSOFT, pca)), policy, script=True)
    with pytest.raises(RefusedError, match="SHA256"):
        authenticode.verify(script(), replace(policy, digests=("SHA384",)), script=True)


class TestAdd:
    """The command with a signed script."""

    def test_a_good_signature_needs_no_hash_and_dates_the_file(
        self, ready: Any, script: Any
    ) -> None:
        code, out, err = ready("add", script(), "--tool", "test-proxylogon")
        assert (code, err) == (0, ""), err
        assert "Test-ProxyLogon.ps1: test-proxylogon 21.03.18.1900" in out
        listed = ready("list", "--json")[1]
        assert '"pinned_by": "signature"' in listed
        assert '"dated": "2021-03-19T06:00:00Z"' in listed
        assert ready("verify")[0] == 0

    def test_a_bad_signature_is_good_with_no_hash(self, ready: Any, script: Any) -> None:
        path = script()
        path.write_bytes(path.read_bytes().replace(b"made up", b"made 0p"))
        given = ("add", path, "--tool", "test-proxylogon", "--reason", "compared by mail")
        code, out, err = ready(*given)
        assert (code, out) == (2, "")
        assert "not those that were signed" in err
        digest = signed_scripts.hashlib.sha256(path.read_bytes()).hexdigest()
        code, out, err = ready(*given, "--sha256", digest)
        assert (code, "not those that were signed" in err) == (2, True)

    def test_one_that_is_not_judged_needs_a_hash(self, ready: Any, script: Any) -> None:
        path = script()
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        code, _, err = ready("add", path, "--tool", "test-proxylogon")
        assert (code, "no signature of Microsoft that is judged here" in err) == (2, True)
        digest = signed_scripts.hashlib.sha256(path.read_bytes()).hexdigest()
        given = ("--sha256", digest, "--reason", "ScriptVersions.csv of the release")
        assert ready("add", path, "--tool", "test-proxylogon", *given)[0] == 0
        assert '"pinned_by": "operator"' in ready("list", "--json")[1]

    def test_the_version_that_is_signed_is_not_contradicted(self, ready: Any, script: Any) -> None:
        code, _, err = ready(
            "add", script(), "--tool", "test-proxylogon", "--version", "21.03.11.2127",
            "--sha256", "0" * 64,
        )  # fmt: skip
        assert code == 2
        assert "SHA-256" in err
        given = ("add", script(), "--tool", "test-proxylogon", "--version", "21.03.11.2127")
        assert "find out which file it is" in ready(*given)[2]

    def test_stamped_now_is_no_older(self, ready: Any, tmp_path: Path, authorities: Any) -> None:
        path = tmp_path / "Test-ProxyLogon.ps1"
        path.write_bytes(TEXT)
        signed_scripts.signed_script(path, authorities, datetime.now(UTC) - timedelta(minutes=1))
        assert ready("add", path, "--tool", "test-proxylogon")[0] == 0
