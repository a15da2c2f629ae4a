# SPDX-License-Identifier: GPL-3.0-or-later
"""The files about scripts of Microsoft: each mistake with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load

if TYPE_CHECKING:
    from pathlib import Path


def message(root: Path) -> str:
    with pytest.raises(CatalogError) as error:
        load(root)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("51e4b238", "51E4B238", "64 hex digits"),
        ("source: hash}", "source: hush}", "'hush' is not defined"),
        ("\nsource: source\n", "\nsource: nowhere\n", "'nowhere' is not defined"),
        ("support: run", "support: recognise", "reason belongs"),
        ("verdict: patch-state", "verdict: read-back", "does not fit"),
        ("use: never", "use: maybe", "not one of"),
        ("title:", "headline:", "title"),
        ("[backend-cookie]", "[cookie]", "mitigation 'cookie' is not in the catalogue"),
        ("\nwrites:", "\nrollback_keeps: [um-services]\nwrites:", "no mitigation of this tool"),
        ('since: "21.03.15", use', 'since: "21.03.15", for: um-services, use', "is no mitigation"),
    ],
)
def test_mistakes_in_a_file_name_their_line(copied: Path, old: str, new: str, words: str) -> None:
    path = copied / "scripts" / "eomt.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    found = message(copied)
    assert found.startswith("catalog/scripts/eomt.yml:")
    assert words in found


def test_doubled_scripts(copied: Path) -> None:
    text = (copied / "scripts" / "eomt.yml").read_text(encoding="utf-8")
    second = copied / "scripts" / "second.yml"
    second.write_text(text, encoding="utf-8")
    assert "exists twice" in message(copied)
    second.write_text(text.replace("id: eomt", "id: other"), encoding="utf-8")
    assert "listed as eomt" in message(copied)
