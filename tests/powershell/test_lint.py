# SPDX-License-Identifier: GPL-3.0-or-later
"""Host scripts are judged on the engine's own syntax tree; the judge is judged on bad snippets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

pytestmark = pytest.mark.engine

FOLDER = Path(loader.__file__).parent
HERE = Path(__file__).parent
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.ps1"))
MAX_LINES = 300

HEAD = (
    "#Requires -Version 3.0\n# .SYNOPSIS\n#   x\n[CmdletBinding()]\nparam ()\n"
    "Set-StrictMode -Version 2.0\n$ErrorActionPreference = 'Stop'\n"
    "$ProgressPreference = 'SilentlyContinue'\n"
)
BAD = [
    ("parse", "if ("),
    ("syntax", "class A { }"),
    ("syntax", "enum E { A }"),
    ("syntax", "using namespace System.IO"),
    ("syntax", "$a = $b ? 1 : 2"),
    ("syntax", "$a = $b ?? 1"),
    ("syntax", "$a ??= 1"),
    ("syntax", "${a}?.b"),
    ("syntax", "Get-A && Get-B"),
    ("syntax", "Get-A || Get-B"),
    ("syntax", "Get-A &"),
    ("syntax", "Get-A\n| Get-B"),
    ("syntax", "Get-A 6> $null"),
    ("syntax", '"`u{41}"'),
    ("syntax", '"`e[0m"'),
    ("syntax", "$a = 0b11"),
    ("syntax", "$a = 5us"),
    ("syntax", "exit 1"),
    ("syntax", "trap { }"),
    ("member", "[Text.StringBuilder]::new()"),
    ("member", "[Array]::Empty()"),
    ("member", "$a.Split('::')"),
    ("parameter", "Join-Path a b c"),
    ("member", "[IO.File]::ReadAllLines('a')"),
    ("member", "$a.Where({ $_ })"),
    ("member", "$a.ForEach('b')"),
    ("member", "$a.Contains('b', 'OrdinalIgnoreCase')"),
    ("command", "Get-FileHash -LiteralPath a"),
    ("command", "Get-ItemPropertyValue -LiteralPath a -Name b"),
    ("command", "Expand-Archive -LiteralPath a"),
    ("command", "New-Guid"),
    ("command", "Write-Information a"),
    ("command", "Write-Host a"),
    ("command", "Invoke-Expression a"),
    ("command", "Add-Type -TypeDefinition a"),
    ("command", "Get-WmiObject Win32_Service"),
    ("command", "Get-CimInstance Win32_Service"),
    ("command", "Mount-DiskImage -ImagePath a"),
    ("command", "@{} | ConvertTo-Json"),
    ("alias", "$a | % { $_ }"),
    ("alias", "$a | ? { $_ }"),
    ("alias", "gci -LiteralPath a"),
    ("alias", "iex a"),
    ("native", "netsh advfirewall show"),
    ("parameter", "Get-ChildItem -LiteralPath a -Depth 2"),
    ("parameter", "$a | ConvertFrom-Json -AsHashtable"),
    ("parameter", "Write-Output -NoEnumerate @()"),
    ("literal-path", "Get-Item -Path a"),
    ("literal-path", "Test-Path a"),
    ("whole-file", "Get-Content -LiteralPath a"),
    ("localised", "if ($_.Exception.Message -like '*not found*') { 1 }"),
    ("localised", "'Exchange' -eq $service.DisplayName"),
    ("jump", "break"),
    ("jump", "foreach ($a in 1) { & { continue } }"),
    ("length", "function Get-A {\n" + "1\n" * 39 + "}"),
    ("verb", "function Fetch-A { }"),
    ("verb", "function helper { }"),
    ("minify", "$a = 'one\ntwo'"),
    ("minify", "<# comment #>"),
    ("ascii", "$a = '\u00e4'"),
    ("cast", "[ordered] @{ a = 1 }"),
    ("cast", "[string] $a"),
    ("cast", "[void] $a.Add(1)"),
    ("cast", "function Get-A {\n    param ([string] $A)\n    $A\n}"),
    ("cast", "Get-A ([ref] $a)"),
    ("table", "@{a = 1 }"),
    ("table", "@{ a = 1}"),
    ("table", "@{  a = 1 }"),
    ("table", "@{ a = 1; b = 2; c = 3; d = 4; e = 5 }"),
    ("table", "@{\n    a = 1; b = 2\n}"),
    ("table", "@{ a = 1\n    b = 2\n}"),
    ("table", "@{\n    a = @{\n        b = 1\n    }; c = 2\n}"),
    ("comment", "# Reads it.\nfunction Get-A {\n    1\n}"),
    ("comment", "$a = 1\n\n# Reads it.\n# All.\nfunction Get-A {\n    1\n}"),
    ("type", "[wmi]'x'"),
    ("type", "[Security.Cryptography.SHA256Managed]::Create()"),
]
BAD_HEADS = {
    "no version": HEAD.partition("\n")[2],
    "another version": HEAD.replace("3.0", "5.1"),
    "no synopsis": HEAD.replace(".SYNOPSIS", "about"),
    "no binding": HEAD.replace("[CmdletBinding()]\n", ""),
    "no parameters": HEAD.replace("[CmdletBinding()]\nparam ()\n", ""),
    "no strict mode": HEAD.replace("Set-StrictMode -Version 2.0\n", ""),
    "latest": HEAD.replace("-Version 2.0", "-Version Latest"),
    "another order": HEAD.replace(
        "Set-StrictMode -Version 2.0\n", "$a = 1\nSet-StrictMode -Version 2.0\n"
    ),
    "goes on after errors": HEAD.replace("'Stop'", "'Continue'"),
}
GOOD = (
    "foreach ($a in 1) { if ($a) { break } }\nfunction Get-Sample {\n" + "1\n" * 38 + "}\n"
    "Get-Item -LiteralPath a\n$a | Remove-Item\nGet-Content -LiteralPath a -Tail 5\n"
    "$c = @{ a = 'it''s # no comment' }\n[ordered]@{}\n@{ a = 1; b = 2; c = 3; d = 4 }\n"
    "@{\n    a = 1\n    b = @{ c = 1 }\n}\n# of the file\n\nfunction Get-Other {\n    # Reads.\n"
    "    param (\n        [string]\n        $A\n    )\n    [string]$A\n}\n"
    "$d = 0x1fe\n$e = 'a/b'.Split('/')\nJoin-Path a b\n"
    "if ($_.FullyQualifiedErrorId -like 'Path*') { 1 }\n"
)
TRICKY = (
    "# comment\n    $a = @'\n# kept\n    kept too\n'@\n\n  $b = @\"\n#> kept $a\n\"@ # behind\n"
    "$c = 'a # b'   # after\n$d = \"c # d\"\n    if ($a) {\n        # inner\n        $b\n    }\n"
)


def kind(name: str) -> str:
    if name == "core/bootstrap.ps1":
        return "bootstrap"
    return "operation" if Path(name).stem in loader.operations() else "part"


def shipped_text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def judged(pwsh: str) -> dict[str, dict[str, Any]]:
    """Everything in one start of the engine."""
    cases = [{"name": name, "kind": kind(name), "text": shipped_text(name)} for name in FILES]
    cases += [
        {"name": f"min {n}", "kind": "part", "text": loader.minify(shipped_text(n))} for n in FILES
    ]
    cases += [{"name": f"bad {n}", "kind": "part", "text": text} for n, (_, text) in enumerate(BAD)]
    cases += [{"name": f"head {n}", "kind": "operation", "text": t} for n, t in BAD_HEADS.items()]
    cases += [
        {"name": "good", "kind": "operation", "text": HEAD + GOOD},
        {"name": "tricky", "kind": "part", "text": TRICKY},
        {"name": "min tricky", "kind": "part", "text": loader.minify(TRICKY)},
        *(
            {"name": f"sent {n}", "kind": "sent", "text": loader.script(n).text}
            for n in loader.operations()
        ),
    ]
    done = subprocess.run(
        [pwsh, "-NoProfile", "-NonInteractive", "-File", str(HERE / "lint.ps1")],
        input=json.dumps(cases),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


@pytest.mark.parametrize("name", FILES)
def test_shipped_script_has_no_findings(judged: dict[str, Any], name: str) -> None:
    found = judged[name]["findings"]
    if name in (
        "core/bootstrap.ps1",
        "jobs/launch.ps1",
    ):  # no prelude there, objects of others here
        found = [one for one in found if "the bootstrap serialises" not in one["text"]]
    if name == "jobs/image.ps1":  # its words are used before setup starts and after it has ended
        found = [one for one in found if "WMI is stopped" not in one["text"]]
    assert [f"{name}:{one['line']}: {one['rule']}: {one['text']}" for one in found] == []


@pytest.mark.parametrize("name", FILES)
def test_shipped_script_is_short(name: str) -> None:
    assert len(shipped_text(name).splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", [*FILES, "tricky"])
def test_minified_script_means_the_same(judged: dict[str, Any], name: str) -> None:
    assert judged[f"min {name}"]["tokens"] == judged[name]["tokens"]
    assert judged[name]["tokens"]


@pytest.mark.parametrize("name", loader.operations())
def test_script_as_sent_parses_and_defines_what_it_calls(judged: dict[str, Any], name: str) -> None:
    sent = judged[f"sent {name}"]
    assert [one for one in sent["findings"] if one["rule"] == "parse"] == []
    defined = {
        sent["tokens"][at + 1].partition(" ")[2]
        for at, token in enumerate(sent["tokens"])
        if token == "Function function"
    }
    called = {token.partition(" ")[2] for token in sent["tokens"] if token.startswith("Generic ")}
    library = set(loader.library())
    assert called & library <= defined
    assert defined & library <= called, "an unused function travels along"


@pytest.mark.parametrize("number", range(len(BAD)), ids=[text[:40] for _, text in BAD])
def test_bad_snippet_is_found(judged: dict[str, Any], number: int) -> None:
    rules = {one["rule"] for one in judged[f"bad {number}"]["findings"]}
    assert BAD[number][0] in rules


@pytest.mark.parametrize("name", BAD_HEADS)
def test_bad_head_is_found(judged: dict[str, Any], name: str) -> None:
    assert {one["rule"] for one in judged[f"head {name}"]["findings"]} == {"head"}


def test_good_script_is_not_blamed(judged: dict[str, Any]) -> None:
    assert judged["good"]["findings"] == []


def test_every_rule_has_a_bad_snippet() -> None:
    text = (HERE / "lint.ps1").read_text(encoding="utf-8")
    named = {part.split("'")[1] for part in text.split("Add-Finding ")[1:] if part.startswith("'")}
    assert named - {"head"} == {rule for rule, _ in BAD}
