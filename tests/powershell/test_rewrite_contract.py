# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL Rewrite module and its record: model and real scripts agree on each reply."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.iis_module import (
    KEY,
    LIBRARY,
    install_effects,
    product_code,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.effects import (
    apply,
)
from engine_pair import AT, FLEETS, HOSTS, KEYS, Pair, Story, differences, request

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine

OWNER = "controller-a"
LOCK = {"owner": OWNER, "run": "run-1", "purpose": "mitigate", "ttl_seconds": 3600}
CODE = product_code("en-US")
KNOWN: dict[str, Any] = {"product_codes": [CODE], "words": ["IIS", "URL"]}
CONTENT = "the bytes of the module's MSI"
SHA256 = hashlib.sha256(CONTENT.encode()).hexdigest()
FOLDER = f"C:\\ProgramData\\ExchangeRemediation\\packages\\{SHA256}"
MSI = f"{FOLDER}\\rewrite_amd64_en-US.msi"
RECORD: dict[str, Any] = {
    "product_code": CODE,
    "version": "7.2.1993",
    "sha256": SHA256,
    "job": "rewrite-module-12345678-1",
    "run": "run-1",
    "lock_of": OWNER,
    **KNOWN,
}
FORGET: dict[str, Any] = {"words": KNOWN["words"], "lock_of": OWNER}
EXCHANGE = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}
UNINSTALL = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
WEB_CONFIG = "C:\\inetpub\\wwwroot\\web.config"
APPLICATION_HOST = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
HOST_FILE = {
    "dtd": '<!DOCTYPE configuration [<!ENTITY x "y">]><configuration/>',
    "no XML": "<configuration>",
}


def told(shim_engine: PowerShellEngine, **spec: Any) -> Story:
    """One host of both engines, locked."""
    world = build_world({"exchange": EXCHANGE, **spec}, "EX01", at=AT)
    story = Story(Pair(SimulatedHost("ex01", "127.0.0.1", world), shim_engine))
    story.step("Lock-Host", LOCK)
    return story


@pytest.fixture
def absent(shim_engine: PowerShellEngine) -> Story:
    return told(shim_engine, url_rewrite=None)


@pytest.mark.sweep(count=12)
@pytest.mark.parametrize(("fleet", "name"), HOSTS)
def test_every_host_is_read_alike(fleet: str, name: str, shim_engine: PowerShellEngine) -> None:
    pair = Pair(FLEETS[fleet][name], shim_engine)
    model, real = pair.ask(request("Get-RewriteModule", KNOWN))
    assert differences(model, real) == []
    assert [world.mutations for world in pair.worlds] == [[], []]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("10.0", True, "en-US", "10.0.14393.4225", 1)),
        ({"url_rewrite": None}, ("10.0", False, "en-US", "10.0.14393.4225", 0)),
        ({"url_rewrite": None, "locale": "de-DE"}, ("10.0", False, "de-DE", "10.0.14393.4225", 0)),
        ({"url_rewrite": None, "os": "2012R2"}, ("8.5", False, "en-US", "10.0.10240.16390", 0)),
        ({"url_rewrite": None, "os": "2012R2", "ucrt": None}, ("8.5", False, "en-US", None, 0)),
        ({"url_rewrite": "7.1.1952.1"}, ("10.0", True, "en-US", "10.0.14393.4225", 1)),
    ],
)
def test_what_decides_is_told_alike(
    spec: dict[str, Any], expected: tuple[Any, ...], shim_engine: PowerShellEngine
) -> None:
    seen = told(shim_engine, **spec).step("Get-RewriteModule", KNOWN)["result"]
    presence, ucrt = seen["presence"], seen["ucrt"]
    assert expected == (
        seen["iis"]["version"],
        presence["registered"],
        seen["language"],
        ucrt["file_version"] if ucrt else None,
        len(presence["products"]),
    )
    assert bool(presence["library"]) is presence["registered"]
    assert (seen["uses"], seen["record"], seen["iis"]["shared"]) == ([], None, False)


def test_products_are_known_by_code_or_by_words_alike(absent: Story) -> None:
    other = "{AAAAAAAA-1111-2222-3333-444444444444}"
    for world in absent.pair.worlds:
        for code, name in (
            (CODE.lower(), "Module of another name"),
            (other, "Module iis url Rewrite 2"),
            ("{BBBBBBBB-1111-2222-3333-444444444444}", "IIS 10.0 Express"),
            ("IIS URL Rewrite Module 2", "IIS URL Rewrite Module 2"),
        ):
            world.set_value(f"{UNINSTALL}\\{code}", "DisplayName", "String", name, by="test")
    rows = absent.step("Get-RewriteModule", KNOWN)["result"]["presence"]["products"]
    assert [row["product_code"] for row in rows] == [CODE, other]
    assert rows[0]["install_source"] is None


@pytest.mark.parametrize("place", ["own", "location", "server", "empty", "elsewhere"])
def test_files_that_need_the_module_are_named_alike(place: str, absent: Story) -> None:
    section = "<system.webServer><rewrite><rules /></rewrite></system.webServer>"
    for world in absent.pair.worlds:
        text = str(world.text(WEB_CONFIG))
        file = WEB_CONFIG
        if place == "own":
            new = text.replace("<system.webServer>", "<system.webServer><rewrite />", 1)
        elif place == "location":
            new = text.replace(
                "</configuration>", f'<location path="x">{section}</location></configuration>'
            )
        elif place == "server":
            file = APPLICATION_HOST
            text = str(world.text(file))
            new = text.replace("</configuration>", f"{section}</configuration>")
        elif place == "empty":
            new = text.replace("</configuration>", "<rewrite /></configuration>")
        else:
            file, new = (
                "C:\\inetpub\\other\\web.config",
                f"<configuration>{section}</configuration>",
            )
        assert new != text
        world.write_text(file, new, by="test")
    wanted = {"own": WEB_CONFIG, "location": WEB_CONFIG, "server": APPLICATION_HOST}.get(place)
    seen = absent.step("Get-RewriteModule", KNOWN)["result"]
    assert seen["uses"] == ([wanted] if wanted else [])


@pytest.mark.parametrize("kind", sorted(HOST_FILE))
def test_unreadable_configuration_is_unknown_alike(kind: str, absent: Story) -> None:
    """Unknown is not "nothing needs it" (I19)."""
    for world in absent.pair.worlds:
        world.write_text(WEB_CONFIG, HOST_FILE[kind], by="test")
    reply = absent.step("Get-RewriteModule", KNOWN)
    assert reply["result"]["uses"] is None
    assert [error["source"] for error in reply["errors"]] == ["uses"]
    assert WEB_CONFIG in reply["errors"][0]["message"]


def test_shared_configuration_is_told_alike(absent: Story) -> None:
    for world in absent.pair.worlds:
        text = str(world.text(APPLICATION_HOST))
        world.write_text("C:\\Shared\\applicationHost.config", text, by="test")
        world.write_text(
            "C:\\Windows\\System32\\inetsrv\\config\\redirection.config",
            '<configuration><configurationRedirection enabled="true" path="C:\\Shared" /></configuration>',
            by="test",
        )
    seen = absent.step("Get-RewriteModule", KNOWN)["result"]["iis"]
    assert (seen["shared"], seen["configuration"]) == (True, "C:\\Shared\\applicationHost.config")


@pytest.mark.parametrize(
    ("cu", "build", "needs"), [("CU8", "15.2.792.3", False), ("CU11", "15.2.986.5", True)]
)
def test_exchange_that_needs_it_is_told_alike(
    cu: str,
    build: str,
    needs: bool,  # noqa: FBT001 - a table
    shim_engine: PowerShellEngine,
) -> None:
    story = told(shim_engine, exchange={"product": "Exchange2019", "cu": cu, "build": build})
    assert story.step("Get-RewriteModule", KNOWN)["result"]["exchange_needs_it"] is needs


def test_without_iis_there_is_nothing_alike(shim_engine: PowerShellEngine) -> None:
    seen = told(shim_engine, role="Edge").step("Get-RewriteModule", KNOWN)["result"]
    assert (seen["iis"], seen["uses"]) == (None, [])


def test_record_comes_before_the_module_and_stays_alike(absent: Story) -> None:
    saved = absent.step("Save-RewriteRecord", RECORD, KEYS[0])["result"]
    assert saved["changed"] is True
    assert saved["record"]["before"]["registered"] is False
    again = absent.step("Save-RewriteRecord", RECORD, KEYS[1])["result"]
    assert (again["changed"], again["record"]) == (False, saved["record"])
    for world in absent.pair.worlds:
        apply(world, install_effects("en-US"), by="test")
    later = absent.step("Save-RewriteRecord", {**RECORD, "job": "another"}, KEYS[2])["result"]
    assert (later["changed"], later["record"]) == (False, saved["record"])
    assert absent.step("Get-RewriteModule", KNOWN)["result"]["record"] == saved["record"]


def test_attempt_that_brought_nothing_gives_way_alike(absent: Story) -> None:
    absent.step("Save-RewriteRecord", RECORD, KEYS[0])
    other = {**RECORD, "job": "rewrite-module-87654321-1", "run": "run-2"}
    saved = absent.step("Save-RewriteRecord", other, KEYS[1])["result"]
    assert (saved["changed"], saved["record"]["run"]) == (True, "run-2")


@pytest.mark.parametrize("witness", ["key", "library", "product"])
def test_module_of_others_is_never_noted_as_ours_alike(witness: str, absent: Story) -> None:
    for world in absent.pair.worlds:
        if witness == "key":
            world.set_value(KEY, "Install", "DWord", 1, by="test")
        elif witness == "library":
            world.put_file(LIBRARY, {"size": 10}, by="test")
        else:
            world.set_value(f"{UNINSTALL}\\{CODE}", "DisplayName", "String", "x", by="test")
    refused = absent.step("Save-RewriteRecord", RECORD, KEYS[0])
    assert refused["errors"][0]["id"] == "ModulePresent"
    assert absent.step("Get-RewriteModule", KNOWN)["result"]["record"] is None


def test_record_goes_only_after_its_product_alike(absent: Story) -> None:
    assert absent.step("Remove-RewriteRecord", FORGET, KEYS[0])["result"]["changed"] is False
    absent.step("Save-RewriteRecord", RECORD, KEYS[1])
    for world in absent.pair.worlds:
        apply(world, install_effects("en-US"), by="test")
    refused = absent.step("Remove-RewriteRecord", FORGET, KEYS[2])
    assert refused["errors"][0]["id"] == "ModulePresent"
    for world in absent.pair.worlds:
        world.delete_key(f"{UNINSTALL}\\{CODE}", by="test")
    assert absent.step("Remove-RewriteRecord", {**FORGET, "check": True})["result"]["changed"]
    assert absent.step("Remove-RewriteRecord", FORGET, KEYS[2])["result"]["changed"] is True
    assert absent.step("Get-RewriteModule", KNOWN)["result"]["record"] is None


def test_nothing_is_changed_without_the_lock_or_in_check_alike(absent: Story) -> None:
    """I9, I16."""
    before = [world.mutations for world in absent.pair.worlds]
    planned = absent.step("Save-RewriteRecord", {**RECORD, "check": True})["result"]
    assert planned["changed"] is True
    assert [world.mutations for world in absent.pair.worlds] == before
    for operation, parameters in (("Save-RewriteRecord", RECORD), ("Remove-RewriteRecord", FORGET)):
        other = {**parameters, "lock_of": "controller-b"}
        assert absent.step(operation, other)["errors"][0]["id"] == "HostLocked"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("product_code", "{x}"),
        ("product_code", "REMOVE=ALL"),
        ("version", "7.2 "),
        ("sha256", "00"),
        ("job", "..\\x"),
        ("run", ""),
        ("words", []),
    ],
)
def test_bad_parameters_are_refused_alike(name: str, value: Any, absent: Story) -> None:
    failed = absent.step("Save-RewriteRecord", {**RECORD, name: value})
    assert failed["errors"][0]["class"] == "RequestInvalid"


def test_damaged_record_stops_alike(absent: Story) -> None:
    absent.step("Save-RewriteRecord", RECORD, KEYS[0])
    for world in absent.pair.worlds:
        path = "C:\\ProgramData\\ExchangeRemediation\\modules\\url-rewrite.json"
        world.write_text(path, "{", by="test")
    failed = absent.step("Get-RewriteModule", KNOWN)
    assert failed["errors"][0]["id"] == "UndoRecordUnreadable"


def job(name: str, *more: str) -> dict[str, Any]:
    return {
        "job": name,
        "file": MSI,
        "sha256": SHA256,
        "arguments": [*more, "/quiet", "/norestart", "/l*v", f"{FOLDER}\\{name}.log"],
        "deadline_utc": "2021-03-05T16:00:00Z",
        "lock_of": OWNER,
    }


def at(story: Story, moment: str) -> None:
    for world in story.pair.worlds:
        world.data["now"] = moment
        world.record("clock", "later", "test")


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_the_msi_brings_and_takes_the_module_alike(
    language: str, shim_engine: PowerShellEngine
) -> None:
    story = told(shim_engine, url_rewrite=None, locale="de-DE")
    before = [dict(world.data["registry"]) for world in story.pair.worlds]
    file = MSI.replace("en-US", language)
    for world in story.pair.worlds:
        world.put_file(file, {"text": CONTENT, "mtime": "2021-03-05T09:00:00Z"}, by="test")
    asked = {**KNOWN, "product_codes": [product_code(language)]}
    for number, (name, words, there) in enumerate(
        (("in", (), True), ("out", ("REMOVE=ALL",), False))
    ):
        at(story, f"2021-03-05T1{number + 1}:00:00Z")
        story.step("Start-HostJob", {**job(name, *words), "file": file}, KEYS[number])
        at(story, f"2021-03-05T1{number + 1}:30:00Z")
        ended = story.step("Get-HostJob", {"job": name})["result"]
        assert (ended["state"], ended["exit_code"]) == ("finished", 0)
        presence = story.step("Get-RewriteModule", asked)["result"]["presence"]
        assert presence["registered"] is bool(presence["library"]) is there
        sources = [row["install_source"] for row in presence["products"]]
        assert sources == ([f"{FOLDER}\\"] if there else [])
    assert [dict(world.data["registry"]) for world in story.pair.worlds] == before
