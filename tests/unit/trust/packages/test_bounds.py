# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed containers end soon, in a refusal that names the file (I5): loops, counts, cuts."""

from __future__ import annotations

import random
import struct
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.kinds import (
    FileKind,
    recognise,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.program import (
    read_program,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.statements import (
    FileStatements,
    read_statements,
)
from compound_files import SECTOR, write_compound
from package_files import PATCH_CLASS, msp, pe, update_strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SOON = 30  # seconds; the machine of the tests may be busy


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return msp(
        tmp_path_factory.mktemp("whole") / "a.msp", versions=[("15.1.2176.2",) * 2] * 3
    ).read_bytes()


def answer(path: Path) -> FileStatements | str:
    """What is read, or the refusal; anything else that is raised fails the test."""
    began = time.monotonic()
    try:
        found = recognise(path)
        if found.kind not in (FileKind.PATCH, FileKind.PROGRAM):
            return f"{path.name}: {found.described}"
        return read_statements(path, path.name, found)
    except RefusedError as error:
        return str(error)
    finally:
        assert time.monotonic() - began < _SOON


def _put(form: str, place: int, *values: int) -> Callable[[bytearray], None]:
    return lambda data: struct.pack_into(form, data, place, *values)


def _loop_of_the_fat(data: bytearray) -> None:
    """Each sector of the FAT leads to the first: no chain has an end."""
    (fat,) = struct.unpack_from("<I", data, 0x4C)
    place = (fat + 1) * SECTOR
    struct.pack_into("<128I", data, place, *[0] * 128)


def _loop_of_entries(data: bytearray) -> None:
    """Each entry of the directory is the left and right neighbour of the next and of itself."""
    (first,) = struct.unpack_from("<I", data, 0x30)
    for number in range(4):
        place = (first + 1) * SECTOR + number * 128
        struct.pack_into("<III", data, place + 68, number, 1, 1)


@pytest.mark.parametrize(
    "spoil",
    [
        _put("<H", 0x1E, 0xFFFF),  # sectors of 2 ** 65535 bytes
        _put("<H", 0x1E, 30),
        _put("<H", 0x20, 40),  # small sectors as large as that
        _put("<I", 0x2C, 0xFFFFFFFF),  # sectors of the FAT
        _put("<I", 0x40, 0xFFFFFFF0),  # sectors of the mini FAT
        _put("<II", 0x44, 0, 0xFFFFFFFF),  # sectors that list those of the FAT
        _put("<II", 0x44, 0, 3),  # ... which lead in a circle
        _put("<I", 0x30, 0xFFFFFFF0),  # the directory
        _put("<I", 0x30, 0),
        _put("<I", 0x4C, 0xFFFFFF00),  # the FAT
        _put("<I", 0x4C, 0),
        _loop_of_the_fat,
        _loop_of_entries,
    ],
)
def test_loops_and_counts_of_a_compound_file_end_in_a_refusal(
    spoil: Callable[[bytearray], None], whole: bytes, tmp_path: Path
) -> None:
    data = bytearray(whole)
    spoil(data)
    path = tmp_path / "a.msp"
    path.write_bytes(data)
    said = answer(path)
    assert not isinstance(said, FileStatements) or said.items == ()
    assert "a.msp: " in str(said)


def test_patch_with_a_thousand_transforms_is_refused(tmp_path: Path) -> None:
    tree = {f"T{number}": {"\x05SummaryInformation": b"x"} for number in range(300)}
    path = write_compound(tmp_path / "a.msp", dict(tree), PATCH_CLASS)
    said = answer(path)
    assert isinstance(said, str)
    assert "a.msp: its tables cannot be read" in said


def test_summary_that_counts_billions_is_refused(whole: bytes, tmp_path: Path) -> None:
    data = bytearray(whole)
    place = 0
    # The beginning of a property set with one section; its count stands behind its size.
    while (place := data.find(b"\xfe\xff\0\0", place)) >= 0:
        struct.pack_into("<I", data, place + 48 + 4, 0xFFFFFFFF)
        place += 4
    path = tmp_path / "a.msp"
    path.write_bytes(data)
    said = answer(path)
    assert isinstance(said, str)
    assert "its summary counts 4294967295 properties" in said


def test_scrambled_patches_are_read_or_refused(whole: bytes, tmp_path: Path) -> None:
    dice = random.Random(20210302)
    path = tmp_path / "a.msp"
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data[: dice.choice([len(data), dice.randrange(len(data))])])
        said = answer(path)
        refused += isinstance(said, str)
        assert not isinstance(said, str) or "a.msp: " in said
    assert refused > 20


@pytest.fixture(scope="module")
def runnable(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("pe") / "a.exe"
    return pe(path, update_strings(), version="15.1.2176.9").read_bytes()


def _resource_place(data: bytes) -> int:
    return data.index(struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1))


def _loop_of_resources(data: bytearray) -> None:
    struct.pack_into("<I", data, _resource_place(data) + 20, 0x80000000)


def _many_resources(data: bytearray) -> None:
    struct.pack_into("<HH", data, _resource_place(data) + 12, 0xFFFF, 0xFFFF)


@pytest.mark.parametrize(
    "spoil",
    [
        _loop_of_resources,
        _many_resources,
        _put("<H", 0x86, 0xFFFF),  # sections
        _put("<I", 0x3C, 0xFFFFFFF0),  # the header
        _put("<I", 0x3C, 0),
        _put("<H", 0x94, 0xFFFF),  # size of the optional header
        _put("<I", 0x80 + 24 + 108, 0xFFFFFFFF),  # data directories
        _put("<II", 0x80 + 24 + 112 + 16, 0x2000, 0xFFFFFFFF),  # size of the resources
        _put("<II", 0x80 + 24 + 112 + 16, 0xFFFFF000, 64),
    ],
)
def test_loops_and_counts_of_a_program_end(
    spoil: Callable[[bytearray], None], runnable: bytes, tmp_path: Path
) -> None:
    data = bytearray(runnable)
    spoil(data)
    path = tmp_path / "a.exe"
    path.write_bytes(data)
    answer(path)


def test_scrambled_programs_are_read_or_called_damaged(runnable: bytes, tmp_path: Path) -> None:
    dice = random.Random(20210302)
    path = tmp_path / "a.exe"
    for _ in range(200):
        data = bytearray(runnable)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(2, len(data))] = dice.randrange(256)
        path.write_bytes(data[: dice.choice([len(data), dice.randrange(2, len(data))])])
        answer(path)


def test_cut_version_resource_is_none(runnable: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.exe"
    path.write_bytes(runnable[:0x610])
    program = read_program(path)
    assert program is None or program.strings == {}


def test_strings_are_short_and_few(tmp_path: Path) -> None:
    strings = {"Comments": "x" * 1000, **{f"Name{number}": "x" for number in range(150)}}
    program = read_program(pe(tmp_path / "a.exe", strings))
    assert program is not None
    assert 0 < len(program.strings) <= 100
    assert max(len(text) for text in program.strings.values()) == 300


def test_control_characters_of_a_file_are_shown_as_escapes(tmp_path: Path) -> None:
    path = pe(tmp_path / "a.exe", {"ProductName": "a\x1b[2Jb\u202ec", "CompanyName": "x\ny"})
    described = recognise(path).described
    assert "a\\x1b[2Jb\\u202ec" in described
    assert described.isprintable()


def test_thousands_of_beginnings_of_compound_files_in_a_program_end(tmp_path: Path) -> None:
    noise = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 200_000
    path = pe(tmp_path / "a.exe", update_strings(), content=noise)
    said = answer(path)
    assert isinstance(said, FileStatements)
    assert len(said.items) == 1
