# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import (
    contract,
    loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations.contract import (
    Bounds,
    Measure,
    OperationParameter,
    Type,
)

MANDATORY = "[Parameter(Mandatory = $true)]"


def block(*parameters: str) -> str:
    body = ",\n\n".join(
        "\n".join(f"    {line}" for line in parameter.splitlines()) for parameter in parameters
    )
    return f"#Requires -Version 3.0\n[CmdletBinding()]\nparam (\n{body}\n)\nSet-StrictMode\n"


READ = [
    (f"{MANDATORY}\n[string]\n$Job", OperationParameter("Job", Type.STRING, mandatory=True)),
    ("[bool]\n$Check = $false", OperationParameter("Check", Type.BOOL, default=False)),
    ("[bool]\n$Check = $true", OperationParameter("Check", Type.BOOL, default=True)),
    ("[string[]]\n$Notes = @()", OperationParameter("Notes", Type.STRINGS, default=())),
    ("[string]\n$Kind = 'process'", OperationParameter("Kind", Type.STRING, default="process")),
    (
        "[ValidateRange(-1, 86400)]\n[int]\n$TtlSeconds = 900",
        OperationParameter(
            "TtlSeconds", Type.INT, bounds=Bounds(Measure.RANGE, -1, 86400), default=900
        ),
    ),
    (
        f"# one\n# two\n{MANDATORY}\n[ValidateCount(1, 5)]\n[object[]]\n$Rules",
        OperationParameter(
            "Rules",
            Type.OBJECTS,
            mandatory=True,
            bounds=Bounds(Measure.COUNT, 1, 5),
            comment="one two",
        ),
    ),
    (
        f"{MANDATORY}\n[ValidatePattern('\\A[a-z]\\z')]\n[ValidateLength(1, 2)]\n[string]\n$A",
        OperationParameter(
            "A",
            Type.STRING,
            mandatory=True,
            bounds=Bounds(Measure.LENGTH, 1, 2),
            pattern="\\A[a-z]\\z",
        ),
    ),
    (
        "[ValidateSet('eomt', 'msert')]\n[string]\n$Tool = 'eomt'",
        OperationParameter("Tool", Type.STRING, choices=("eomt", "msert"), default="eomt"),
    ),
]
REFUSED = [
    ("[switch]\n$Check = $false", "'[switch]' is not a known type"),
    ("$Name = ''", "'' is not a known type"),
    (f"{MANDATORY} [string]\n$Job", "is not a known type"),
    ("[string]\n[string]\n$Job = ''", "'[string]' is not a known attribute"),
    ("[Parameter(Mandatory)]\n[string]\n$Job", "is not a known attribute"),
    ("[Alias('J')]\n[string]\n$Job = ''", "is not a known attribute"),
    ("[ValidateRange(1, 2kb)]\n[int]\n$Size = 1", "is not a known attribute"),
    ("[ValidateNotNull()]\n[string]\n$Job = ''", "is not a known attribute"),
    ("[ValidateLength(0, 9)]\n# late\n[string]\n$Job = ''", "'# late' is not a known attribute"),
    (f"{MANDATORY}\n{MANDATORY}\n[string]\n$Job", "says again"),
    (
        "[ValidateRange(1, 2)]\n[ValidateLength(1, 2)]\n[int]\n$Size = 1",
        "says again what another attribute says",
    ),
    ("[string]\n$Job", "either mandatory or with a default"),
    (f"{MANDATORY}\n[string]\n$Job = 'x'", "either mandatory or with a default"),
    ("[string]\n$job = ''", "not one parameter with its type"),
    ("[string]\n$Job = $env:TEMP", "'$env:TEMP' is not a known default of [string]"),
    ("[string]\n$Job = 900", "'900' is not a known default of [string]"),
    ("[int]\n$Size = '1'", "is not a known default of [int]"),
    ("[int]\n$Size = 1mb", "is not a known default of [int]"),
    ("[bool]\n$Check = 0", "is not a known default of [bool]"),
    ("[string[]]\n$Notes = @('a')", "is not a known default of [string[]]"),
    ("[ValidateLength(1, 2)]\n[int]\n$Size = 1", "bounds that no [int] can have"),
    ("[ValidateRange(1, 2)]\n[string]\n$Job = ''", "bounds that no [string] can have"),
    ("[ValidateCount(3, 2)]\n[string[]]\n$Notes = @()", "bounds that no [string[]] can have"),
    ("[ValidateSet('a')]\n[string[]]\n$Notes = @()", "a pattern or a set is for one string"),
    ("[string]\n$Job = '',", "not one parameter with its type"),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_parameter_is_read_from_its_lines(text: str, expected: OperationParameter) -> None:
    last = "[bool]\n$Last = $false"
    assert contract.read(block(text)) == (expected,)
    assert contract.read(block(text, last))[0] == expected


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_a_form_that_is_not_known_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        contract.read(block(text))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("param ()\n", "no .CmdletBinding"),
        ("[CmdletBinding()]\nparam ([string]$A)\n", "does not end"),
        (block("[string]\n$A = ''").replace("\n)\n", ")\n"), "does not end"),
        (block("[string]\n$A = ''", "[string]\n$B = ''").replace("'',\n", "''\n"), "not one"),
    ],
)
def test_a_block_in_another_form_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        contract.read(text)


def test_a_script_may_take_nothing() -> None:
    assert contract.read("[CmdletBinding()]\nparam ()\nSet-StrictMode\n") == ()
    assert contract.parameters("Get-HostLock") == ()


def test_the_operation_is_named_where_its_script_has_another_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loader, "source", lambda _: block("[switch]\n$Check = $false"))
    with pytest.raises(ConfigError, match="host operation Lock-Host: Check: "):
        contract.parameters.__wrapped__("Lock-Host")


def test_an_unknown_operation_has_no_contract() -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        contract.parameters("Get-Nothing")


@pytest.mark.parametrize("name", loader.operations())
def test_the_whole_param_block_of_every_script_is_read(name: str) -> None:
    found = contract.parameters(name)
    text = loader.source(name).partition("Set-StrictMode")[0]
    assert [f"${parameter.name}" for parameter in found] == [
        line.split()[0].rstrip(",") for line in text.splitlines() if line.startswith("    $")
    ]
    assert contract.parameters(name) is found, "cached"
    assert len({parameter.key for parameter in found}) == len(found)


def test_names_on_the_wire_have_underscores() -> None:
    keys = [parameter.key for parameter in contract.parameters("Add-PackageChunk")]
    assert keys[-3:] == ["data", "chunk_sha256", "check"]


def test_the_check_has_one_form_and_the_ticket_is_no_parameter() -> None:
    check = OperationParameter("Check", Type.BOOL, default=False)
    for name in loader.operations():
        found = {parameter.name: parameter for parameter in contract.parameters(name)}
        assert found.get("Check", check) == check, name
        assert ("Check" in found) is loader.under_lock(name), name
        assert not [parameter for parameter in found if parameter.startswith("Lock")], name
