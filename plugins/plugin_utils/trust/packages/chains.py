# SPDX-License-Identifier: GPL-3.0-or-later
"""From a certificate up to a pinned authority: signatures, purposes, and dates at one moment (RFC 5280)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from ...base.errors import RefusedError
from .roots import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_LONGEST = 6


_STRANGER = (
    "its signature does not lead to one of Microsoft's pinned authorities. "
    "Whoever signed it is not Microsoft, whatever the name says"
)


def check_bag(
    signer: x509.Certificate, bag: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> None:
    """Refuse a signer, and any other certificate, that no pinned authority stands behind."""
    for certificate in (signer, *bag):
        if next(_paths(certificate, bag, roots), None) is None:
            raise RefusedError(
                _STRANGER
                if certificate == signer
                else f"the certificate {certificate.subject.rfc4514_string()!r}, which has nothing to do "
                "with Microsoft, stands in its signature"
            )


def root_of(
    leaf: x509.Certificate,
    bag: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    purpose: x509.ObjectIdentifier,
    at: datetime,
) -> x509.Certificate:
    """Return the pinned authority that a signer leads to; raises ``RefusedError``.

    ``at`` is the moment at which all certificates must be valid, with its zone.
    """
    reasons: list[str] = []
    if purpose not in (_usages(leaf) or ()) or not _may(leaf, "digital_signature"):
        # Without a list of purposes a certificate is for all of them: not how Microsoft issues.
        raise RefusedError(f"the signer's certificate is not one for {_PURPOSES[purpose]}")
    for path in _paths(leaf, bag, roots):
        reason = _fault(path, purpose, at)
        if reason is None:
            return path[-1]
        reasons.append(reason)
    raise RefusedError(reasons[0] if reasons else _STRANGER)


_PURPOSES = {
    ExtendedKeyUsageOID.CODE_SIGNING: "signing code",
    ExtendedKeyUsageOID.TIME_STAMPING: "time stamps",
}


def _paths(
    leaf: x509.Certificate, bag: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> Iterator[list[x509.Certificate]]:
    """Yield every way up to a pinned authority whose signatures are good."""
    known = {fingerprint(root) for root in roots}
    open_ways = [[leaf]]
    while open_ways:
        way = open_ways.pop()
        if fingerprint(way[-1]) in known:
            yield way
            continue
        if len(way) < _LONGEST:
            above = [c for c in {*roots, *bag} if c not in way and _issued(way[-1], c)]
            open_ways += [[*way, issuer] for issuer in above]


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    if child.issuer != parent.subject:
        return False
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _fault(
    path: list[x509.Certificate], purpose: x509.ObjectIdentifier, at: datetime
) -> str | None:
    """Say why a chain with good signatures is none for this purpose at this moment."""
    for below, certificate in enumerate(path):
        name = certificate.subject.rfc4514_string()
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            when = "expired" if at > certificate.not_valid_after_utc else "not yet valid"
            return f"the certificate {name!r} was {when} at the time of the stamp, {at:%Y-%m-%d}"
        if any(
            e.critical and isinstance(e.value, x509.UnrecognizedExtension)
            for e in certificate.extensions
        ):
            return f"the certificate {name!r} has a condition that is not known"
        if below and not _is_authority(certificate, below - 1):
            return f"{name!r} may not issue certificates"
        usages = _usages(certificate)
        if usages is not None and not {purpose, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
            usages
        ):
            return f"the certificate {name!r} is not one for {_PURPOSES[purpose]}"
    return None


def _is_authority(certificate: x509.Certificate, between: int) -> bool:
    """Tell whether it may issue, with so many authorities between it and the signer."""
    try:
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    short = limits.path_length is None or between <= limits.path_length
    return limits.ca and short and _may(certificate, "key_cert_sign")


def _may(certificate: x509.Certificate, use: str) -> bool:
    """Tell whether a key may be used so; a certificate that does not say limits nothing."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool(getattr(usage, use))


def _usages(certificate: x509.Certificate) -> x509.ExtendedKeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
