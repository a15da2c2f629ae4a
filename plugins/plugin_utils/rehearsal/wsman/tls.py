# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a rehearsal: one authority per fleet, one certificate per host."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

_LIFETIME = timedelta(days=7)
_SKEW = timedelta(hours=1)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that lives as long as its fleet; its key is never written."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    host_key: ec.EllipticCurvePrivateKey  # one for all hosts: a key each would cost start-up time

    @classmethod
    def create(cls, now: datetime | None = None) -> Authority:
        """Make a new authority, valid for a week."""
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Exchange remediation rehearsal")
        public = key.public_key()
        certificate = (
            _builder(name, name, public, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key, ec.generate_private_key(ec.SECP256R1()))

    def pem(self) -> bytes:
        """Return the certificate that clients must trust."""
        return _pem(self.certificate)

    def issue(self, name: str, address: str, now: datetime | None = None) -> bytes:
        """Return a PEM certificate for a host, valid for its name and its address."""
        public = self.host_key.public_key()
        subject = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))]
        certificate = (
            _builder(_name(name), self.certificate.subject, public, now or datetime.now(UTC))
            .add_extension(x509.SubjectAlternativeName(subject), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return _pem(certificate)

    def context(self, name: str, address: str, folder: Path) -> tuple[ssl.SSLContext, bytes]:
        """Return the server context of a host and its channel binding (RFC 5929, end point).

        ``folder`` (private) holds the certificate and its key for a moment.
        """
        pem = self.issue(name, address)
        path = folder / "host.pem"
        key = self.host_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.touch(mode=0o600)
        try:
            path.write_bytes(key + pem)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(path)
        finally:
            path.unlink()
        digest = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256())
        return context, b"tls-server-end-point:" + digest


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
