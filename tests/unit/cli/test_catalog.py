# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import ROOT
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import catalog as cli_catalog

if TYPE_CHECKING:
    from pathlib import Path

USAGE = 2


@pytest.fixture
def run(capsys):
    """Run ``catalog ARGS``: exit status, standard output, standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser(prog="exchange-remediation")
        cli_catalog.add_parser(parser.add_subparsers(required=True))
        args = parser.parse_args(["catalog", *words])
        status = args.run(args)
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    root = tmp_path / "catalog"
    shutil.copytree(ROOT, root)
    return root


@pytest.fixture
def broken(whole: Path) -> Path:
    path = whole / "builds" / "exchangese.yml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("build: 15.2.2562.17", "build: 15.2.x"),
        encoding="utf-8",
    )
    return whole


class TestValidate:
    def test_valid_catalogue_prints_its_figures(self, run):
        status, out, _err = run("validate")
        assert status == 0
        assert out.startswith("valid, as of 2026-")
        assert "394  builds" in out
        assert "163  vulnerabilities" in out
        assert "28  exit codes" in out
        assert "13  named failures" in out
        assert "3  scripts of Microsoft" in out
        assert "6  detection tools" in out

    def test_json(self, run):
        status, out, _err = run("validate", "--json")
        answer = json.loads(out)
        assert (status, answer["valid"], answer["counts"]["builds"]) == (0, True, 394)

    def test_broken_catalogue_names_file_line_and_cure_and_exits_1(self, run, broken):
        status, out, err = run("validate", "--catalog", str(broken))
        assert (status, out) == (1, "")
        assert "catalog/builds/exchangese.yml:" in err
        assert "write it as four numbers such as 15.1.2176.9" in err

    def test_broken_catalogue_as_json(self, run, broken):
        status, out, _err = run("validate", "--json", "--catalog", str(broken))
        answer = json.loads(out)
        assert (status, answer["valid"]) == (1, False)
        assert "exchangese.yml" in answer["error"]

    @pytest.mark.parametrize(
        ("file", "old", "new", "words"),
        [
            ("exit_codes.yml", "code: 3010", "code: 0", "the exit code 0 stands twice; keep one"),
            ("failures/update.yml", "id: half-patch", "id: rolled-back", "exists twice; keep one"),
            ("failures/upgrade.yml", "source: goad", "source: god", "is not defined; define it"),
            ("requirements.yml", "Exchange2013", "Exchange2003", "is not in the catalogue; add it"),
            ("scripts/eomt.yml", "[backend-cookie]", "[cookie]", "is not in the catalogue; add a"),
            ("detection_tools/msert.yml", "how: scan", "how: look", "is not one of"),
            ("scripts/eomt-unified.yml", "schema: 1", "schema: 9", "is from the future, this"),
            ("scripts/exchange-mitigations.yml", "id: ", "name: ", "unknown key 'name'; known are"),
        ],
    )
    def test_every_kind_of_file_is_checked(self, run, whole, file, old, new, words):
        text = (whole / file).read_text(encoding="utf-8")
        assert old in text
        (whole / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        status, out, err = run("validate", "--catalog", str(whole))
        assert (status, out) == (1, "")
        assert err.startswith(f"not valid: catalog/{file}:")
        assert words in err


TOOLS = """\
eomt-scan         read EOMT.ps1                    the scan of EOMT.ps1 (2021)
eomt-unified-scan read EOMT.ps1                    the scan of EOMT.ps1 (2026)
healthchecker     read HealthChecker.ps1           HealthChecker
msert             run  msert.exe                   Microsoft Safety Scanner
nmap-script       run  http-vuln-cve2021-26855.nse nmap script for ProxyLogon
test-proxylogon   run  Test-ProxyLogon.ps1         Test-ProxyLogon
"""
SCANNER = """\
Microsoft Safety Scanner: msert.exe (msert)
  runs on the server, 300 MiB of room; signed by Microsoft
  its file is good for 10 days

Mode quick: /Q /N
  only detects; about 30 min, watched for 4 h

Mode full: /Q /F /N
  only detects; about 360 min, watched for 48 h

Mode full-remove: /Q /F:Y
  removes what it finds; about 360 min, watched for 48 h

Every version
  sees      files that its signatures of the day know as malicious
  not       what its signatures do not know
            requests, logs and configuration
            what was removed before
"""


class TestTools:
    def test_all(self, run):
        assert run("tools") == (0, TOOLS, "")
        names = [tool["id"] for tool in json.loads(run("tools", "--json")[1])]
        assert names == [line.split()[0] for line in TOOLS.splitlines()]

    def test_one(self, run):
        status, out, _err = run("tools", "msert")
        assert status == 0
        assert out.startswith(SCANNER)
        answer = json.loads(run("tools", "msert", "--json")[1])
        assert (answer["expires_days"], answer["modes"][0]["name"]) == (10, "quick")

    def test_each_fits_a_terminal_and_says_why_it_is_not_run(self, run):
        for line in TOOLS.splitlines():
            _status, out, _err = run("tools", line.split()[0])
            assert max(map(len, out.splitlines())) < 80
            assert ("is not run from here: " in out) is (line.split()[1] == "read")

    def test_unknown(self, run):
        status, out, err = run("tools", "nessus")
        assert (status, out) == (1, "")
        assert "there is no detection tool 'nessus'; known are eomt-scan, " in err


class TestShow:
    def test_unpatched_build(self, run):
        status, out, _err = run("show", "15.1.2176.2", "--at", "2021-03-05")
        assert status == 0
        assert "Exchange Server 2016 CU19" in out
        assert "support   2021-03-05 (asked): supported" in out
        assert "install KB5000871 (15.1.2176.9) for CU19" in out
        assert "install KB5003435 (15.1.2176.14) for CU19" in out
        assert "CVE-2021-26855" in out
        assert "newest update for CU19: KB5003435 (15.1.2176.14)" in out

    def test_support_on_the_asked_day_and_on_each_campaigns(self, run):
        _status, out, _err = run("show", "15.1.2106.2", "--at", "2021-03-20", "--json")
        support = {entry["why"]: entry["status"] for entry in json.loads(out)["support"]}
        assert support["asked"] == "unsupported"  # CU20 came out on 16 March
        assert support["proxylogon"] == "supported"

    def test_patched_build_names_the_mitigations_to_remove(self, run):
        _status, out, _err = run("show", "15.01.2176.009")
        assert "Mar21SU KB5000871, released 2021-03-02" in out
        assert "nothing to install" in out
        assert "remove if present: backend-cookie, um-services" in out

    def test_no_update_for_the_cu(self, run):
        _status, out, _err = run("show", "15.1.1261.39")
        assert "no update exists for this cumulative update: change to CU8" in out
        assert "there is no newer update for this cumulative update" in out

    def test_product_out_of_support_names_its_successor(self, run):
        _status, out, _err = run("show", "15.1.2507.77", "--at", "2026-11-23")
        assert "gets no more updates: move to Exchange Server Subscription Edition" in out
        _status, out, _err = run("show", "15.1.2507.77", "--at", "2026-10-31")
        assert "gets no more updates" not in out

    def test_doubtful_build_and_paid_update_are_marked(self, run):
        _status, out, _err = run("show", "15.1.2507.77")
        assert "[doubtful]" in out
        assert "ESU2 (Extended Security Updates)" in out

    def test_what_nobody_tested_is_one_line_and_not_a_hundred(self, run):
        _status, out, _err = run("show", "14.3.509.0")
        assert out.count("no source of the catalogue tests Exchange Server 2010") < 10
        assert "install KB5000978 (14.3.513.0)" in out
        assert "remove if present" not in out

    def test_unlisted_build_of_a_known_cu_is_judged_says_so_and_exits_1(self, run):
        status, out, _err = run("show", "15.1.2176.7")
        assert status == 1
        assert "UNKNOWN: this build is in no table" in out
        assert "15.1.2176.4 below, 15.1.2176.9 above" in out
        assert "install KB5000871" in out

    def test_unlisted_cumulative_update_names_its_neighbours_and_exits_1(self, run):
        status, out, _err = run("show", "15.1.2177.2")
        assert status == 1
        assert "belongs to no cumulative update" in out
        assert "15.1.2176.14" in out
        assert "15.1.2242.4" in out

    def test_json_and_text_rest_on_the_same_values(self, run):
        _status, out, _err = run("show", "15.1.2176.2", "--json")
        answer = json.loads(out)
        assert answer["entry"]["cu"] == "CU19"
        assert sum(answer["counts"].values()) == len(answer["vulnerabilities"]) == 163
        campaigns = {entry["id"]: entry for entry in answer["campaigns"]}
        assert len(campaigns["proxylogon"]["open"]) == 4
        assert answer["remedy"]["update"]["kb"] == "KB5003435"

    def test_json_of_an_unknown_build(self, run):
        status, out, _err = run("show", "15.1.2177.2", "--json")
        answer = json.loads(out)
        assert (status, answer["known"]) == (1, False)
        assert answer["neighbours"]["below"]["build"] == "15.1.2176.14"

    @pytest.mark.parametrize("text", ["15.1.2176", "15.1.x.1", "latest", "15.1.2176.2.1"])
    def test_what_is_no_build_is_a_usage_error(self, run, capsys, text):
        with pytest.raises(SystemExit) as error:
            run("show", text)
        assert error.value.code == USAGE
        assert "not a four-part Exchange build" in capsys.readouterr().err

    def test_what_is_no_day_is_a_usage_error(self, run, capsys):
        with pytest.raises(SystemExit) as error:
            run("show", "15.1.2176.2", "--at", "yesterday")
        assert error.value.code == USAGE
        assert "not a day such as 2021-03-02" in capsys.readouterr().err


class TestCampaigns:
    def test_list(self, run):
        status, out, _err = run("campaigns")
        assert status == 0
        assert out.startswith("proxylogon ")
        assert "CVE-2021-26855, CVE-2021-26857, CVE-2021-26858, CVE-2021-27065" in out

    def test_one_in_full(self, run):
        status, out, _err = run("campaigns", "cve-2026-42897")
        assert status == 0
        assert "fixed by Jun26SU" in out
        assert "15.2.2562.45" in out
        assert "owa-csp-outbound" in out

    def test_unknown_log_window_is_said_plainly(self, run):
        _status, out, _err = run("campaigns", "hybrid-trust")
        assert "from unknown: no log is enough" in out
        assert "(tenant)" in out

    def test_json(self, run):
        _status, out, _err = run("campaigns", "proxylogon", "--json")
        answer = json.loads(out)
        assert answer["log_window"]["start"] == "2021-01-01"
        assert len(answer["mitigation_details"]) == 4
        _status, out, _err = run("campaigns", "--json")
        assert {"proxylogon", "proxyshell"} <= {entry["id"] for entry in json.loads(out)}

    def test_unknown_campaign_exits_1_and_names_the_known(self, run):
        status, _out, err = run("campaigns", "nope")
        assert status == 1
        assert "known are proxylogon" in err


class TestPackages:
    def test_of_a_kb(self, run):
        status, out, _err = run("packages", "kb5000978")
        assert status == 0
        assert out.split()[:5] == ["KB5000978", "Exchange2010", "SP3", "->", "14.3.513.0"]
        assert "sha256 unknown" in out
        assert "(file name not confirmed)" in out

    def test_of_a_build(self, run):
        _status, out, _err = run("packages", "15.1.2176.2", "--json")
        assert [package["kb"] for package in json.loads(out)] == [
            "KB4602269",
            "KB5000871",
            "KB5001779",
            "KB5003435",
        ]

    def test_all(self, run):
        _status, out, _err = run("packages")
        rows = [line for line in out.splitlines() if line.startswith("KB")]
        gone = [line for line in out.splitlines() if line.startswith(f"{'':11}withdrawn on ")]
        assert (len(rows), len(gone)) == (257, 3)
        assert len(out.splitlines()) == 260

    def test_nothing_found_exits_1(self, run):
        status, out, err = run("packages", "KB1234567")
        assert (status, out) == (1, "")
        assert "no package for KB1234567" in err

    def test_neither_kb_nor_build_is_a_usage_error(self, run):
        status, _out, err = run("packages", "latest")
        assert status == USAGE
        assert "neither a KB nor a build" in err
