# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put in place is whole, and nobody reads it who may not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_secret_stays_private_whatever_a_killed_writer_left(tmp_path: Path) -> None:
    left = tmp_path / ".x.new"
    left.write_bytes(b"left")
    left.chmod(0o666)

    disk.replace(tmp_path / "x", b"secret")

    assert (tmp_path / "x").read_bytes() == b"secret"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_what_is_no_secret_is_as_readable_as_the_umask_lets_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        disk.replace_by_parts(tmp_path / "x", (b"a", b"b"), disk.PUBLIC_MODE)
    finally:
        os.umask(before)

    assert (tmp_path / "x").read_bytes() == b"ab"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


def test_parts_that_cannot_be_made_leave_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def parts() -> Iterator[bytes]:
        yield b"new"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        disk.replace_by_parts(tmp_path / "x", parts())

    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"of somebody else")
    (tmp_path / ".x.new").symlink_to(tmp_path / "other")

    disk.replace(tmp_path / "x", b"ours")

    assert (tmp_path / "other").read_bytes() == b"of somebody else"
    assert not (tmp_path / "x").is_symlink()
