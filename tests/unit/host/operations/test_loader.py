# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

FOLDER = Path(loader.__file__).parent
_ANY_FUNCTION = re.compile(r"^\s*function (\S+)", re.MULTILINE)
MINIFIED = [
    ("  $a = 1\n", "$a = 1\n"),
    ("# comment\n\n  # comment\n$a # stays\n", "$a # stays\n"),
    ("<#\n.SYNOPSIS\n#>\n$a\n<# one line #>\n$b", "$a\n$b\n"),
    (
        "$a = @'\n  # kept\n\n '@ not the end\n'@\n  $b\n",
        "$a = @'\n  # kept\n\n '@ not the end\n'@\n$b\n",
    ),
    ('$a = @"\n<# kept\n"@.Trim()\n# gone\n', '$a = @"\n<# kept\n"@.Trim()\n'),
    ("$a = '#' + \"#\"\r\n", "$a = '#' + \"#\"\n"),
]


@pytest.mark.parametrize(("source", "small"), MINIFIED)
def test_only_what_means_nothing_is_dropped(source: str, small: str) -> None:
    assert loader.minify(source) == small


def test_operations_are_the_scripts_named_as_calls() -> None:
    assert {
        "Get-HostLock",
        "Get-OperationStatus",
        "Lock-Host",
        "Unlock-Host",
        "Update-HostLock",
    } <= set(loader.operations())
    assert not {"bootstrap", "prelude"} & set(loader.operations())
    assert list(loader.operations()) == sorted(loader.operations())


@pytest.mark.parametrize("name", ["prelude", "Get-Nothing", "../transport/codec", "facts/iis", ""])
def test_what_is_no_operation_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="does not exist; known are"):
        loader.script(name)


@pytest.mark.parametrize("name", loader.operations())
def test_packed_script_is_the_text_and_the_digest_is_of_it(name: str) -> None:
    script = loader.script(name)
    raw = gzip.decompress(base64.b64decode(script.packed))
    assert raw.decode("utf-8") == script.text
    assert hashlib.sha256(raw).hexdigest() == script.sha256
    assert loader.pack(script.text) == script, "the same text packs to the same bytes at any time"
    assert loader.script(name) is script, "cached"


@pytest.mark.parametrize("name", loader.operations())
def test_no_comment_line_travels(name: str) -> None:
    lines = loader.script(name).text.splitlines()
    assert not [line for line in lines if line.startswith(("# ", "#R")) or not line]


def test_only_the_functions_that_are_needed_travel() -> None:
    text = loader.assemble("'x'")
    assert "function Invoke-Operation {" in text
    assert "function Write-HostLock {" not in text
    assert "function Invoke-Part {" not in text
    needs_lock = loader.assemble("Write-HostLock $a")
    assert "function Write-FileDurably {" in needs_lock, "through others"


@pytest.mark.parametrize(
    ("name", "reads"),
    [("Get-HostLock", True), ("Lock-Host", False), ("Find-X", True), ("Set-X", False)],
)
def test_the_verb_says_whether_an_operation_changes_something(name: str, reads: bool) -> None:  # noqa: FBT001
    assert loader.reads_only(name) is reads


def test_changing_operations_run_through_the_store_and_reading_ones_do_not() -> None:
    assert loader.script("Lock-Host").text.endswith("\nInvoke-KeyedOperation $Request\n")
    assert "Invoke-KeyedOperation" not in loader.script("Get-HostLock").text


def test_functions_are_found_by_name_in_the_files_of_any_area() -> None:
    text = loader.assemble("Assert-Idle")
    assert "function Assert-Idle {" in text, "of jobs/"
    assert "function Read-StateFile {" in text, "of core/, through others"
    assert "function Get-IisFact {" not in text


def test_no_two_functions_have_one_name() -> None:
    names = Counter(
        name for path in FOLDER.glob("*/*.ps1") for name in _ANY_FUNCTION.findall(path.read_text())
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_function_of_a_part_is_found_and_nothing_stands_beside_them() -> None:
    parts = [path for path in FOLDER.glob("*/*.ps1") if path.stem.islower()]
    texts = [path.read_text() for path in parts if path.stem != "bootstrap"]
    defined = [name for text in texts for name in _ANY_FUNCTION.findall(text)]
    assert sorted(defined) == sorted(loader.library())
    for text in texts:
        assert loader.minify(loader._FUNCTION.sub("", text)).strip() == ""


def test_the_runner_carries_all_functions_that_it_needs() -> None:
    text = loader.library()["Get-RunnerText"]
    names = set(text.partition("Join-FunctionText '")[2].partition("'")[0].split())
    assert {"Start-JobRunner", "Write-JobState", "Write-FileDurably", "Write-JsonValue"} <= names
    for name in names:
        called = set(loader._COMMAND_WORD.findall(loader.library()[name]))
        assert called & loader.library().keys() <= names, name
    assert not {"Get-RunnerText", "Invoke-Operation", "Write-HostLock"} & names


@pytest.mark.parametrize("name", loader.operations())
def test_every_change_enters_through_the_fence_i16(name: str) -> None:
    of_the_lock = {"Lock-Host", "Unlock-Host", "Update-HostLock"}
    reads = name.partition("-")[0] in ("Get", "Find", "Test")
    assert loader.under_lock(name) is (not reads and name not in of_the_lock)
    text = loader.script(name).text
    assert text.endswith("\nInvoke-ChangeOperation $Request\n") is loader.under_lock(name)
    if loader.under_lock(name):
        assert "function Assert-LockTicket {" in text


def test_a_verb_that_nobody_knows_is_that_of_a_change() -> None:
    assert loader.under_lock("Purge-Everything")
