# SPDX-License-Identifier: GPL-3.0-or-later
"""Authorities, signers and signed files of our own: what Microsoft has, on a small scale."""

from __future__ import annotations

import datetime as dt
import struct
import subprocess
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from stamping import service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
MICROSOFT = "Microsoft Corporation"


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, and the certificates above it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """The chain and the key as files."""
        chain, key = folder / f"{name}.crt", folder / f"{name}.key"
        chain.write_text(
            self.pem + "".join(c.public_bytes(Encoding.PEM).decode() for c in self.above)
        )
        raw = self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        key.write_bytes(raw)
        return chain, key


def issue(
    common_name: str,
    issuer: Identity | None = None,
    *,
    organization: str = MICROSOFT,
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CODE_SIGNING,),
    authority: bool = False,
    days: tuple[int, int] = (-30, 300),
) -> Identity:
    """A certificate by ``issuer``, or a self-signed one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if usages and not authority:
        stamping = ExtendedKeyUsageOID.TIME_STAMPING in usages
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=stamping)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    above = (issuer.certificate, *issuer.above) if issuer else ()
    return Identity(certificate, key, above)


@dataclass(frozen=True)
class Authorities:
    """Root, issuing authority, signer and time-stamp service."""

    root: Identity
    pca: Identity
    signer: Identity
    stamper: Identity

    @classmethod
    def create(cls) -> Authorities:
        root = issue("Test Root Certificate Authority", authority=True)
        pca = issue("Microsoft Code Signing PCA 2011", root, authority=True)
        stamper = issue(
            "Test Time-Stamp Service", root, usages=(ExtendedKeyUsageOID.TIME_STAMPING,)
        )
        return cls(root, pca, issue(MICROSOFT, pca), stamper)


def sign(
    source: Path,
    signer: Identity,
    stamper: Identity | None,
    *,
    digest: str = "sha256",
    at: dt.datetime | None = None,
    extra: Sequence[str] = (),
) -> Path:
    """Sign a file in place with osslsigncode; ``at`` is when the time stamp says that it was."""
    chain, key = signer.write(source.parent, "signer")
    out = source.with_name(source.name + ".signed")
    words = ["osslsigncode", "sign", "-h", digest, "-certs", str(chain), "-key", str(key), *extra]
    files = ["-in", str(source), "-out", str(out)]
    with service(stamper, at) if stamper else nullcontext("") as address:
        stamp = ["-ts", address] if address else []
        done = subprocess.run([*words, *stamp, *files], check=False, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    out.replace(source)
    return source


def program(path: Path, content: bytes = b"") -> Path:
    """The smallest PE32+ program that Authenticode can sign, with some content."""
    body = content.ljust(0x200 * (len(content) // 0x200 + 1), b"\0")
    dos = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(64)
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, len(body), 0, 0, 0x1000, 0x1000)
    optional += struct.pack(
        "<QIIHHHHHHIIIIHHQQQQII",
        0x140000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x2000, 0x200, 0, 3, 0,
        0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    )  # fmt: skip
    section = b".text\0\0\0" + struct.pack(
        "<IIIIIIHHI", len(body), 0x1000, len(body), 0x200, 0, 0, 0, 0, 0x60000020
    )
    head = (dos + header + optional + bytes(128) + section).ljust(0x200, b"\0")
    path.write_bytes(head + body)
    return path


def patch(path: Path, title: str) -> Path:
    """An installer database whose string pool holds a display name, as an .msp's does."""
    table = path.with_name("MsiPatchMetadata.idt")
    table.write_text(
        f"Property\tValue\ns72\tl0\nMsiPatchMetadata\tProperty\nDisplayName\t{title}\n"
    )
    subprocess.run(
        ["msibuild", str(path), "-i", str(table)],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


PRODUCT: dict[str, str] = {
    "ProductName": "IIS URL Rewrite Module 2",
    "ProductVersion": "7.2.1993",
    "ProductCode": "{9BCA2118-F753-4A1E-BCF3-5A820729965C}",
    "Manufacturer": MICROSOFT,
    "ProductLanguage": "1033",
}


def product(
    path: Path, *, template: str = "x64;1033", files: str = "rewrite.dll", **changes: str
) -> Path:
    """An .msi with the tables that say what it is; a property of no text is left out."""
    properties = {key: text for key, text in {**PRODUCT, **changes}.items() if text}
    rows = "".join(f"{key}\t{text}\n" for key, text in properties.items())
    table = path.with_name("Property.idt")
    table.write_text(f"Property\tValue\ns72\tl0\nProperty\tProperty\n{rows}", encoding="utf-8")
    listed = path.with_name("File.idt")
    listed.write_text(
        "File\tComponent_\tFileName\tFileSize\tVersion\tLanguage\tAttributes\tSequence\n"
        "s72\ts72\tl255\ti4\tS72\tS20\tI2\ti2\nFile\tFile\n"
        f"one\tfirst\tSHORT~1.DLL|{files}\t70000\t7.1.1993.2351\t1033\t512\t1\n"
        "two\tfirst\trewrite_schema.xml\t12\t\t\t512\t2\n"
    )
    code = "{11111111-2222-3333-4444-555555555555}"
    for words in (
        ["-i", str(table)],
        ["-i", str(listed)],
        ["-s", "Installation Database", MICROSOFT, template, code],
    ):
        subprocess.run(["msibuild", str(path), *words], check=True, capture_output=True)
    return path
