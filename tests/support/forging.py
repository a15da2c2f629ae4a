# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the signature of a Windows program apart and put something else in its place.

A forger has no key of Microsoft, but every byte that no signature covers is his.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any

from asn1crypto import algos, cms, core
from stamping import frozen, imprint, parsed, signer_info, token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asn1crypto import x509
    from signing import Identity

SPC = "1.3.6.1.4.1.311.2.1.4"
PAYLOAD = b"payload of a forger ".ljust(64, b"!")


class DataAndDigest(core.Sequence):
    """SpcIndirectDataContent."""

    _fields = [("data", core.Any), ("message_digest", algos.DigestInfo)]  # noqa: RUF012


def entry(data: bytes | bytearray) -> int:
    """The offset of the directory entry of the certificate table."""
    header = struct.unpack_from("<I", data, 0x3C)[0]
    plus = struct.unpack_from("<H", data, header + 24)[0] == 0x20B
    return header + 24 + (112 if plus else 96) + 8 * 4


def table(data: bytes | bytearray) -> tuple[int, int]:
    """Offset and size of the certificate table."""
    return struct.unpack_from("<II", data, entry(data))


def take(path: Path) -> Any:
    """The first signature of a program."""
    data = path.read_bytes()
    offset, _ = table(data)
    der = data[offset + 8 : offset + struct.unpack_from("<I", data, offset)[0]]
    return cms.ContentInfo.load(der)


def certificate(der: bytes, revision: int = 0x200, kind: int = 2) -> bytes:
    """One entry of a certificate table."""
    body = der + bytes(-len(der) % 8)
    return struct.pack("<IHH", 8 + len(body), revision, kind) + body


def put(path: Path, *entries: bytes) -> None:
    """Give a program this certificate table."""
    data = bytearray(path.read_bytes())
    offset, _ = table(data)
    del data[offset:]
    whole = b"".join(entries)
    struct.pack_into("<II", data, entry(data), offset if whole else 0, len(whole))
    path.write_bytes(data + whole)


def replace(path: Path, info: Any) -> None:
    """Give a program this signature."""
    put(path, certificate(info.dump()))


def signer(info: Any) -> Any:
    """The only SignerInfo of a signature."""
    return info["content"]["signer_infos"][0]


def rebuilt(info: Any, **changes: Any) -> Any:
    """The same signature with other parts; what is not named keeps its bytes.

    ``unsigned``: attributes as (type, value). ``signers``, ``certificates``, ``crls``, ``digests``.
    """
    old = info["content"]
    one = old["signer_infos"][0]
    if "unsigned" in changes:
        one = without(one, "unsigned_attrs")
        if changes["unsigned"]:
            one["unsigned_attrs"] = [attribute(*pair) for pair in changes["unsigned"]]
    if "value" in changes:
        one["signature"] = changes["value"]
    parts = {
        "version": old["version"],
        "digest_algorithms": changes.get("digests", old["digest_algorithms"]),
        "encap_content_info": changes.get("content", old["encap_content_info"]),
        "certificates": changes.get("certificates", list(old["certificates"])),
        "signer_infos": changes.get("signers", [one]),
    }
    if "crls" in changes:
        parts["crls"] = changes["crls"]
    whole = {"content_type": "signed_data", "content": cms.SignedData(parts)}
    return frozen(cms.ContentInfo(whole))


def without(one: Any, part: str) -> Any:
    """A copy of a SignerInfo that lacks a part."""
    names = [field[0] for field in one._fields if field[0] != part]
    return cms.SignerInfo({n: one[n] for n in names if not isinstance(one[n], core.Void)})


def attribute(kind: str, value: Any) -> cms.CMSAttribute:
    """An attribute with one value."""
    return frozen(cms.CMSAttribute({"type": kind, "values": [value]}))


def unsigned(info: Any) -> list[tuple[str, Any]]:
    """Types and values of the unsigned attributes."""
    found = signer(info)["unsigned_attrs"]
    return [(a["type"].native, a["values"][0]) for a in found] if found.contents else []


def over(info: Any, digest: bytes) -> Any:
    """The content of a signature, said of a file with another digest."""
    inner = info["content"]["encap_content_info"]
    content = DataAndDigest.load(core.Sequence(contents=inner["content"].parsed.contents).dump())
    return inner["content_type"], DataAndDigest(
        {
            "data": content["data"],
            "message_digest": {"digest_algorithm": {"algorithm": "sha256"}, "digest": digest},
        }
    )


def authentihash(path: Path) -> bytes:
    """SHA-256 of what Authenticode covers."""
    data = path.read_bytes()
    at = entry(data)
    checksum = struct.unpack_from("<I", data, 0x3C)[0] + 24 + 64
    end = table(data)[0] or len(data)
    return hashlib.sha256(data[:checksum] + data[checksum + 4 : at] + data[at + 8 : end]).digest()


def signed_by(
    info: Any,
    digest: bytes,
    by: Identity,
    *,
    named: x509.Certificate | None = None,
    certificates: Sequence[x509.Certificate] | None = None,
    stamper: Identity | None = None,
) -> Any:
    """A whole signature of our own over a digest; ``named`` is whom it says has signed."""
    kind, content = over(info, digest)
    made = hashlib.sha256(core.Sequence.load(content.dump()).contents).digest()
    attributes = [
        {"type": "content_type", "values": [SPC]},
        {"type": "message_digest", "values": [made]},
    ]
    one = signer_info(named or parsed(by.certificate), by.key, attributes)
    if stamper:
        stamp = token(imprint(one["signature"].native), stamper)
        one["unsigned_attrs"] = [attribute("microsoft_time_stamp_token", stamp)]
    bag = [parsed(by.certificate), *map(parsed, by.above)]
    return rebuilt(
        info,
        content={"content_type": kind, "content": core.Any(content.retag({"explicit": 0}))},
        certificates=list(certificates if certificates is not None else bag),
        digests=[{"algorithm": "sha256"}],
        signers=[one],
    )
