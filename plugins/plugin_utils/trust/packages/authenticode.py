# SPDX-License-Identifier: GPL-3.0-or-later
"""Authenticode on the controller: osslsigncode for bytes and chain, our own rules for who signed.

osslsigncode answers whether the file is what was signed and whether the chain ends at one of the
given roots. That is not enough: a signature with a broken time stamp still "succeeds", and so does
one of any product of Microsoft. So the signer, its issuer, its purpose, the time stamp and
(for programs) bytes hidden behind the signature are judged here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...base.errors import ConfigError, RefusedError
from .records import Signature
from .roots import certificates, fingerprint, microsoft_roots
from .trailing import hidden_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

TOOL = "osslsigncode"
_SECONDS = 900  # a package of several gigabytes is hashed twice
_DIGEST = re.compile(r"^Message digest algorithm\s*: (\S+)\s*$", re.MULTILINE)
_SERIAL = re.compile(r"Signer's certificate:.*?Serial\s*: ([0-9A-Fa-f]+)", re.DOTALL)
_STAMP = re.compile(r"^\s*Timestamp time: (.+?)\s*$", re.MULTILINE)
_STAMP_GOOD = re.compile(r"^Timestamp Server Signature verification: ok\s*$", re.MULTILINE)
_UNSIGNED = re.compile(r"No signature found|Unable to extract existing signature")
_LONGEST_CHAIN = 6


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """Who may have signed: everything outside these lists is refused."""

    roots: str = field(repr=False)  # PEM
    organizations: tuple[str, ...] = ("Microsoft Corporation",)
    names: tuple[str, ...] = ("Microsoft Corporation",)
    # The authorities below the roots that sign released programs of Microsoft; those for Windows
    # itself, for drivers of others and for the store stand below the same roots.
    issuers: tuple[str, ...] = (
        "Microsoft Code Signing PCA",
        "Microsoft Code Signing PCA 2010",
        "Microsoft Code Signing PCA 2011",
        "Microsoft Code Signing PCA 2024",
    )
    digests: tuple[str, ...] = ("SHA256", "SHA384", "SHA512")


def microsoft_policy() -> SignaturePolicy:
    """Return the rules for packages of Microsoft, with the pinned roots."""
    return SignaturePolicy(roots=microsoft_roots())


def verify(path: Path, policy: SignaturePolicy, *, shown: str | None = None) -> Signature:
    """Return who signed the file; raises ``RefusedError`` for anything but a good signature.

    ``shown`` is what messages call the file.
    """
    name = shown or path.name
    tool = shutil.which(TOOL)
    if tool is None:
        raise ConfigError(
            f"{TOOL} is not installed, so no signature can be checked; install the package "
            f"{TOOL} (Debian, Ubuntu, Fedora have it) and run again"
        )
    with tempfile.TemporaryDirectory(prefix="authenticode-") as folder:
        report = _verified(tool, path, policy, Path(folder), name)
        bag = _bag(tool, path, Path(folder), name)
    hidden = hidden_bytes(path)
    if hidden:
        raise RefusedError(f"{name}: {hidden}, which the signature does not cover. {_AGAIN}")
    return _judge(name, report, bag, policy)


_AGAIN = "Do not use it; download it again from Microsoft over another network"


def _verified(tool: str, path: Path, policy: SignaturePolicy, folder: Path, name: str) -> str:
    """Return the tool's report on the first signature of a file that it verified."""
    roots = folder / "roots.pem"
    roots.write_text(policy.roots, encoding="ascii")
    trust = ["-CAfile", str(roots), "-TSA-CAfile", str(roots)]
    # Offline: revocation lists are not fetched.
    done = _run([tool, "verify", "-ignore-cdp", "-ignore-crl", *trust, "-in", str(path)])
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise RefusedError(f"{name}: {_why(text, done.stderr.decode('utf-8', 'replace'))}")
    first = text.partition("Signature Index: 1")[0]
    return first.partition("Signature Index: 0")[2]


def _why(report: str, errors: str) -> str:
    if _UNSIGNED.search(report + errors):
        return f"it is not signed at all; Microsoft signs every package. {_AGAIN}"
    if "MISMATCH" in report:
        return f"its bytes are not those that were signed: damaged or tampered with. {_AGAIN}"
    found = re.search(r"^\s*Error: (.+)$", report, re.MULTILINE)
    said = found[1] if found else (errors.strip().splitlines() or ["no reason given"])[-1]
    return (
        f"its signature does not lead to one of Microsoft's pinned authorities ({said}). "
        f"Whoever signed it is not Microsoft, whatever the name says. {_AGAIN}"
    )


def _bag(tool: str, path: Path, folder: Path, name: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates that travel with the first signature."""
    out = folder / "signature.pem"
    done = _run([tool, "extract-signature", "-pem", "-in", str(path), "-out", str(out)])
    if done.returncode != 0 or not out.is_file():
        raise RefusedError(f"{name}: {TOOL} verified the signature but cannot extract it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(pkcs7.load_pem_pkcs7_certificates(out.read_bytes()))


def _judge(
    name: str, report: str, bag: tuple[x509.Certificate, ...], policy: SignaturePolicy
) -> Signature:
    digest = _DIGEST.search(report)
    if digest is None or digest[1] not in policy.digests:
        raise RefusedError(
            f"{name}: its signature uses {digest[1] if digest else 'an unknown digest'}; "
            f"accepted are {', '.join(policy.digests)}"
        )
    stamp = _STAMP.search(report)
    if stamp is None or not _STAMP_GOOD.search(report):
        raise RefusedError(
            f"{name}: its signature has no time stamp of Microsoft, so nothing shows that it was "
            f"made while the certificate was valid. {_AGAIN}"
        )
    serial = _SERIAL.search(report)
    signers = [c for c in bag if serial and c.serial_number == int(serial[1], 16)]
    if len(signers) != 1:
        raise RefusedError(f"{name}: the signer's certificate is not in the file. {_AGAIN}")
    signer = signers[0]
    _check_signer(name, signer, policy)
    return Signature(
        subject=signer.subject.rfc4514_string(),
        issuer=signer.issuer.rfc4514_string(),
        certificate_sha256=fingerprint(signer),
        serial=f"{signer.serial_number:x}",
        root_sha256=fingerprint(_root(name, signer, bag, policy)),
        timestamp=stamp[1],
        digest=digest[1],
    )


def _check_signer(name: str, signer: x509.Certificate, policy: SignaturePolicy) -> None:
    wanted = (
        ("organization", _one(signer.subject, NameOID.ORGANIZATION_NAME), policy.organizations),
        ("name", _one(signer.subject, NameOID.COMMON_NAME), policy.names),
        ("issuer", _one(signer.issuer, NameOID.COMMON_NAME), policy.issuers),
    )
    for what, value, allowed in wanted:
        if value not in allowed:
            raise RefusedError(
                f"{name}: the signer's {what} is {value!r}, allowed is {' or '.join(allowed)}. "
                "It may be genuine, but it is not how Microsoft signs updates of Exchange"
            )
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    if ExtendedKeyUsageOID.CODE_SIGNING not in usage:
        raise RefusedError(f"{name}: the signer's certificate is not one for signing code")


def _root(
    name: str, signer: x509.Certificate, bag: Iterable[x509.Certificate], policy: SignaturePolicy
) -> x509.Certificate:
    """Follow the chain once more, without the tool; raises when it ends elsewhere."""
    roots = certificates(policy.roots)
    known = {fingerprint(root) for root in roots}
    current = signer
    for _ in range(_LONGEST_CHAIN):
        if fingerprint(current) in known:
            return current
        issuers = [c for c in (*roots, *bag) if c != current and _issued(current, c)]
        if not issuers:
            break
        current = issuers[0]
    raise RefusedError(f"{name}: the chain of its signature does not end at a pinned authority")


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _one(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if len(values) == 1 else ""


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 - fixed program, no shell
    except subprocess.TimeoutExpired as error:
        raise RefusedError(f"{TOOL} did not end within {_SECONDS} s on {command[-1]}") from error
