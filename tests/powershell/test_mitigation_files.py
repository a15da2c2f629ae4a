# SPDX-License-Identifier: GPL-3.0-or-later
"""web.config files of every shape: what is written, what stays, and what undo brings back.

Each step runs on the model and on the real scripts; both must leave the same bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import mitigation_requests as wanted
import pytest
from engine_pair import FLEETS, Pair
from mitigation_requests import WWWROOT
from test_mitigation_contract import Mitigated

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine
SET, UNDO = "Set-UrlRewriteMitigation", "Undo-Mitigation"
COOKIE = wanted.rewrite("backend-cookie")
NAMES = [rule["name"] for rule in COOKIE["rules"]]
POWERSHELL = wanted.rewrite("powershell-autodiscover")
OWA = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\web.config"
ABORT = '<match url=".*" /><action type="AbortRequest" />'
PASS = '<match url="x" /><action type="Rewrite" url="y" />'


def rule(name: str, content: str = ABORT, **more: str) -> str:
    attributes = "".join(f' {key}="{value}"' for key, value in more.items())
    return f'<rule name="{name}"{attributes}>{content}</rule>'


def cookie(number: int, *, pattern: str | None = None, **more: str) -> str:
    """One of the two rules in another handwriting, or spoilt."""
    wants = COOKIE["rules"][number]
    text = pattern or wants["conditions"][0]["pattern"]
    stop = {"stopProcessing": "true"} if number else {}
    condition = f'<add input="{{HTTP_COOKIE}}" pattern="{text}" />'
    content = (
        f'<match url=".*" /><conditions>{condition}</conditions><action type="AbortRequest" />'
    )
    return rule(NAMES[number], content, **(stop | more))


def page(*rules: str, section: str = "rules") -> str:
    lines = "\n".join(f"                {one}" for one in rules)
    return (
        '<?xml version="1.0"?>\n<configuration>\n    <system.webServer>\n        <rewrite>\n'
        f"            <{section}>\n{lines}\n            </{section}>\n        </rewrite>\n"
        "    </system.webServer>\n</configuration>\n"
    )


SHAPES = {
    "no end of line": "<configuration><system.webServer /></configuration>",
    "self-closed root": "<configuration />",
    "self-closed rules": "<configuration>\r\n\t<system.webServer>\r\n\t\t<rewrite>\r\n\t\t\t<rules />\r\n"
    "\t\t</rewrite>\r\n\t</system.webServer>\r\n</configuration>",
    "rules on one line": "<configuration>\n  <system.webServer>\n    <rewrite><rules></rules></rewrite>\n"
    "  </system.webServer>\n</configuration>",
    "byte order mark, tabs, crlf": "\ufeff<?xml version='1.0' encoding='utf-8' ?>\r\n<configuration>\r\n"
    '\t<!-- M\u00fcnchen <rules> -->\r\n\t<appSettings   file=\'a>b.config\' ><add key="x"\r\n\t\tvalue="&lt;&#10;"/>\r\n'
    "\t</appSettings>\r\n\t<system.webServer>\r\n\t</system.webServer>\r\n</configuration>\r\n\r\n",
    "name space": '<configuration xmlns="http://schemas.microsoft.com/.NetConfiguration/v2.0">\n</configuration>',
    "cdata and instructions": "<?xml version='1.0'?><?x <rules> ?>\n<!-- a --><configuration><a><![CDATA[<rules>]]></a>\n"
    "<system.webServer><rewrite/></system.webServer></configuration><!-- end -->",
    "foreign rules": page(
        rule("Ours", PASS), "<!-- kept -->", rule("Other", ABORT, enabled="false")
    ),
    "clear": page("<clear />", rule("Other")),
    "location": '<configuration>\n  <location path="." inheritInChildApplications="false">\n'
    "    <system.webServer><rewrite><rules>"
    + rule("There")
    + "</rules></rewrite></system.webServer>\n"
    "  </location>\n</configuration>",
}
SPOILT = {
    "altered pattern": page(cookie(0), cookie(1, pattern="$^")),
    "disabled": page(cookie(0, enabled="false"), cookie(1, enabled="false")),
    "wrong order": page(cookie(1), cookie(0)),
    "missing one": page(cookie(1)),
    "wildcard": page(cookie(0, patternSyntax="Wildcard"), cookie(1)),
    "other case": page(cookie(0).replace("Abort - inbound", "ABORT - INBOUND"), cookie(1)),
    "cleared": page(cookie(0), cookie(1), "<clear />"),
    "removed": page(cookie(0), cookie(1), f'<remove name="{NAMES[1]}" />'),
    "hidden": page(rule("Early", PASS, stopProcessing="true"), cookie(0), cookie(1)),
    "twice": page(cookie(0), cookie(1), cookie(1)),
}


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Mitigated:
    one = Mitigated(Pair(FLEETS["small"]["ex01"], shim_engine))
    one.step("Lock-Host", wanted.LOCK)
    return one


def named(result: dict[str, Any]) -> list[str]:
    return [row["name"] for row in result["after"]["rules"]]


def without_rules(text: str | None) -> str:
    """A file without our rules and without blanks: what must not have changed."""
    names = "|".join(map(re.escape, NAMES))
    bare = re.sub(
        rf'<rule name="(?:{names})".*?</rule>', "", text or "", flags=re.DOTALL | re.IGNORECASE
    )
    return re.sub(r"\s+", "", bare)


def bare(text: str) -> str:
    """The same without containers that hold nothing."""
    left, before = without_rules(text), ""
    while left != before:
        before = left
        left = re.sub(r"<(configuration|system.webServer|rewrite|rules)(?:/>|></\1>)", "", left)
    return left


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_else_stays_byte_for_byte(shape: str, story: Mitigated) -> None:
    story.put(WWWROOT, SHAPES[shape])
    done = story.change(SET, COOKIE)
    assert [name for name in named(done) if name in NAMES] == NAMES
    after = str(story.text())
    assert (after.startswith("\ufeff"), "\r\n" in after) == (
        SHAPES[shape].startswith("\ufeff"),
        "\r\n" in SHAPES[shape] or "\n" not in SHAPES[shape],
    )
    assert bare(after) == bare(SHAPES[shape])
    assert not story.change(SET, COOKIE)["changed"]
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() == SHAPES[shape]


@pytest.mark.parametrize("shape", SHAPES)
def test_two_mitigations_of_one_file_come_off_in_any_order(shape: str, story: Mitigated) -> None:
    story.put(WWWROOT, SHAPES[shape])
    story.change(SET, COOKIE)
    story.change(SET, POWERSHELL)
    assert not story.change(SET, COOKIE)["changed"]
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert not story.change(SET, POWERSHELL)["changed"]
    story.change(UNDO, wanted.undo("powershell-autodiscover"))
    assert story.text() == SHAPES[shape]


@pytest.mark.parametrize("kind", SPOILT)
def test_spoilt_rules_are_repaired_and_come_back_as_they_were(kind: str, story: Mitigated) -> None:
    story.put(WWWROOT, SPOILT[kind])
    done = story.change(SET, COOKIE)
    assert done["changed"]
    assert [name for name in named(done) if name in NAMES] == NAMES
    assert all(row["enabled"] for row in done["after"]["rules"] if row["name"] in NAMES)
    assert without_rules(story.text()) == without_rules(SPOILT[kind])
    assert not story.change(SET, COOKIE)["changed"]
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() == SPOILT[kind]


@pytest.mark.parametrize(
    "kind", ["altered pattern", "disabled", "wrong order", "missing one", "other case", "twice"]
)
def test_spoilt_rules_come_back_although_another_mitigation_came_after(
    kind: str, story: Mitigated
) -> None:
    story.put(WWWROOT, SPOILT[kind])
    story.change(SET, COOKIE)
    story.change(SET, POWERSHELL)
    story.change(UNDO, wanted.undo("backend-cookie"))
    story.change(UNDO, wanted.undo("powershell-autodiscover"))
    assert story.text() == SPOILT[kind]


def test_right_rules_in_another_handwriting_are_left_alone(story: Mitigated) -> None:
    story.put(WWWROOT, page(rule("First"), cookie(0, enabled="true"), rule("Between"), cookie(1)))
    done = story.change(SET, COOKIE)
    assert (done["changed"], done["undo"]) == (False, None)


def test_altered_rule_is_repaired_where_it_stands(story: Mitigated) -> None:
    story.put(WWWROOT, page(rule("First"), cookie(0), cookie(1, pattern="$^"), rule("Last")))
    assert named(story.change(SET, COOKIE)) == ["First", *NAMES, "Last"]


def test_drift_after_apply_is_repaired_and_the_first_state_is_restored(story: Mitigated) -> None:
    first = story.text()
    story.change(SET, COOKIE)
    applied = str(story.text())
    story.put(WWWROOT, applied.replace("(.+)~(.+)", "(.+)~~(.+)"))
    assert story.change(SET, COOKIE)["changed"]
    assert story.text() == applied
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() == first


def test_changes_of_others_survive_undo(story: Mitigated) -> None:
    story.put(WWWROOT, page(cookie(1, pattern="weak"), rule("Theirs")))
    story.change(SET, COOKIE)
    applied = str(story.text())
    added = applied.replace("<rewrite>", "<!-- note --><rewrite>").replace(
        "</system.webServer>", "<urlCompression /></system.webServer>"
    )
    story.put(WWWROOT, added)
    story.change(UNDO, wanted.undo("backend-cookie"))
    text = str(story.text())
    assert "<!-- note -->" in text
    assert "<urlCompression />" in text
    assert 'pattern="weak"' in text
    assert NAMES[0] not in text


def test_container_that_others_use_stays(story: Mitigated) -> None:
    story.change(SET, COOKIE)
    story.put(WWWROOT, str(story.text()).replace("</rules>", rule("Theirs") + "</rules>"))
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert rule("Theirs") in str(story.text())


def test_apply_after_an_update_wiped_the_rules(story: Mitigated) -> None:
    story.change(SET, COOKIE)
    fresh = page(rule("Of the update"))
    story.put(WWWROOT, fresh)
    assert named(story.change(SET, COOKIE)) == [*NAMES, "Of the update"]
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() == fresh


def test_missing_file_is_made_and_goes_again(story: Mitigated) -> None:
    for world in story.pair.worlds:
        world.delete_file(WWWROOT, by="test")
    done = story.change(SET, COOKIE)
    assert done["before"]["sha256"] is None
    assert named(done) == NAMES
    story.change(SET, POWERSHELL)
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() is not None
    story.change(UNDO, wanted.undo("powershell-autodiscover"))
    assert story.text() is None


def test_missing_file_that_got_other_content_stays(story: Mitigated) -> None:
    for world in story.pair.worlds:
        world.delete_file(WWWROOT, by="test")
    story.change(SET, COOKIE)
    story.put(WWWROOT, str(story.text()).replace("</configuration>", "<a /></configuration>"))
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert "<a />" in str(story.text())
    assert "<rewrite>" not in str(story.text())


def test_file_that_went_away_is_not_brought_back(story: Mitigated) -> None:
    story.change(SET, COOKIE)
    for world in story.pair.worlds:
        world.delete_file(WWWROOT, by="test")
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() is None


def test_named_rules_of_others_are_taken_away(story: Mitigated) -> None:
    leftover = page(cookie(0), rule("Theirs"), cookie(1))
    story.put(WWWROOT, leftover)
    done = story.change(SET, {**COOKIE, "rules": [], "remove": NAMES})
    assert named(done) == ["Theirs"]
    story.change(UNDO, wanted.undo("backend-cookie"))
    assert story.text() == leftover


def test_outbound_rule_and_its_precondition_go_together(story: Mitigated) -> None:
    csp = wanted.rewrite("owa-csp-outbound")
    before = story.text(OWA)
    done = story.change(SET, csp)
    assert [row["name"] for row in done["after"]["preconditions"]] == [
        "EOMT OWA SPA HTML shell - precondition"
    ]
    story.put(OWA, str(story.text(OWA)).replace("projection\\.aspx|", ""))
    assert story.change(SET, csp)["changed"]
    assert "projection" in str(story.text(OWA))
    story.change(UNDO, wanted.undo("owa-csp-outbound"))
    assert story.text(OWA) == before
