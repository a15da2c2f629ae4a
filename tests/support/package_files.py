# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches and programs that say of themselves what Microsoft's do, signed when Microsoft's were."""

from __future__ import annotations

import datetime as dt
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import olefile
from compound_files import write_compound
from cryptography.x509.oid import ExtendedKeyUsageOID
from signing import MICROSOFT, Authorities, Identity, issue, sign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compound_files import Tree

PATCH_CLASS = bytes.fromhex("86100c0000000000c000000000000046")
PRODUCT_CLASS = bytes.fromhex("84100c0000000000c000000000000046")
EXCHANGE_2013 = "{4934D1EA-BE46-48B1-8847-F1AF20E892C1}"
EXCHANGE_2016 = "{CD981244-E9B8-405A-9026-6AEB9DCEF1F1}"  # and 2019
PATCH_CODE = "{0FC6FF31-5EE6-4A67-ABB4-EA9C43CAF2D6}"
TITLE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
SIGNED = dt.datetime(2021, 2, 27, 12, tzinfo=dt.UTC)  # three days before the release in March
_OLD = (-8000, 300)  # certificates that were valid at every release


def authorities() -> Authorities:
    """Root, issuer, signer and time-stamp service that were valid in 2021 as well."""
    root = issue("Test Root Certificate Authority", authority=True, days=_OLD)
    pca = issue("Microsoft Code Signing PCA 2011", root, authority=True, days=_OLD)
    stamping = (ExtendedKeyUsageOID.TIME_STAMPING,)
    stamper = issue("Test Time-Stamp Service", root, usages=stamping, days=_OLD)
    return Authorities(root, pca, issue(MICROSOFT, pca, days=_OLD), stamper)


def signed(
    path: Path, who: Authorities, at: dt.datetime = SIGNED, signer: Identity | None = None
) -> Path:
    """Sign a file in place, with a time stamp of that moment."""
    return sign(path, signer or who.signer, who.stamper, at=at)


def msp(
    path: Path,
    title: str = TITLE,
    *,
    products: Sequence[str] = (EXCHANGE_2016,),
    versions: Sequence[tuple[str, str]] = (("15.1.2176.2", "15.1.2176.2"),),
    code: str = PATCH_CODE,
    class_id: bytes = PATCH_CLASS,
    **metadata: str,
) -> Path:
    """A patch: tables as msitools write them, in a file of a patch's class, with its transforms."""
    rows = {"DisplayName": title, "ManufacturerName": MICROSOFT, **metadata}
    with tempfile.TemporaryDirectory() as folder:
        tables = _database(Path(folder), rows, "Patch", ";".join(products), code)
        tree: Tree = dict(_streams(tables))
        for number, (before, after) in enumerate(versions):
            owner = products[number % len(products)]
            change = f"{owner}{before};{owner}{after};{{11111111-2222-3333-4444-555555555555}}"
            part = _database(Path(folder), {}, "Transform", "x64;1033", change)
            summary = {k: v for k, v in _streams(part).items() if k == "\x05SummaryInformation"}
            tree[f"T{number}"] = dict(summary)
            tree[f"#T{number}"] = dict(summary)
    return write_compound(path, tree, class_id)


def _database(
    folder: Path, metadata: Mapping[str, str], title: str, template: str, revision: str
) -> Path:
    path = folder / f"{title}.db"
    path.unlink(missing_ok=True)
    words: list[list[str]] = [["-s", title, MICROSOFT, template, revision]]
    if metadata:
        lines = "".join(f"{key}\t{text}\n" for key, text in metadata.items() if text)
        table = folder / "MsiPatchMetadata.idt"
        table.write_text(
            f"Property\tValue\ns72\tl0\nMsiPatchMetadata\tProperty\n{lines}", encoding="utf-8"
        )
        words.insert(0, ["-i", str(table)])
    for call in words:
        subprocess.run(["msibuild", str(path), *call], check=True, capture_output=True)
    return path


def _streams(path: Path) -> dict[str, bytes]:
    with olefile.OleFileIO(str(path)) as ole:
        return {entry[0]: ole.openstream(entry).read() for entry in ole.listdir()}


def pe(
    path: Path,
    strings: Mapping[str, str] | None = None,
    *,
    version: str = "0.0.0.0",
    content: bytes = b"",
    dll: bool = False,
    subsystem: int = 3,
    machine: int = 0x8664,
    flags: int = 0x22,
) -> Path:
    """A PE32+ file with some content and, given strings, a version resource."""
    body = content.ljust(0x200 * (len(content) // 0x200 + 1), b"\0")
    place = 0x1000 + -(-len(body) // 0x1000) * 0x1000
    resource = _resources(_version_info(strings, version), place) if strings is not None else b""
    resource += bytes(-len(resource) % 0x200)
    sections = [(b".text", 0x1000, body, 0x60000020)]
    if resource:
        sections.append((b".rsrc", place, resource, 0x40000040))
    head = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(64)
    flags |= 0x2000 if dll else 0
    head += b"PE\0\0" + struct.pack("<HHIIIHH", machine, len(sections), 0, 0, 0, 240, flags)
    head += struct.pack("<HBBIIIII", 0x20B, 14, 0, len(body), len(resource), 0, 0x1000, 0x1000)
    size = place + 0x1000 + -(-len(resource) // 0x1000) * 0x1000
    head += struct.pack(
        "<QIIHHHHHHIIIIHHQQQQII",
        0x140000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, size, 0x400, 0, subsystem, 0,
        0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    )  # fmt: skip
    directories = [(0, 0)] * 16
    if resource:
        directories[2] = (place, len(resource))
    head += b"".join(struct.pack("<II", *entry) for entry in directories)
    raw = 0x400
    for name, address, data, kind in sections:
        head += name.ljust(8, b"\0")
        head += struct.pack("<IIIIIIHHI", len(data), address, len(data), raw, 0, 0, 0, 0, kind)
        raw += len(data)
    path.write_bytes(head.ljust(0x400, b"\0") + body + resource)
    return path


def update_strings(title: str = TITLE, **changes: str) -> dict[str, str]:
    """The version resource of a self-extracting update."""
    return {
        "CompanyName": MICROSOFT,
        "FileDescription": title,
        "ProductName": "Microsoft Exchange",
        **changes,
    }


RUNTIME = {  # that of a library of .NET
    "CompanyName": MICROSOFT,
    "FileDescription": "System.Runtime",
    "OriginalFilename": "System.Runtime.dll",
    "ProductName": "Microsoft .NET Runtime",
    "ProductVersion": "8.0.1",
}


def _version_info(strings: Mapping[str, str], version: str) -> bytes:
    a, b, c, d = (int(part) for part in version.split("."))
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, *([a << 16 | b, c << 16 | d] * 2),
                        0x3F, 0, 0x40004, 1, 0, 0, 0)  # fmt: skip
    texts = b"".join(
        _node(key, (text + "\0").encode("utf-16-le"), len(text) + 1, kind=1)
        for key, text in strings.items()
    )
    table = _node("StringFileInfo", b"", 0, _node("040904b0", b"", 0, texts, kind=1), kind=1)
    return _node("VS_VERSION_INFO", fixed, len(fixed), table)


def _node(key: str, value: bytes, length: int, children: bytes = b"", *, kind: int = 0) -> bytes:
    head = 6 + 2 * (len(key) + 1)
    out = (key + "\0").encode("utf-16-le") + bytes(-head % 4) + value
    out += bytes(-(len(out) + 6) % 4) + children
    whole = struct.pack("<HHH", len(out) + 6, length, kind) + out
    return whole + bytes(-len(whole) % 4)


def _resources(info: bytes, place: int) -> bytes:
    """Type RT_VERSION, name 1, language 1033."""
    out = b""
    for number, identifier in enumerate((16, 1, 1033)):
        inner = 24 * (number + 1)
        target = inner if number == 2 else inner | 0x80000000
        out += struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1) + struct.pack("<II", identifier, target)
    return out + struct.pack("<IIII", place + 72 + 16, len(info), 0, 0) + info
