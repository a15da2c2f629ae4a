# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation has its script, contract cases, a model function and its documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import contract_cases
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import (
    head,
    loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model import (
    registry,
)

ROOT = Path(__file__).parents[4]
HEAD = "# .SYNOPSIS\n#   One\n#   two.\n# .RESULT\n#   a, b.\n"
_STOP = re.compile(r"Stop-Operation '([A-Za-z]+)' '([A-Za-z0-9]+)'")
CASES = contract_cases.load()


@pytest.mark.parametrize("name", loader.operations())
def test_every_operation_has_a_case_that_works_and_one_that_is_refused(name: str) -> None:
    area = [case for case in CASES if case.area == loader.area(name)]
    steps = [step for case in area for step in case.steps if step.get("operation") == name]
    refused = [step for step in steps if "errors" in step["expect"] and step["expect"]["errors"]]
    assert len(steps) > len(refused), f"tests/contract/{loader.area(name)}/ has no case of {name}"
    if head.head(name).fails:
        assert refused, f"tests/contract/{loader.area(name)}/ has no refused {name}"


@pytest.mark.parametrize("name", loader.operations())
def test_every_operation_has_a_model_function_in_its_area(name: str) -> None:
    function = registry.operations()[name]
    assert f".engines.model.{loader.area(name)}." in function.__module__


def test_the_areas_of_cases_are_those_of_scripts() -> None:
    areas = {path.name for path in contract_cases.FOLDER.iterdir() if any(path.glob("*.yml"))}
    assert areas == {loader.area(name) for name in loader.operations()}


def test_the_documentation_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/host_operations.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + "run: python scripts/host_operations.py"


@pytest.mark.parametrize("name", loader.operations())
def test_every_operation_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "host-operations.md").read_text(encoding="utf-8")
    assert f"\n#### {name}\n" in text


@pytest.mark.parametrize("name", loader.operations())
def test_the_head_names_all_failures_of_the_script_and_of_what_it_calls(name: str) -> None:
    common = _raised(loader.entry(name).value) | _raised(loader.OperationEntry.LOCK.value)
    assert set(head.head(name).fails) == _raised(loader.source(name)) - common


def _raised(text: str) -> set[tuple[str, str]]:
    library = loader.library()
    texts = [text, *(library[one] for one in loader._closure(text, library))]
    return {found for one in texts for found in _STOP.findall(one)}


def test_a_head_is_read() -> None:
    found = head.read(f"{HEAD}# .FAILS\n#   Locked: A, B.\n#   RequestInvalid: C2.\n")
    assert (found.synopsis, found.result) == ("One two.", "a, b.")
    assert found.fails == (("Locked", "A"), ("Locked", "B"), ("RequestInvalid", "C2"))
    assert head.read(HEAD).fails == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# .SYNOPSIS\n#   One.\n",
        "# .RESULT\n#   a.\n# .SYNOPSIS\n#   One.\n",
        f"{HEAD}# .NOTES\n#   x.\n",
        f"{HEAD}# .FAILS\n#   when it is late\n",
        f"{HEAD}# .FAILS\n#   Locked: A\n",
    ],
)
def test_another_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"head has|of the form"):
        head.read(f"{text}[CmdletBinding()]\n")


def test_an_unknown_operation_has_no_head() -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        head.head("Get-Nothing")
