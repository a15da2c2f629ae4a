# SPDX-License-Identifier: GPL-3.0-or-later
"""The script for AWS, run by a shell against an EC2 on loopback (moto); once with the real ``aws`` too."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from reference_policy import reference
from rendered import part, rendered, samples

pytest.importorskip("moto", reason="moto is not installed; it is in the extra 'dev'")
pytest.importorskip("cfnlint", reason="cfn-lint is not installed; it is in the extra 'dev'")
pytest.importorskip("fwshift", reason="fwshift is not installed; it is in the extra 'dev'")
import botocore.session
from aws_cli import AwsCli
from cfnlint.api import ManualArgs, lint
from equivalence import differences
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NAME, _LEVEL = "aws-security-group", "disconnected"
_KEEP = {
    "both": ["198.51.100.0/28", "203.0.113.7", "2001:db8:1::/64"],
    "v4": ["10.0.0.0/8"],
    "v6": ["2001:db8:1::/64"],
    "none": [],
}


@dataclass(frozen=True)
class _Cloud:
    """An instance with two interfaces in a network of its own."""

    client: Any
    folder: Path
    environment: Mapping[str, str]
    values: Mapping[str, Any]

    def run(self, which: str, **more: Any) -> subprocess.CompletedProcess[str]:
        script = self.folder / f"{which}.sh"
        script.write_text(part(_NAME, _LEVEL, which, **{**self.values, **more}), encoding="utf-8")
        return subprocess.run(
            ["sh", str(script)],
            env=self.environment, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip

    def interfaces(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.describe_network_interfaces()["NetworkInterfaces"]
        return sorted(found, key=lambda row: str(row["PrivateIpAddress"]))

    def groups(self) -> list[list[str]]:
        return [[g["GroupId"] for g in row["Groups"]] for row in self.interfaces()]

    def named(self, name: str) -> list[dict[str, Any]]:
        query = [{"Name": "group-name", "Values": [name]}]
        found: list[dict[str, Any]] = self.client.describe_security_groups(Filters=query)[
            "SecurityGroups"
        ]
        return found

    def export(self) -> str:
        """What ``aws ec2 describe-...`` would answer; the model has no IPv6 address of an interface."""
        rows = self.interfaces()
        rows[0]["Ipv6Addresses"] = [{"Ipv6Address": "2001:db8::10"}]
        vpcs = self.client.describe_vpcs(VpcIds=[self.values["vpc"]])["Vpcs"]
        vpcs[0]["Ipv6CidrBlockAssociationSet"] = [
            {"Ipv6CidrBlock": "2001:db8::/64", "Ipv6CidrBlockState": {"State": "associated"}}
        ]
        answers = [
            {"SecurityGroups": self.named(self.values["group"])},
            {"NetworkInterfaces": rows},
            {"Vpcs": vpcs},
        ]
        return json.dumps(answers, default=str)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def ec2(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_PAGER", "")
    link = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=60)
    link.request("POST", "/moto-api/reset")
    assert link.getresponse().status == 200
    return botocore.session.get_session().create_client(
        "ec2", region_name="eu-central-1", endpoint_url=endpoint
    )


@pytest.fixture
def cloud(ec2: Any, tmp_path: Path) -> Iterator[_Cloud]:
    with AwsCli(tmp_path / "bin", ec2) as tool:
        yield _cloud(ec2, tmp_path, tool.folder)


def _cloud(ec2: Any, folder: Path, tools: Path) -> _Cloud:
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return _Cloud(ec2, folder, {**os.environ, "PATH": path}, _instance(ec2))


def _instance(client: Any) -> dict[str, Any]:
    vpc = client.create_vpc(CidrBlock="192.0.2.0/24")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="192.0.2.0/24")["Subnet"]["SubnetId"]
    web, mail = (
        client.create_security_group(GroupName=n, Description=n, VpcId=vpc)["GroupId"]
        for n in ("web", "mail")
    )
    made = client.run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [web, mail], "PrivateIpAddress": "192.0.2.10"},
            {"DeviceIndex": 1, "SubnetId": subnet, "Groups": [mail], "PrivateIpAddress": "192.0.2.11"},
        ],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    return {
        "servers": ["192.0.2.10", "192.0.2.11", "2001:db8::10"],
        "vpc": vpc,
        "instance": made,
        "group": "ER-EX01",
    }


def _recorded(cloud: _Cloud) -> list[str]:
    """What verify prints is what is recorded: no hand in between."""
    done = cloud.run("verify")
    assert done.returncode == 0, done.stderr
    found: list[str] = json.JSONDecoder().raw_decode(done.stdout)[0]
    return found


def _cut_off_and_back(cloud: _Cloud, keep: str, folder: Path) -> None:
    before = cloud.groups()
    values = {"interfaces": _recorded(cloud), "keep": _KEEP[keep]}
    assert sorted(len(row.split("/")) for row in values["interfaces"]) == [2, 3]

    done = cloud.run("apply", **values)

    assert done.returncode == 0, done.stderr
    (group,) = cloud.named("ER-EX01")
    assert cloud.groups() == [[group["GroupId"]]] * 2
    if keep == "none":
        assert not group["IpPermissions"]
        assert not group["IpPermissionsEgress"]
    else:
        wanted = reference(_LEVEL, {**cloud.values, **values}, rest="drop")
        assert differences(folder, _NAME, cloud.export(), wanted) == []

    done = cloud.run("undo", **values)

    assert done.returncode == 0, done.stderr
    assert cloud.groups() == before
    assert not cloud.named("ER-EX01")


@pytest.mark.parametrize("keep", _KEEP)
def test_the_instance_is_cut_off_and_gets_its_groups_back(
    cloud: _Cloud, keep: str, tmp_path: Path
) -> None:
    _cut_off_and_back(cloud, keep, tmp_path)


def test_the_real_command_line_does_the_same(ec2: Any, endpoint: str, tmp_path: Path) -> None:
    found = shutil.which("aws")
    if found is None:
        pytest.skip("aws is not installed; scripts/ci.sh installs it")
    tool = tmp_path / "bin" / "aws"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec {found} --endpoint-url {endpoint} "$@"\n', encoding="utf-8")
    tool.chmod(0o755)

    _cut_off_and_back(_cloud(ec2, tmp_path, tool.parent), "both", tmp_path)


def test_a_group_that_is_there_already_stops_the_script_before_anything(cloud: _Cloud) -> None:
    values = {"interfaces": _recorded(cloud)}
    cloud.client.create_security_group(
        GroupName="ER-EX01", Description="another's", VpcId=cloud.values["vpc"]
    )
    before = cloud.groups()

    done = cloud.run("apply", **values)

    assert done.returncode
    assert cloud.groups() == before
    assert cloud.named("ER-EX01")[0]["IpPermissionsEgress"], "another's group is changed"


@pytest.mark.parametrize(
    "fault",
    [
        ("revoke-security-group-egress", "true revoke"),
        ("198.51.100.0/28", "198.51.0.0/16"),
        ('"Ipv6Ranges"', '"UserIdGroupPairs":[],"Ignored"'),
        ("--network-interface-id", "--netwrok-interface-id"),
    ],
    ids=["egress stays open", "another network", "no IPv6", "misspelt option"],
)
def test_a_fault_of_the_script_is_found(
    cloud: _Cloud, fault: tuple[str, str], tmp_path: Path
) -> None:
    values = {"interfaces": _recorded(cloud), "keep": _KEEP["both"]}
    text = part(_NAME, _LEVEL, "apply", **cloud.values, **values)
    script = tmp_path / "faulty.sh"
    broken = re.sub(r"aws ec2 true revoke.*", "true", text.replace(*fault))
    assert broken != text
    script.write_text(broken, encoding="utf-8")
    done = subprocess.run(
        ["sh", str(script)],
        env=cloud.environment, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip

    wanted = reference(_LEVEL, {**cloud.values, **values}, rest="drop")
    assert done.returncode or differences(tmp_path, _NAME, cloud.export(), wanted)


def test_apply_and_undo_wait_for_the_record() -> None:
    values = {**samples()[_NAME, _LEVEL], "interfaces": []}
    parts = {entry.part: entry.text for entry in rendered(_NAME, _LEVEL, values)}

    assert "apply" not in parts
    assert "undo" not in parts
    assert "record interfaces first (see verify)" in parts["about"]


def _permissions(which: str) -> list[dict[str, Any]]:
    """The permissions of the sample as CloudFormation writes them."""
    line = next(
        r
        for r in part(_NAME, _LEVEL, "apply").splitlines()
        if f" authorize-security-group-{which} " in r
    )
    found = json.loads(line.split("'")[1])
    return [
        {"IpProtocol": row["IpProtocol"], **{k[0].lower().replace("c", "C") + k[1:]: v for k, v in cidr.items()}}
        for row in found
        for cidr in [*row.get("IpRanges", ()), *row.get("Ipv6Ranges", ())]
    ]  # fmt: skip


def _lint(network: str) -> list[str]:
    """The rules of cfn-lint that a security group with the rendered permissions breaks."""
    group = {
        "GroupDescription": "ER-EX01",
        "VpcId": "vpc-0123456789abcdef0",
        "SecurityGroupIngress": _permissions("ingress"),
        "SecurityGroupEgress": _permissions("egress"),
    }
    resources = {"Cut": {"Type": "AWS::EC2::SecurityGroup", "Properties": group}}
    text = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    text = text.replace("198.51.100.0/28", network)
    found = lint(text, config=ManualArgs(regions=["eu-central-1"]))
    return sorted({match.rule.id for match in found})


def test_cloudformation_takes_the_permissions_and_refuses_a_wrong_network() -> None:
    assert _lint("198.51.100.0/28") == []
    assert _lint("198.51.100.0/99")
