# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that cannot be edited, names that stand elsewhere, and damaged undo records."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import mitigation_requests as wanted
import pytest
from engine_pair import FLEETS, Pair
from mitigation_requests import WWWROOT
from test_mitigation_contract import Mitigated, records
from test_mitigation_files import COOKIE, OWA, SET, UNDO, cookie, page

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Mitigated:
    one = Mitigated(Pair(FLEETS["small"]["ex01"], shim_engine))
    one.step("Lock-Host", wanted.LOCK)
    return one


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("<configuration><system.webServer>", "ConfigurationUnreadable"),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]><configuration>&b;</configuration>',
            "ConfigurationUnreadable",
        ),
        (page().replace("<rewrite>", '<rewrite configSource="rewrite.config">'), "ConfigSource"),
        (page().replace("<rules>", '<rules configSource="rules.config">'), "ConfigSource"),
    ],
)
def test_file_that_cannot_be_edited_is_refused(text: str, identity: str, story: Mitigated) -> None:
    story.put(WWWROOT, text)
    assert story.refused(SET, COOKIE) == identity
    assert story.text() == text


@pytest.mark.parametrize(("file", "path"), [(WWWROOT, "/owa"), (OWA, "/")])
def test_name_that_would_be_inherited_twice_is_refused(
    file: str, path: str, story: Mitigated
) -> None:
    step = {**COOKIE, "path": path}
    story.put(file, page(cookie(1)))
    assert story.refused(SET, step) == "NameTaken"
    story.put(file, page())
    assert story.change(SET, step)["changed"]


def test_second_site_does_not_count(story: Mitigated) -> None:
    back_end = {**COOKIE, "site": "exchange back end", "path": "owa/"}
    story.change(SET, {**back_end, "mitigation": "elsewhere"})
    assert story.change(SET, COOKIE)["changed"]


@pytest.mark.parametrize(
    ("damage", "identity"),
    [
        ("{", "UndoRecordUnreadable"),
        ('{"schema":2}', "UndoRecordUnreadable"),
        (None, "UndoCopyDamaged"),
    ],
)
def test_damaged_record_undoes_nothing(damage: str | None, identity: str, story: Mitigated) -> None:
    story.change(SET, COOKIE)
    applied = story.text()
    for world in story.pair.worlds:
        for path in records(world):
            if damage is not None and path.endswith(".json"):
                world.write_text(path, damage, by="test")
            elif damage is None and path.endswith(".bak"):
                world.write_text(path, "damaged", by="test")
    error = story.step(UNDO, wanted.undo("backend-cookie"))["errors"][0]
    assert (error["class"], error["id"]) == ("ScriptFailed", identity)
    assert story.text() == applied


def test_record_without_a_change_undoes_nothing(story: Mitigated) -> None:
    """A host that died between writing the record and the file."""
    before = story.text()
    story.change(SET, COOKIE)
    story.put(WWWROOT, str(before))
    assert not story.change(UNDO, wanted.undo("backend-cookie"))["changed"]
    assert records(story.pair.worlds[0]) == {}


def test_bytes_of_another_code_page_stay(story: Mitigated) -> None:
    raw = '<?xml version="1.0" encoding="iso-8859-1"?>\n<configuration><!-- M\u00fc -->\n</configuration>\n'.encode(
        "latin-1"
    )
    for world in story.pair.worlds:
        entry = {
            "size": len(raw),
            "data": base64.b64encode(raw).decode(),
            "mtime": "2021-03-01T00:00:00Z",
        }
        world.put_file(WWWROOT, entry, by="test")
    story.change(SET, COOKIE)
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert [base64.b64decode(world.file(WWWROOT)["data"]) for world in story.pair.worlds] == [
        raw,
        raw,
    ]


def test_without_a_place_for_the_record_nothing_is_written_i13(story: Mitigated) -> None:
    before = story.text()
    entry = {"text": "a file", "mtime": "2021-03-01T00:00:00Z"}
    for world in story.pair.worlds:
        world.put_file("C:\\ProgramData\\ExchangeRemediation\\undo", entry, by="test")
    assert story.step(SET, COOKIE)["errors"][0]["id"] == "StateRefused"
    assert story.text() == before
