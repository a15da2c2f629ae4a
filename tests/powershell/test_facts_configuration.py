# SPDX-License-Identifier: GPL-3.0-or-later
"""How the host script reads IIS configuration: small hand-made files, the real functions.

One PowerShell process answers all cases; each case is a folder that plays drive C:.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

pytestmark = pytest.mark.engine

HOST = "Windows/System32/inetsrv/config/applicationHost.config"
ROOT = "inetpub/wwwroot/web.config"
OWA = "Exchange/owa/web.config"
SITES = r"""
  <system.applicationHost>
    <applicationPools>
      <add name="Plain" />
      <add name="Off" autoStart="false" startMode="AlwaysRunning" />
      %(pool_defaults)s
    </applicationPools>
    <sites>
      <site name="Default Web Site" id="1">
        <application path="/" applicationPool="Plain">
          <virtualDirectory path="/" physicalPath="%%SystemDrive%%\inetpub\wwwroot" />
          <virtualDirectory path="/images" physicalPath="C:\images\" />
        </application>
        <application path="/owa" applicationPool="Off">
          <virtualDirectory path="/" physicalPath="C:\Exchange\owa" />
        </application>
        <bindings>
          <binding protocol="https" bindingInformation="*:443:" sslFlags="1" />
          <binding protocol="http" bindingInformation="*:80:" />
        </bindings>
        %(log)s
      </site>
      <site name="Back" id="2">
        <application path="/"><virtualDirectory path="/" physicalPath="C:\back" /></application>
      </site>
      %(defaults)s
    </sites>
  </system.applicationHost>
"""
RULE = """
  <rule name="block" stopProcessing="true">
    <match url=".*" />
    <conditions><add input="{HTTP_COOKIE}" pattern="evil" /></conditions>
    <action type="AbortRequest" />
  </rule>"""
OUTBOUND = r"""
  <outboundRules>
    <rule name="csp" preCondition="html" enabled="false">
      <match filterByTags="A, Img" serverVariable="RESPONSE_X" pattern="(.*)" negate="true" />
      <conditions logicalGrouping="MatchAny">
        <add input="{URL}" matchType="IsFile" ignoreCase="false" />
      </conditions>
      <action type="Rewrite" value="{R:1}; x" />
    </rule>
    <preConditions>
      <preCondition name="html" logicalGrouping="MatchAny" patternSyntax="Wildcard">
        <add input="{RESPONSE_CONTENT_TYPE}" pattern="text/html*" negate="true" />
      </preCondition>
    </preConditions>
  </outboundRules>"""


def host(extra: str = "", **parts: str) -> str:
    """An applicationHost.config with two sites and what a case adds."""
    filled = SITES % ({"pool_defaults": "", "log": "", "defaults": ""} | parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<configuration>{filled}{extra}</configuration>'


def web(rewrite: str, **attributes: str) -> str:
    """A web.config with a rewrite section, inside a location tag where attributes are given."""
    section = f"<system.webServer><rewrite>{rewrite}</rewrite></system.webServer>"
    if attributes:
        listed = " ".join(f'{name}="{value}"' for name, value in attributes.items())
        section = f"<location {listed}>{section}</location>"
    return f"<configuration>{section}</configuration>"


CASES: dict[str, dict[str, str]] = {
    "plain": {HOST: host()},
    "rule": {HOST: host(), ROOT: web(f"<rules>{RULE}</rules>")},
    "outbound": {HOST: host(), OWA: web(OUTBOUND)},
    "global": {HOST: host(web(f"<globalRules>{RULE}</globalRules>")[15:-16])},
    "location": {
        HOST: host(web(f"<rules>{RULE}</rules>", path="Default Web Site/owa/auth")[15:-16])
    },
    "site-location": {HOST: host(web(f"<rules>{RULE}</rules>", path="Back")[15:-16])},
    "not-inherited": {
        HOST: host(),
        ROOT: web(f"<rules>{RULE}</rules>", path=".", inheritInChildApplications="false"),
    },
    "sub-folder": {HOST: host(), OWA: web(f"<rules>{RULE}</rules>", path="auth")},
    "overrides": {
        HOST: host(),
        OWA: web(f'<rules>{RULE}<clear />{RULE}<remove name="block" /><remove name="x" /></rules>'),
    },
    "virtual-directory": {HOST: host(), "images/web.config": web(f"<rules>{RULE}</rules>")},
    "namespace": {
        HOST: host(),
        ROOT: web(f"<rules>{RULE}</rules>").replace(
            "<configuration>", '<configuration xmlns="urn:schemas-of-old">'
        ),
    },
    "shadowing": {
        HOST: host(),
        ROOT: web(
            '<rules ChildNodes="x" LocalName="y">'
            + RULE.replace("<rule ", '<rule Attributes="z" HasAttribute="n" ')
            + "</rules>"
        ),
    },
    "malformed": {HOST: host(), ROOT: "<configuration><system.web", OWA: web(OUTBOUND)},
    "wrong-value": {
        HOST: host(),
        ROOT: web(f'<rules>{RULE}<rule name="odd" enabled="perhaps" /></rules>'),
    },
    "wrong-choice": {
        HOST: host(),
        ROOT: web('<rules><rule name="odd"><action type="Launch" /></rule></rules>'),
    },
    "config-source": {HOST: host(), ROOT: web('<rules configSource="more.config" />')},
    "entities": {
        HOST: host(),
        ROOT: '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + web(f"<rules>{RULE.replace('evil', '&x;')}</rules>"),
    },
    "too-large": {HOST: host(), ROOT: web(f"<rules>{RULE}</rules>") + " " * 4_300_000},
    "defaults": {
        HOST: host(
            defaults='<siteDefaults><logFile directory="D:\\Logs" /></siteDefaults>'
            '<applicationDefaults applicationPool="Off" />',
            pool_defaults='<applicationPoolDefaults autoStart="false" startMode="AlwaysRunning" />',
            log='<logFile directory="%SystemDrive%\\own\\" />',
        )
    },
    "shared": {
        "Windows/System32/inetsrv/config/redirection.config": "<configuration>"
        '<configurationRedirection enabled="true" path="%SystemDrive%\\shared\\" /></configuration>',
        "shared/applicationHost.config": host(),
    },
    "no-file": {},
    "broken-host": {HOST: "<configuration>"},
}

DRIVER = r"""
param ([string] $Folder)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$env:SystemDrive = 'C:'
$env:windir = 'C:\Windows'
function Test-RegistryKey { $true }
function Get-RegistryText { '7.1.1993.2351' }
function Get-RegistryNumber { 10 }
function appcmd.exe {
    param ($verb, $kind)
    if ($kind -eq 'site') {
        '<?xml version="1.0" encoding="UTF-8"?>', '<appcmd>',
        '<SITE SITE.NAME="default web site" SITE.ID="1" bindings="" state="Started" />', '</appcmd>'
    } else {
        '<appcmd><APPPOOL APPPOOL.NAME="Plain" state="Stopped" /><APPPOOL APPPOOL.NAME="Off" state="Gestartet" /></appcmd>'
    }
}
$answers = [ordered] @{}
foreach ($case in Get-ChildItem -LiteralPath $Folder | Sort-Object -Property Name) {
    $null = New-PSDrive -Name C -PSProvider FileSystem -Root $case.FullName -Scope Script
    $script:PartErrors = New-Object Collections.ArrayList
    $context = @{}
    $facts = [ordered] @{}
    Add-Fact $facts 'iis' { Get-IisFact $context }
    Add-Fact $facts 'url_rewrite' { Get-UrlRewriteFact $context }
    Add-Fact $facts 'logs' { Get-IisLogFolder $context }
    $answers[$case.Name] = [ordered] @{ facts = $facts; errors = $script:PartErrors }
    Remove-PSDrive -Name C -Scope Script
}
ConvertTo-SafeJson $answers
"""


def script_text() -> str:
    """The parts under test and the prelude around a driver with stand-ins for Windows."""
    folder = Path(loader.__file__).parent
    prelude = (folder / "core" / "prelude.ps1").read_text(encoding="utf-8")
    names = ("common", "configuration", "iis", "rewrite", "logs")
    parts = [(folder / "facts" / f"{name}.ps1").read_text(encoding="utf-8") for name in names]
    head, _, body = DRIVER.partition("$env:SystemDrive")
    return "\n".join([head, prelude, *parts, "$env:SystemDrive" + body])


@pytest.fixture(scope="module")
def answers(pwsh: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    base = tmp_path_factory.mktemp("configuration")
    for name, files in CASES.items():
        (base / "cases" / name).mkdir(parents=True)
        for path, text in files.items():
            file = base / "cases" / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    script = base / "driver.ps1"
    script.write_text(script_text(), encoding="utf-8")
    command = [pwsh, "-NoProfile", "-NonInteractive", "-File", str(script), str(base / "cases")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rewrite(answers: dict[str, Any], case: str) -> dict[str, Any]:
    found: dict[str, Any] = answers[case]["facts"]["url_rewrite"]
    return found


def reasons(answers: dict[str, Any], case: str) -> list[tuple[str, str]]:
    """Errors of a case without the one that every case has (a state that is no state)."""
    listed = [(error["source"], error["message"]) for error in answers[case]["errors"]]
    return [(source, message) for source, message in listed if "no state of" not in message]


def test_sites_are_read_with_paths_bindings_and_applications(answers: dict[str, Any]) -> None:
    assert answers["plain"]["facts"]["iis"]["sites"] == [
        {
            "id": 1,
            "name": "Default Web Site",
            "state": "Started",
            "physical_path": "C:\\inetpub\\wwwroot",
            "bindings": [
                {"protocol": "https", "information": "*:443:", "ssl_flags": 1},
                {"protocol": "http", "information": "*:80:", "ssl_flags": None},
            ],
            "applications": [
                {"path": "/", "physical_path": "C:\\inetpub\\wwwroot", "app_pool": "Plain"},
                {"path": "/owa", "physical_path": "C:\\Exchange\\owa", "app_pool": "Off"},
            ],
        },
        {
            "id": 2,
            "name": "Back",
            "state": "Unknown",
            "physical_path": "C:\\back",
            "bindings": [],
            "applications": [
                {"path": "/", "physical_path": "C:\\back", "app_pool": "DefaultAppPool"}
            ],
        },
    ]


def test_a_pool_without_attributes_has_the_defaults_of_the_schema(answers: dict[str, Any]) -> None:
    plain, off = answers["plain"]["facts"]["iis"]["app_pools"]
    assert (plain["auto_start"], plain["start_mode"]) == (True, "OnDemand")
    assert (off["auto_start"], off["start_mode"]) == (False, "AlwaysRunning")


def test_defaults_in_the_file_win_over_those_of_the_schema(answers: dict[str, Any]) -> None:
    iis = answers["defaults"]["facts"]["iis"]
    plain = iis["app_pools"][0]
    assert (plain["auto_start"], plain["start_mode"]) == (False, "AlwaysRunning")
    assert iis["sites"][1]["applications"][0]["app_pool"] == "Off"


def test_a_state_that_is_no_known_word_is_unknown_with_a_reason(answers: dict[str, Any]) -> None:
    plain, off = answers["plain"]["facts"]["iis"]["app_pools"]
    assert (plain["state"], off["state"]) == ("Stopped", "Unknown")
    listed = [(error["source"], error["message"]) for error in answers["plain"]["errors"]]
    assert listed == [("iis.sites", "no state of Back"), ("iis.app_pools", "no state of Off")]


def test_log_folders_come_from_the_site_the_defaults_or_the_schema(answers: dict[str, Any]) -> None:
    assert answers["plain"]["facts"]["logs"] == {
        "iis/1": "C:\\inetpub\\logs\\LogFiles\\W3SVC1",
        "iis/2": "C:\\inetpub\\logs\\LogFiles\\W3SVC2",
    }
    assert answers["defaults"]["facts"]["logs"] == {
        "iis/1": "C:\\own\\W3SVC1",
        "iis/2": "D:\\Logs\\W3SVC2",
    }


def test_an_inbound_rule_comes_with_every_default_filled_in(answers: dict[str, Any]) -> None:
    assert rewrite(answers, "rule")["rules"] == [
        {
            "site": "Default Web Site",
            "path": "/",
            "file": "C:\\inetpub\\wwwroot\\web.config",
            "direction": "inbound",
            "order": 0,
            "name": "block",
            "enabled": True,
            "pattern_syntax": "ECMAScript",
            "stop_processing": True,
            "inherit": True,
            "precondition": None,
            "match": {
                "url": ".*",
                "server_variable": None,
                "filter_by_tags": None,
                "pattern": None,
                "ignore_case": True,
                "negate": False,
            },
            "logical_grouping": "MatchAll",
            "conditions": [
                {
                    "input": "{HTTP_COOKIE}",
                    "match_type": "Pattern",
                    "pattern": "evil",
                    "ignore_case": True,
                    "negate": False,
                }
            ],
            "action": {"type": "AbortRequest", "value": None, "url": None, "status_code": None},
        }
    ]


def test_an_outbound_rule_and_its_precondition_are_read(answers: dict[str, Any]) -> None:
    found = rewrite(answers, "outbound")
    (rule,) = found["rules"]
    assert (rule["direction"], rule["path"], rule["precondition"]) == ("outbound", "/owa", "html")
    assert rule["enabled"] is False
    assert rule["match"] == {
        "url": None,
        "server_variable": "RESPONSE_X",
        "filter_by_tags": "A, Img",
        "pattern": "(.*)",
        "ignore_case": True,
        "negate": True,
    }
    assert rule["logical_grouping"] == "MatchAny"
    assert rule["conditions"][0]["match_type"] == "IsFile"
    assert rule["conditions"][0]["pattern"] is None
    assert rule["action"]["value"] == "{R:1}; x"
    (precondition,) = found["preconditions"]
    assert precondition["name"] == "html"
    assert precondition["logical_grouping"] == "MatchAny"
    assert precondition["pattern_syntax"] == "Wildcard"
    assert precondition["conditions"] == [
        {
            "input": "{RESPONSE_CONTENT_TYPE}",
            "pattern": "text/html*",
            "ignore_case": True,
            "negate": True,
        }
    ]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("plain", []),
        ("rule", [("Default Web Site", "/", True)]),
        ("global", [(None, "/", True)]),
        ("location", [("Default Web Site", "/owa/auth", True)]),
        ("site-location", [("Back", "/", True)]),
        ("not-inherited", [("Default Web Site", "/", False)]),
        ("sub-folder", [("Default Web Site", "/owa/auth", True)]),
        ("virtual-directory", [("Default Web Site", "/images", True)]),
        ("namespace", [("Default Web Site", "/", True)]),
        ("shadowing", [("Default Web Site", "/", True)]),
    ],
)
def test_a_rule_is_placed_where_it_works(
    answers: dict[str, Any], case: str, expected: list[Any]
) -> None:
    rules = rewrite(answers, case)["rules"]
    assert [(rule["site"], rule["path"], rule["inherit"]) for rule in rules] == expected
    assert reasons(answers, case) == []


def test_clear_and_remove_take_away_rules_and_are_reported(answers: dict[str, Any]) -> None:
    found = rewrite(answers, "overrides")
    assert found["rules"] == []
    assert [(item["kind"], item["name"], item["path"]) for item in found["overrides"]] == [
        ("clear", None, "/owa"),
        ("remove", "block", "/owa"),
        ("remove", "x", "/owa"),
    ]


def test_a_malformed_file_is_named_and_the_others_are_read(answers: dict[str, Any]) -> None:
    (reason,) = reasons(answers, "malformed")
    assert reason[0] == "url_rewrite.rules"
    assert reason[1].startswith("C:\\inetpub\\wwwroot\\web.config: ")
    assert [rule["name"] for rule in rewrite(answers, "malformed")["rules"]] == ["csp"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("wrong-value", "enabled is 'perhaps', neither true nor false"),
        ("wrong-choice", "type is 'Launch', none of None, Rewrite"),
        ("config-source", "the rules stand in another file"),
        ("entities", "DTD"),
        ("too-large", "larger than 4194304 bytes"),
    ],
)
def test_a_file_that_cannot_be_judged_gives_no_rules_but_a_reason(
    answers: dict[str, Any], case: str, words: str
) -> None:
    (reason,) = reasons(answers, case)
    assert reason[0] == "url_rewrite.rules"
    assert words in reason[1]
    assert rewrite(answers, case)["rules"] == []


def test_shared_configuration_is_followed(answers: dict[str, Any]) -> None:
    assert [site["name"] for site in answers["shared"]["facts"]["iis"]["sites"]] == [
        "Default Web Site",
        "Back",
    ]


@pytest.mark.parametrize(
    ("case", "words"), [("no-file", "does not exist"), ("broken-host", "Unexpected end of file")]
)
def test_without_the_main_file_everything_that_needs_it_is_null(
    answers: dict[str, Any], case: str, words: str
) -> None:
    assert answers[case]["facts"] == {"iis": None, "url_rewrite": None, "logs": None}
    listed = reasons(answers, case)
    assert [source for source, _ in listed] == ["iis", "url_rewrite", "logs"]
    assert all(words in message for _, message in listed)
