# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit codes, named failures and what a cumulative update needs: each mistake with line and cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load

Edit = Callable[..., Path]

CODES = "exit_codes.yml"
FAILURES = "failures/update.yml"
NEEDS = "requirements.yml"


def message(root: Path) -> str:
    with pytest.raises(CatalogError) as error:
        load(root)
    return str(error.value)


def test_what_the_files_say(small: Edit):
    catalog = load(small())
    assert catalog.exit_codes()[3010].kind.value == "ok-reboot"
    assert catalog.failures()["half-patch"].source == "a source"
    needed = catalog.requirements()
    assert list(needed.releases) == ["4.7.2", "4.8"]
    ranges = [needed.dotnet_for("Exchange2016", number) for number in (23, 13, 12, 10)]
    assert [row and row.most for row in ranges] == ["4.8", "4.8", "4.7.2", None]
    assert needed.dotnet_for("Exchange2019", 13) is None
    assert needed.licence_for("Exchange2016", 0)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (CODES, "code: 3010", "code: 0", "7: the exit code 0 stands twice; keep one line"),
        (CODES, "code: 3010", "code: -1", "7: code: -1 is less than the minimum of 0; write it as"),
        (CODES, "code: 3010", "code: yes", "7: code is True, not a number; write it as"),
        (CODES, "class: ok,", "class: fine,", "6: class 'fine' is not one of ok, ok-reboot, "),
        (CODES, "source: s}", "source: t}", "6: source 't' is not defined; define it at the top"),
        (
            CODES,
            ", source: s}",
            "}",
            "6: source is missing; add it, as the neighbouring entries do",
        ),
        (CODES, "as_of: 2026-11-24", "as_of: 2026-02-30", "3: '2026-02-30' is not a day of the"),
        (CODES, "schema: 1", "schema: 2", "2: schema version 2 is from the future"),
        (FAILURES, "rolled-back", "half-patch", "10: failure 'half-patch' exists twice; keep one"),
        (FAILURES, "half-patch", "Half patch", "6: id 'Half patch' is not an id of small letters"),
        (FAILURES, "source: s", "source: t", "9: source 't' is not defined; define it at the top"),
        (FAILURES, "repair: r", 'repair: ""', "8: repair: '' should be non-empty"),
        (FAILURES, "as_of: 2026-11-24", "as_of: 2026-02-30", "3: '2026-02-30' is not a day of the"),
        (FAILURES, "sources:", "origin:", "2: unknown key 'origin'; known are schema,"),
        (NEEDS, "from: 11", "from: 13", "10: this line of Exchange2016 is never reached, the one"),
        (NEEDS, "from: 13", "from: CU13", "9: from is 'CU13', not a number; write it as a number"),
        (
            NEEDS,
            "Exchange2016",
            "Exchange2010",
            "9: product 'Exchange2010' is not in the catalogue",
        ),
        (NEEDS, 'most: "4.8"', 'most: "4.9"', "9: .NET '4.9' is not in the catalogue; add it to"),
        (NEEDS, 'least: "4.7.2"', 'least: "4.7"', "9: .NET '4.7' is not in the catalogue; add it"),
        (NEEDS, '"4.7.2", most: "4.8"', '"4.8", most: "4.7.2"', "9: least is newer than most"),
        (NEEDS, "528040", "461807", "7: the numbers of .NET do not rise; order them"),
        (NEEDS, 'version: "4.8"', 'version: "4.7.2"', "7: .NET 4.7.2 stands twice; keep one line"),
        (NEEDS, "/IAccept", "IAccept", "12: switch 'IAcceptExchangeServerLicenseTerms' is not a"),
        (NEEDS, "Terms, source: s", "Terms, source: t", "12: source 't' is not defined"),
        (NEEDS, "461808, source: s", "461808, source: t", "6: source 't' is not defined"),
        (NEEDS, "as_of: 2026-11-24", "as_of: 2026-02-30", "3: '2026-02-30' is not a day of the"),
    ],
)
def test_mistakes_are_named_with_their_line(small: Edit, file, old, new, expected):
    assert message(small(file, old, new)).startswith(f"catalog/{file}:{expected}")


@pytest.mark.parametrize("file", ["products.yml", CODES, NEEDS])
def test_a_catalogue_without_one_of_its_single_files(small: Edit, file):
    root = small()
    (root / file).unlink()
    assert f"is not a catalogue: it has no {file}; check the folder" in message(root)


def test_a_failure_stands_in_one_file_only(small: Edit):
    root = small()
    (root / "failures" / "upgrade.yml").write_bytes((root / FAILURES).read_bytes())
    assert message(root).startswith("catalog/failures/upgrade.yml:6: failure 'half-patch' exists")


@pytest.mark.parametrize("place", ["more.yml", "scriptz/eomt.yaml", "failures/old/update.yml"])
def test_a_file_that_nobody_reads_is_a_mistake(small: Edit, place):
    root = small()
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text("schema: 1\n", encoding="utf-8")
    assert message(root).startswith(f"catalog/{place}:1: nobody reads a file here; move it to one")
