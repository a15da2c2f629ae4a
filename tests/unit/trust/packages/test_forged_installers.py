# SPDX-License-Identifier: GPL-3.0-or-later
"""What a forger can make of a signed .msi or .msp: no byte of it may be outside of the signature (I10)."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING

import olefile
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
    trailing,
)
from signing import Authorities, patch, product, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAYLOAD = b"payload of a forger ".ljust(64, b"!")
TITLE = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"


@pytest.fixture(scope="module", params=["msp", "msi", "msi with metadata"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
    authorities: Authorities,
) -> Path:  # fmt: skip
    folder = tmp_path_factory.mktemp("made")
    msp = request.param == "msp"
    path = patch(folder / "update.msp", TITLE) if msp else product(folder / "rewrite.msi")
    extra = ["-add-msi-dse"] if "metadata" in request.param else []
    return sign(path, authorities.signer, authorities.stamper, extra=extra)


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A signed installer, to be changed."""
    shutil.copy(made, tmp_path / made.name)
    return tmp_path / made.name


def test_signed_installer_passes_and_hides_nothing(
    path: Path, policy: authenticode.SignaturePolicy
) -> None:
    assert authenticode.verify(path, policy).digest == "SHA256"
    assert trailing.hidden_bytes(path) is None


def width(data: bytes) -> int:
    return 1 << struct.unpack_from("<H", data, 30)[0]


def directory(path: Path, name: str | None) -> int:
    """Where the entry of a stream stands; without a name: that of an entry without use."""
    data = path.read_bytes()
    with olefile.OleFileIO(str(path)) as ole:
        fat, sector = list(ole.fat), ole.first_dir_sector
        wanted = name and next(kid.sid for kid in ole.root.kids if kid.name == name)
    places = []
    while sector < 0xFFFFFFFA:
        start = (sector + 1) * width(data)
        places += range(start, start + width(data), 128)
        sector = fat[sector]
    if name:
        return places[wanted]
    unused = [place for place in places if data[place + 66] == 0]
    if not unused:
        pytest.skip("each entry of the directory of this installer is in use")
    return unused[0]


def text(path: Path) -> int:
    """Where bytes of a stream that is signed stand."""
    data = path.read_bytes()
    word = TITLE.encode() if path.suffix == ".msp" else b"IIS URL Rewrite Module 2"
    return data.index(word)


def behind_the_end(data: bytearray, path: Path) -> bytes:
    return bytes(data) + PAYLOAD


def archive_behind_the_end(data: bytearray, path: Path) -> bytes:
    """As malware did it: an archive of Java finds its directory from the end."""
    return bytes(data) + b"PK\x05\x06" + bytes(18)


def whole_sector_behind_the_end(data: bytearray, path: Path) -> bytes:
    return bytes(data) + bytes(-len(data) % width(data)) + PAYLOAD.ljust(width(data), b"!")


def sector_of_its_own(data: bytearray, path: Path) -> bytes:
    """A sector that the FAT says is in use, and that no stream leads to."""
    number = -(-(len(data) - width(data)) // width(data))
    (fat,) = struct.unpack_from("<I", data, 76)
    struct.pack_into("<I", data, (fat + 1) * width(data) + 4 * number, 0xFFFFFFFE)
    return bytes(data) + bytes(-len(data) % width(data)) + PAYLOAD.ljust(width(data), b"!")


def sector_said_to_be_of_the_table(data: bytearray, path: Path) -> bytes:
    number = -(-(len(data) - width(data)) // width(data))
    (fat,) = struct.unpack_from("<I", data, 76)
    struct.pack_into("<I", data, (fat + 1) * width(data) + 4 * number, 0xFFFFFFFD)
    return bytes(data) + bytes(-len(data) % width(data)) + PAYLOAD.ljust(width(data), b"!")


def unused_entry(data: bytearray, path: Path) -> bytes:
    place = directory(path, None)
    data[place : place + 60] = PAYLOAD[:60]
    return bytes(data)


def reserved_bytes_of_the_header(data: bytearray, path: Path) -> bytes:
    data[8:24] = PAYLOAD[:16]
    return bytes(data)


def rest_of_a_name(data: bytearray, path: Path) -> bytes:
    data[directory(path, "\x05SummaryInformation") + 60] = 33
    return bytes(data)


def class_of_a_stream(data: bytearray, path: Path) -> bytes:
    place = directory(path, "\x05SummaryInformation") + 80
    data[place : place + 16] = PAYLOAD[:16]
    return bytes(data)


def colour_of_an_entry(data: bytearray, path: Path) -> bytes:
    data[directory(path, "\x05SummaryInformation") + 67] = 33
    return bytes(data)


def date_of_the_root(data: bytearray, path: Path) -> bytes:
    with olefile.OleFileIO(str(path)) as ole:
        start = (ole.first_dir_sector + 1) * width(data)
    data[start + 100 : start + 108] = PAYLOAD[:8]
    return bytes(data)


def minor_version(data: bytearray, path: Path) -> bytes:
    data[24:26] = b"!!"
    return bytes(data)


def transaction_number(data: bytearray, path: Path) -> bytes:
    data[52:56] = PAYLOAD[:4]
    return bytes(data)


def last_number_of_the_fat(data: bytearray, path: Path) -> bytes:
    """It would be for a sector far behind the end of the file."""
    (fat,) = struct.unpack_from("<I", data, 76)
    place = (fat + 2) * width(data) - 4
    data[place : place + 4] = PAYLOAD[:4]
    return bytes(data)


def last_number_of_the_mini_fat(data: bytearray, path: Path) -> bytes:
    (first,) = struct.unpack_from("<I", data, 60)
    place = (first + 2) * width(data) - 4
    data[place : place + 4] = PAYLOAD[:4]
    return bytes(data)


def zeros_behind_the_end(data: bytearray, path: Path) -> bytes:
    return bytes(data) + bytes(-len(data) % width(data)) + bytes(width(data))


def longer_signature(data: bytearray, path: Path) -> bytes:
    place = directory(path, "\x05DigitalSignature") + 120
    (size,) = struct.unpack_from("<I", data, place)
    struct.pack_into("<I", data, place, size + 1)
    return bytes(data)


def shorter_signature(data: bytearray, path: Path) -> bytes:
    place = directory(path, "\x05DigitalSignature") + 120
    (size,) = struct.unpack_from("<I", data, place)
    struct.pack_into("<I", data, place, size - 1)
    return bytes(data)


def renamed_signature(data: bytearray, path: Path) -> bytes:
    data[directory(path, "\x05DigitalSignature") + 2] ^= 0x20
    return bytes(data)


def changed_stream(data: bytearray, path: Path) -> bytes:
    data[text(path)] ^= 1
    return bytes(data)


def changed_class(data: bytearray, path: Path) -> bytes:
    with olefile.OleFileIO(str(path)) as ole:
        start = (ole.first_dir_sector + 1) * width(data)
    data[start + 80] ^= 1
    return bytes(data)


def stream_in_a_circle(data: bytearray, path: Path) -> bytes:
    with olefile.OleFileIO(str(path)) as ole:
        first = ole.root.isectStart
    (fat,) = struct.unpack_from("<I", data, 76)
    struct.pack_into("<I", data, (fat + 1) * width(data) + 4 * first, first)
    return bytes(data)


def two_streams_in_one_place(data: bytearray, path: Path) -> bytes:
    with olefile.OleFileIO(str(path)) as ole:
        small = [kid.name for kid in ole.root.kids if 0 < kid.size < ole.mini_stream_cutoff_size]
    first, second = (directory(path, name) for name in small[:2])
    data[second + 116 : second + 128] = data[first + 116 : first + 128]
    return bytes(data)


def two_tables_in_one_place(data: bytearray, path: Path) -> bytes:
    """The table of small sectors and the directory."""
    data[60:64] = data[48:52]
    return bytes(data)


def cut_off(data: bytearray, path: Path) -> bytes:
    return bytes(data[: len(data) // 2])


FORGERIES: tuple[tuple[Callable[[bytearray, Path], bytes], str], ...] = (
    (behind_the_end, "belongs to no stream"),
    (archive_behind_the_end, "belongs to no stream"),
    (whole_sector_behind_the_end, "belongs to no stream"),
    (sector_of_its_own, "belongs to no stream"),
    (sector_said_to_be_of_the_table, "belongs to no stream"),
    (unused_entry, "reached by nothing"),
    (reserved_bytes_of_the_header, "cannot be read"),
    (rest_of_a_name, "behind its name"),
    (class_of_a_stream, "of a stream"),
    (colour_of_an_entry, "its colour"),
    (date_of_the_root, "the date of the root"),
    (minor_version, "another minor version"),
    (transaction_number, "another transaction number"),
    (last_number_of_the_fat, "of its FAT"),
    (last_number_of_the_mini_fat, "of its mini FAT"),
    (zeros_behind_the_end, "behind the last sector that it uses"),
    (longer_signature, ""),
    (shorter_signature, "cut off"),
    (renamed_signature, "not signed at all"),
    (changed_stream, "damaged or tampered with"),
    (changed_class, "damaged or tampered with"),
    (stream_in_a_circle, ""),
    (two_streams_in_one_place, "cannot be read"),
    (two_tables_in_one_place, "cannot be read"),
    (cut_off, ""),
)


@pytest.mark.parametrize(("forge", "words"), FORGERIES, ids=lambda v: getattr(v, "__name__", ""))
def test_forged_installer_is_refused(
    forge: Callable[[bytearray, Path], bytes], words: str, path: Path,
    policy: authenticode.SignaturePolicy,
) -> None:  # fmt: skip
    path.write_bytes(forge(bytearray(path.read_bytes()), path))
    with pytest.raises(RefusedError) as caught:
        authenticode.verify(path, policy)
    assert path.name in str(caught.value)
    assert words in str(caught.value)


def test_changed_date_is_refused_where_the_signature_covers_dates(
    path: Path, policy: authenticode.SignaturePolicy
) -> None:
    with olefile.OleFileIO(str(path)) as ole:
        if not ole.exists("\x05MsiDigitalSignatureEx"):
            pytest.skip("this installer was signed without MsiDigitalSignatureEx")
    data = bytearray(path.read_bytes())
    data[directory(path, "\x05SummaryInformation") + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(RefusedError, match="its names or dates"):
        authenticode.verify(path, policy)


@pytest.mark.parametrize("order", ["forged first", "forged nested"])
def test_each_signature_of_an_installer_counts(
    order: str, tmp_path: Path, authorities: Authorities, policy: authenticode.SignaturePolicy
) -> None:
    """A genuine one beside a forged one counts for nothing, whichever is the first."""
    forged = Authorities.create()
    first, second = (forged, authorities) if order == "forged first" else (authorities, forged)
    path = product(tmp_path / "rewrite.msi")
    sign(path, first.signer, first.stamper)
    sign(path, second.signer, second.stamper, extra=["-nest"])
    with pytest.raises(RefusedError, match="pinned authorities"):
        authenticode.verify(path, policy)


def test_two_genuine_signatures_of_an_installer_pass(
    tmp_path: Path, authorities: Authorities, policy: authenticode.SignaturePolicy
) -> None:
    path = product(tmp_path / "rewrite.msi")
    sign(path, authorities.signer, authorities.stamper)
    sign(path, authorities.signer, authorities.stamper, extra=["-nest"])
    assert authenticode.verify(path, policy).digest == "SHA256"


def test_sha1_beside_sha256_is_refused(
    tmp_path: Path, authorities: Authorities, policy: authenticode.SignaturePolicy
) -> None:
    path = product(tmp_path / "rewrite.msi")
    sign(path, authorities.signer, authorities.stamper, digest="sha1")
    sign(path, authorities.signer, authorities.stamper, extra=["-nest"])
    with pytest.raises(RefusedError, match="its signature uses SHA1"):
        authenticode.verify(path, policy)
