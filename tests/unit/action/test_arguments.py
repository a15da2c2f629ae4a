# SPDX-License-Identifier: GPL-3.0-or-later
"""What each action takes is what its module documents, to the last word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.doc_fragments import (
    change,
    install,
    package_source,
)
from ansible_collections.exchange.remediation.plugins.modules import security_update
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.components import (
    Maintenance,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.tasks.options import arguments

ROOT = Path(__file__).resolve().parents[3]
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py"))
FROZEN: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("arguments.yml").read_text())


def taken(action: str) -> dict[str, dict[str, Any]]:
    module = import_module(f"ansible_collections.exchange.remediation.plugins.action.{action}")
    table: dict[str, dict[str, Any]] = module.ARGUMENTS
    return table


def test_every_action_has_a_frozen_table() -> None:
    assert sorted(FROZEN) == ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_action_takes_what_is_frozen(action: str) -> None:
    assert taken(action) == FROZEN[action]


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, Any]]:
    """The options of each module as ``ansible-doc`` shows them, fragments included."""
    found = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
    }
    names = [f"exchange.remediation.{action}" for action in ACTIONS]
    command = [str(Path(sys.executable).with_name("ansible-doc")), "--json", *names]
    done = subprocess.run(command, env=os.environ | found, capture_output=True, check=True)
    documents = json.loads(done.stdout)
    return {
        action: documents[name]["doc"]["options"]
        for action, name in zip(ACTIONS, names, strict=True)
    }


def test_ansible_shows_the_same_as_is_taken(shown: dict[str, dict[str, Any]]) -> None:
    words = ("type", "elements", "required", "default", "choices")
    for action in ACTIONS:
        documented, table = (
            {
                name: {word: option[word] for word in words if word in option}
                for name, option in options.items()
            }
            for options in (shown[action], taken(action))
        )
        assert documented == table, action


def test_an_option_has_the_same_words_in_every_change(shown: dict[str, dict[str, Any]]) -> None:
    words: dict[str, set[str]] = {}
    for action in ("security_update", "cumulative_update", "mitigation"):
        for name, option in shown[action].items():
            words.setdefault(name, set()).add(str(option["description"]))
    assert len(words) > 26
    assert {name for name, said in words.items() if len(said) > 1} == set()


def test_choices_of_the_maintenance_mode_are_those_of_the_code() -> None:
    assert taken("security_update")["maintenance"]["choices"] == [
        mode.value for mode in Maintenance
    ]


def module(documentation: str) -> Any:
    return SimpleNamespace(__name__="plugins.modules.some", DOCUMENTATION=documentation)


@pytest.mark.parametrize(
    ("documentation", "words"),
    [
        ("options: [", "some: the documentation is no YAML"),
        ("just words", "some: the documentation is no mapping"),
        (
            "{options: {a: {defualt: x}}, extends_documentation_fragment: [x.change]}",
            r"some\.a: defualt in the documentation",
        ),
        ("extends_documentation_fragment: [x.y.change, x.y.install]", "some: extends"),
        ("options: {}", r"was given \['change'\]"),
    ],
)
def test_documentation_that_is_not_understood_is_told(documentation: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        arguments(module(documentation), change)


def test_option_of_the_module_stands_before_that_of_a_fragment() -> None:
    own = (
        "extends_documentation_fragment: [x.change]\noptions: {run: {type: int}, key: {type: str}}"
    )
    table = arguments(module(own), change)
    assert table["run"] == {"type": "int"}
    assert table["key"] == {"type": "str"}, "a name with key is only harmless where it is a path"
    assert table["confirm"] == {"type": "bool", "default": False}


def test_reading_the_documentation_costs_some_milliseconds_once() -> None:
    took = []
    for _ in range(5):
        begin = time.process_time()
        arguments(security_update, change, install, package_source)
        took.append(time.process_time() - begin)
    assert min(took) < 0.05
