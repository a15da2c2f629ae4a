# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of values says each thing once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("key", ["servers", '"servers"'])
def test_a_name_that_stands_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    values = tmp_path / "values.yml"
    values.write_text(f'server_name: ex01\nservers: ["192.0.2.1"]\n{key}: ["192.0.2.2"]\n')

    given = ["--values", str(values), "--into", str(tmp_path / "out")]
    assert main(["render", "make", "nftables", "--level", "disconnected", *given]) == 2
    assert "'servers' stands there twice" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
