# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in an .msp: its tables come from an independent program (msitools)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.msp import (
    MspFacts,
    Transform,
    read_msp,
)
from package_files import EXCHANGE_2013, EXCHANGE_2016, PATCH_CODE, TITLE, msp

if TYPE_CHECKING:
    from pathlib import Path

OBSOLETE = "{22222222-3333-4444-5555-666666666666}"


def read(path: Path) -> MspFacts:
    with path.open("rb") as stream:
        return read_msp(stream, path.name)


def test_codes_titles_and_transforms_are_read(tmp_path: Path) -> None:
    facts = read(
        msp(
            tmp_path / "a.msp",
            products=(EXCHANGE_2016, EXCHANGE_2013),
            versions=(("15.1.2176.2", "15.1.2176.9"), ("15.0.1497.2", "15.0.1497.12")),
            TargetProductName="Microsoft Exchange Server",
        )
    )
    assert facts.patch_code == PATCH_CODE
    assert facts.products == (EXCHANGE_2016, EXCHANGE_2013)
    assert facts.manufacturer == "Microsoft Corporation"
    assert ("MsiPatchMetadata DisplayName", TITLE) in facts.texts
    assert ("MsiPatchMetadata TargetProductName", "Microsoft Exchange Server") in facts.texts
    # Each stands twice in the file, as "T0" and as "#T0".
    assert facts.transforms == (
        Transform(EXCHANGE_2016, "15.1.2176.2", "15.1.2176.9"),
        Transform(EXCHANGE_2013, "15.0.1497.2", "15.0.1497.12"),
    )


def test_patch_code_is_the_first_and_obsolete_ones_follow(tmp_path: Path) -> None:
    assert read(msp(tmp_path / "a.msp", code=PATCH_CODE + OBSOLETE)).patch_code == PATCH_CODE


@pytest.mark.parametrize("code", ["none", "{}", f"{PATCH_CODE};{OBSOLETE}", "x" * 200])
def test_revision_that_is_no_patch_code_is_refused(code: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"a\.msp: it states no patch code"):
        read(msp(tmp_path / "a.msp", code=code))
