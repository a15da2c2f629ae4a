# SPDX-License-Identifier: GPL-3.0-or-later
"""The shims of appcmd's verbs, of service dependencies and of requests to the host itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shim_host import SERVICES, world

if TYPE_CHECKING:
    from shim_host import ShimHost

pytestmark = pytest.mark.engine
APPCMD = "& C:\\Windows\\System32\\inetsrv\\appcmd.exe"


@pytest.mark.parametrize(
    ("script", "lines", "states"),
    [
        (
            "stop apppool /apppool.name:DefaultAppPool",
            ['"DefaultAppPool" successfully stopped', "0"],
            ("Stopped", "Stopped"),
        ),
        (
            "start apppool '/apppool.name:a & b'",
            ['"A & B" successfully started', "0"],
            ("Started", "Started"),
        ),
        (
            "start apppool /apppool.name:DefaultAppPool",
            [
                "ERROR ( message:Command execution failed.",
                "An instance of the service is already running. )",
                "1",
            ],
            ("Started", "Stopped"),
        ),
        (
            "stop apppool '/apppool.name:A & B'",
            [
                "ERROR ( message:Command execution failed.",
                "The service has not been started. )",
                "1",
            ],
            ("Started", "Stopped"),
        ),
        (
            "stop apppool /apppool.name:None",
            ['ERROR ( message:Cannot find APPPOOL object with identifier "None". )', "1"],
            ("Started", "Stopped"),
        ),
    ],
)
def test_appcmd_moves_pools(
    script: str, lines: list[str], states: tuple[str, str], shims: ShimHost
) -> None:
    ran = shims.run(f"{APPCMD} {script}; $LASTEXITCODE")
    assert ran.lines == lines
    pools = ran.world.data["iis_runtime"]["app_pools"]
    assert (pools["DefaultAppPool"], pools["A & B"]) == states


def test_service_starts_what_it_needs(shims: ShimHost) -> None:
    host = world()
    for name in ("W3SVC", "WAS"):
        host.set_service_status(name, "Stopped", by="test")
    ran = shims.run("Start-Service W3SVC", host)
    services = ran.world.data["services"]
    assert (services["W3SVC"]["status"], services["WAS"]["status"]) == ("Running", "Running")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("Start-Service W3SVC", "1068"),
        ("Start-Service MSExchangeUM", "1058"),
    ],
)
def test_service_that_cannot_start_says_why(script: str, code: str, shims: ShimHost) -> None:
    host = world()
    host.set_value(f"{SERVICES}\\WAS", "Start", "DWord", 4, by="test")
    for name in ("W3SVC", "WAS"):
        host.set_service_status(name, "Stopped", by="test")
    inner = "$e = $_.Exception; while ($e.InnerException) { $e = $e.InnerException }"
    ran = shims.run(
        f"try {{ {script} -ErrorAction Stop }} catch {{ {inner}; $e.NativeErrorCode }}", host
    )
    assert ran.lines == [code]


@pytest.mark.parametrize("verb", ["Start", "Stop"])
def test_service_that_hangs_is_an_error(verb: str, shims: ShimHost) -> None:
    host = world()
    status = "Running" if verb == "Stop" else "Stopped"
    host.data["services"]["W3SVC"] = {"status": status, "refuses": verb.lower()}
    failure = shims.failure(f"{verb}-Service W3SVC", host)
    assert failure.startswith(f"CouldNot{verb}Service,")
    assert host.data["services"]["W3SVC"]["status"] == status


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://localhost:8443/", "ConnectFailure"),
        ("https://192.0.2.1/", "NameResolutionFailure"),
        ("https://localhost/", "ProtocolError"),  # no application there: 404
    ],
)
def test_request_fails_as_the_real_one(url: str, expected: str, shims: ShimHost) -> None:
    inner = "$e = $_.Exception; while ($e -isnot [Net.WebException]) { $e = $e.InnerException }"
    script = f"[void]([Net.WebRequest]::Create('{url}')).GetResponse()"
    ran = shims.run(f"try {{ {script} }} catch {{ {inner}; [string]$e.Status }}")
    assert ran.lines == [expected]


def test_request_of_a_silent_host_fails(shims: ShimHost) -> None:
    host = world()
    host.set_service_status("W3SVC", "Stopped", by="test")
    script = "[void]([Net.WebRequest]::Create('https://localhost/')).GetResponse()"
    assert "Unable to connect" in shims.failure(script, host)
