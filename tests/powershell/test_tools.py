# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft's scripts left is read alike by the model and the real script, and nothing is changed."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import scripts as loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.microsoft import (
    read_trace,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import Patience
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import JobDriver
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft import run as tool_run
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.command import (
    ScriptOptions,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import (
    Pin,
    choose,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.result import (
    ScriptOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.said import (
    ScriptStatements,
    what_eomt_says,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from engine_pair import FLEETS, Pair, Story
from holders import HeldTransport

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine

KEY = "HKLM\\SOFTWARE\\MSERTBootstrap\\PatchState"
ENVIRONMENT = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"
CONFIG = "C:\\inetpub\\wwwroot\\web.config"
CU19 = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}
FOLDER = "C:\\Windows\\TEMP\\msert"
VALUES = {
    "EOMTStart": "1 EOMT.ps1 completed successfully",
    "MitigationProcess": "1 Mitigation complete",
    "MSERTProcess": "1 Skipping mitigation -DoNotRunMSERT",
    "Timestamp": "2564-03-10 12:00:01",
}
LINES = (
    "2564-03-10 12:00:01 Info: Mitigation complete on EX01 :: Default Web Site\r\n"
    "2564-03-10 12:00:01 Notice: ein Hinweis für später\r\nzweite Zeile\r\n"
    "2564-03-10 12:00:01 Info: EOMT.ps1 complete on EX01, please review\r\n"
)


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Story:
    return Story(Pair(FLEETS["small"]["ex01"], shim_engine))


def put(story: Story, path: str, data: bytes) -> None:
    for world in story.pair.worlds:
        packed = base64.b64encode(data).decode()
        entry = {"size": len(data), "data": packed, "mtime": "2021-03-05T09:00:00Z"}
        world.put_file(path, entry, by="test")


def write(story: Story, values: dict[str, Any], key: str = KEY) -> None:
    for world in story.pair.worlds:
        for name, value in values.items():
            kind = "DWord" if isinstance(value, int) else "String"
            world.set_value(key, name, kind, value, by="test")


def ask(story: Story, tool: str = "eomt", **more: Any) -> Any:
    changes = [len(world.mutations) for world in story.pair.worlds]
    reply = story.step("Get-ToolState", {"tool": tool, **more})
    assert [len(world.mutations) for world in story.pair.worlds] == changes
    return reply["result"]


def test_untouched_host(story: Story) -> None:
    found = ask(story)
    assert found["registry"] == {"key": KEY, "exists": False, "values": []}
    assert found["log"]["exists"] is False
    assert (found["downloads"], found["file"]) == ([], None)
    assert read_trace(found).stages == {}


def test_a_run_from_beginning_to_verdict(story: Story) -> None:
    texts = loader.tool("eomt").patch_state
    assert texts
    before = read_trace(ask(story))
    write(story, VALUES)
    put(story, f"{FOLDER}\\EOMT.log", b"\xff\xfe" + LINES.encode("utf-16-le"))
    found = ask(story, log_from=before.log_size)
    assert [row["name"] for row in found["registry"]["values"]] == sorted(VALUES, key=str.upper)
    after = read_trace(found)
    assert after.timestamp == VALUES["Timestamp"]
    assert after.log is not None
    assert len(after.log) == 3
    assert (
        what_eomt_says(texts, ScriptIntent.MITIGATE, before, after).said
        is ScriptStatements.SUCCEEDED
    )
    # Nothing further happened: the same state is no second run.
    again = read_trace(ask(story, log_from=after.log_size))
    assert again.log == ()
    assert (
        what_eomt_says(texts, ScriptIntent.MITIGATE, after, again).said is ScriptStatements.NOT_RUN
    )


@pytest.mark.parametrize(
    ("mark", "encoding", "name"),
    [
        (b"\xff\xfe", "utf-16-le", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8", "utf-8"),
        (b"", "cp1252", "ansi"),
    ],
)
def test_log_in_any_encoding(mark: bytes, encoding: str, name: str, story: Story) -> None:
    put(story, f"{FOLDER}\\EOMT.log", mark + LINES.encode(encoding))
    found = ask(story)
    assert found["log"]["encoding"] == name
    messages = read_trace(found).log
    assert messages is not None
    assert messages[1] == "ein Hinweis für später"


def test_log_is_read_from_where_it_ended(story: Story) -> None:
    first = b"\xff\xfe" + LINES.encode("utf-16-le")
    put(story, f"{FOLDER}\\EOMT.log", first + LINES.encode("utf-16-le"))
    found = ask(story, log_from=len(first))
    assert (found["log"]["from"], found["log"]["size"]) == (len(first), 2 * len(first) - 2)
    messages = read_trace(found).log
    assert messages is not None
    assert len(messages) == 3
    # Begun anew, and shorter than before: all of it is new.
    put(story, f"{FOLDER}\\EOMT.log", first)
    assert ask(story, log_from=10 * len(first))["log"]["from"] == 0
    put(story, f"{FOLDER}\\EOMT.log", b"")
    assert ask(story)["log"]["encoding"] == "ansi"


@pytest.mark.parametrize("odd", [0, 1])
def test_only_the_end_of_a_long_log_travels(odd: int, story: Story) -> None:
    put(story, f"{FOLDER}\\EOMT.log", b"\xff\xfe" + b"x\0" * 200_000 + b"y" * odd)
    log = ask(story)["log"]
    assert log["truncated"]
    assert log["from"] % 2 == 0
    assert len(base64.b64decode(log["data"])) <= 262_144


def test_values_that_eomt_does_not_write(story: Story) -> None:
    write(story, {"zz": 7, "Aa": "x" * 5000, "ab": ""})
    rows = {row["name"]: row["text"] for row in ask(story)["registry"]["values"]}
    assert rows["zz"] is None
    assert len(rows["Aa"]) == 4000
    write(story, {f"v{number:03}": "1 x" for number in range(201)})
    assert ask(story)["registry"] is None


def test_downloads_and_the_hash_of_the_script(story: Story) -> None:
    script = b"param ([switch] $DoNotAutoUpdateEOMT)"
    for name in ("msert.exe", "EOMT_26.05.19.1400.ps1", "rewrite_amd64_de-DE.MSI", "notes.txt"):
        put(story, f"{FOLDER}\\{name}", script)
    put(story, "C:\\Tools\\EOMT.ps1", script)
    found = ask(story, file="C:\\Tools\\EOMT.ps1")
    names = [row["name"] for row in found["downloads"]]
    assert names == ["EOMT_26.05.19.1400.ps1", "msert.exe", "rewrite_amd64_de-DE.MSI"]
    assert found["file"]["sha256"] == hashlib.sha256(script).hexdigest()
    assert read_trace(found).sha256 == found["file"]["sha256"]
    assert ask(story, file="C:\\Tools\\other.ps1")["file"] is None
    assert ask(story, file="C:\\Tools")["file"] is None


def test_temp_of_the_machine_counts_not_that_of_the_session(story: Story) -> None:
    write(story, {"TEMP": "%SystemDrive%\\Scratch"}, ENVIRONMENT)
    put(story, "C:\\Scratch\\msert\\EOMT.log", LINES.encode("cp1252"))
    assert ask(story)["log"]["exists"]


def test_the_other_tool_leaves_no_state(story: Story) -> None:
    write(story, VALUES)
    put(story, "C:\\Windows\\TEMP\\IISUrlRewrite\\rewrite_amd64_en-US.msi", b"x")
    found = ask(story, "exchange_mitigations")
    assert (found["registry"], found["log"]) == (None, None)
    assert found["downloads"] == [{"name": "rewrite_amd64_en-US.msi", "size": 1}]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"tool": "nmap"}, {"tool": "eomt", "log_from": -1}, {"tool": "eomt", "path": "C:\\"}],
)
def test_wrong_questions_are_refused_alike(parameters: dict[str, Any], story: Story) -> None:
    refused = story.step("Get-ToolState", parameters)
    assert refused["errors"][0]["class"] == "RequestInvalid"


def test_a_32_bit_process_sees_another_registry(shim_engine: PowerShellEngine) -> None:
    found = ask(Story(Pair(FLEETS["contract"]["process-32-bit"], shim_engine)))
    assert found["registry"] is None
    assert read_trace(found).stages is None


def test_the_real_scripts_carry_a_run_from_the_order_to_the_verdict(
    shim_engine: PowerShellEngine,
) -> None:
    script = "param ($DoNotAutoUpdateEOMT, $DoNotRunMSERT)"
    digest = hashlib.sha256(script.encode()).hexdigest()
    spec = {"exchange": CU19, "now": "2021-03-10T12:00:00Z", "url_rewrite": "7.2.1993"}
    world = build_world(spec)
    rules = build_world({**spec, "mitigations": ["backend-cookie"]}).text(CONFIG)
    effects: list[dict[str, Any]] = [
        {"kind": "registry", "key": KEY, "name": name, "value": value}
        for name, value in VALUES.items()
    ]
    effects.append({"kind": "file", "path": CONFIG, "text": rules})
    behaviour = {"duration_seconds": 60, "exit_code": 0, "effects": effects}
    world.data["programs"] = [{"match": "EOMT.ps1", "behaviour": behaviour}]
    world.write_text(f"C:\\Tools\\{digest}\\EOMT.ps1", script, by="test")
    direct = InProcessTransport(shim_engine, SimulatedHost("ex01", "127.77.0.1", world))
    line = HeldTransport(direct)
    line.run(Operation("Lock-Host", {"owner": "c", "run": "r", "purpose": "eomt"}))
    order = tool_run.ScriptOrder(
        file=choose("eomt", digest, script, Pin(digest, "21.05.27.0855")),
        path=f"C:\\Tools\\{digest}\\EOMT.ps1",
        options=ScriptOptions(ScriptIntent.MITIGATE, ("backend-cookie",)),
        job="eomt-1",
        deadline_utc="2021-03-10T14:00:00Z",
        owner="c",
        run="r",
    )
    driver = JobDriver(line, lambda seconds: machine.advance_clock(world, seconds))
    facts = line.run(Operation("Get-ExchangeServerInfo", {})).result
    before = tool_run.first_look(driver, order)
    at = datetime(2021, 3, 10, 13, tzinfo=UTC)
    report = tool_run.run_tool(
        driver, order, facts, before, patience=Patience(7200.0), catalog=load(), at=at
    )
    assert report.result.outcome is ScriptOutcome.SUCCEEDED, report.result.reasons
    launches = [m["target"] for m in world.mutations if m["kind"] == "program"]
    assert len(launches) == 1
    assert launches[0].endswith("-DoNotAutoUpdateEOMT -DoNotRunMSERT")
    direct.close()
