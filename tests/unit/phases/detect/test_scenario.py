# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host of the scenario ``detect`` is read to what its description says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from detected_host import DetectedHost

DOCUMENT = yaml.safe_load(
    (Path(scenario.__file__).parent / "scenarios" / "detect.yml").read_text(encoding="utf-8")
)
HOSTS: dict[str, dict[str, Any]] = {
    name: {**DOCUMENT["defaults"], **host} for name, host in DOCUMENT["hosts"].items()
}


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_ends_as_it_is_described(name: str, tmp_path: Path) -> None:
    description = HOSTS[name]["description"]
    host = DetectedHost(tmp_path, None, None, spec=HOSTS[name])
    result = host.detect("test-proxylogon", "msert/full")
    assert f"({result.state.value})" in description, result.reason


@pytest.mark.parametrize("name", ["quiet", "entered", "german"])
def test_alone_the_script_says_the_same(name: str, tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, None, None, spec=HOSTS[name])
    result = host.detect()
    assert f"({result.state.value})" in HOSTS[name]["description"], result.reason


def test_a_quick_scan_is_none_of_all_files(tmp_path: Path) -> None:
    host = DetectedHost(tmp_path, None, None, spec=HOSTS["quiet"])
    result = host.detect("msert/quick")
    assert result.state.value == "no-indicator", result.reason
    (check,) = result.verdict.checks if result.verdict else ()
    assert check.id == "msert/quick-scan"
