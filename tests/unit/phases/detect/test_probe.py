# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool that asks from the controller: exposure in the result, never in the verdict on compromise."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.nmap_run import (
    NmapRequest,
    NmapRun,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
    RunEnd,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect import probe
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.result import (
    DetectState,
)
from detected_host import DetectedHost

if TYPE_CHECKING:
    from pathlib import Path

XML = (
    '<nmaprun><host><address addr="127.0.0.1" addrtype="ipv4"/><ports><port protocol="tcp" portid="443">'
    '<state state="open"/><script id="http-vuln-cve2021-26855"><table><elem key="state">VULNERABLE</elem>'
    '</table></script></port></ports></host><runstats><finished exit="success"/></runstats></nmaprun>'
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[NmapRequest]:
    """nmap as it answers for a front end that is exposed."""
    requests: list[NmapRequest] = []

    def run(request: NmapRequest) -> NmapRun:
        requests.append(request)
        xml = XML.encode()
        return NmapRun(request, ("nmap",), RunEnd.FINISHED, 0, xml, b"NSE: trace", truncated=False)

    monkeypatch.setattr(probe, "run_nmap", run)
    monkeypatch.setattr(probe.shutil, "which", lambda _name: "/usr/bin/nmap")
    return requests


def test_exposure_stands_beside_the_verdict_on_compromise(
    tmp_path: Path, asked: list[NmapRequest]
) -> None:
    host = DetectedHost(tmp_path)
    result = host.detect("nmap-script", "test-proxylogon", address="127.0.0.1")
    assert result.state is DetectState.NO_INDICATOR, "an exposed server is not a compromised one"
    (found,) = result.exposure
    assert (found["state"], found["cves"]) == ("exposed", ["CVE-2021-26855"])
    (request,) = asked
    assert (request.address, request.port) == ("127.0.0.1", 443)
    for evidence in found["evidence"]:
        data = (host.case / "ex01" / evidence["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == evidence["sha256"]
    record = json.loads((host.case / "ex01" / "detection.json").read_text())
    assert record["exposure"] == result.exposure
    assert [
        event for event, data in host.journal if data.get("step") == "nmap-script/default/ask"
    ] == ["intent", "done"]


def test_asking_alone_proves_nothing_of_a_compromise(
    tmp_path: Path, asked: list[NmapRequest]
) -> None:
    result = DetectedHost(tmp_path).detect("nmap-script", address="127.0.0.1")
    assert (result.state, len(asked)) == (DetectState.INCONCLUSIVE, 1)
    assert "nothing was looked at" in result.reason


def test_check_mode_asks_nothing_i9(tmp_path: Path, asked: list[NmapRequest]) -> None:
    result = DetectedHost(tmp_path).detect("nmap-script", address="127.0.0.1", check=True)
    assert (result.state, asked) == (DetectState.PLANNED, [])
    (step,) = result.plan.steps
    assert (step.operation, step.parameters["port"]) == ("nmap", 443)


@pytest.mark.parametrize("address", [None, "mail.corp.example"])
def test_no_name_server_is_asked(
    address: str | None, tmp_path: Path, asked: list[NmapRequest]
) -> None:
    host = DetectedHost(tmp_path)
    result = host.detect("nmap-script", "test-proxylogon", address=address)
    assert result.state is DetectState.STOPPED
    assert "give that of the front end with address" in result.reason
    assert (asked, host.launched) == ([], [])


def test_missing_nmap_is_said_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe.shutil, "which", lambda _name: None)
    host = DetectedHost(tmp_path)
    result = host.detect("nmap-script", "test-proxylogon", address="127.0.0.1")
    assert result.state is DetectState.STOPPED
    assert "apt-get install nmap" in result.reason
    assert host.launched == []
