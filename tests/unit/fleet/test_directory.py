# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports of the directory, as its tools write them, and what an inventory lacks of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.coverage import (
    compare,
    coverage_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.directory import (
    DirectoryServer,
    read_directory,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.new_inventory import (
    inventory_yaml,
)
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

_DN = (
    "CN={0},CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,"
    "CN=Corp,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp,DC=example"
)
_LDIF = f"""version: 1
dn: {_DN.format("EX02")}
changetype: add
objectClass: top
objectClass: server
objectClass: msExchExchangeServer
cn: EX02
serialNumber: Version 15.1 (Build 32176.2)
networkAddress: ncacn_vns_spp:EX02
networkAddress: netbios:EX02
networkAddress: ncacn_ip_tcp:EX02.corp.
 example
msExchCurrentServerRoles: 16439

dn: {_DN.format("Corp Routing")}
objectClass: msExchRoutingGroup
cn: Corp Routing

dn:: {base64.b64encode(_DN.format("EDGE01").encode()).decode()}
objectClass: msExchExchangeServer
cn: EDGE01
serialNumber: Version 15.2 (Build 30792.3)
networkAddress: ncacn_ip_tcp:edge01.dmz.example
msExchCurrentServerRoles: 64
"""
_CSVDE = (
    "DN,objectClass,cn,serialNumber,networkAddress,msExchCurrentServerRoles\n"
    f'"{_DN.format("EX02")}",top;server;msExchExchangeServer,EX02,Version 15.1 (Build 32176.2),'
    "ncacn_vns_spp:EX02;netbios:EX02;ncacn_ip_tcp:EX02.corp.example,16439\n"
)
_CMDLET = (
    "#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.ExchangeServer\n"
    '"Name","Fqdn","AdminDisplayVersion","ServerRole"\n'
    '"EX02","EX02.corp.example","Version 15.1 (Build 2176.2)","Mailbox, ClientAccess"\n'
)
_SEMICOLONS = (
    "Name;Fqdn;AdminDisplayVersion;ServerRole\r\nEX02;EX02.corp.example;15.1.2176.2;Edge\r\n"
)


def _written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "export"
    path.write_bytes(text.encode(encoding))
    return path


def _one(folder: Path, text: str, encoding: str = "utf-8") -> DirectoryServer:
    return next(s for s in read_directory(_written(folder, text, encoding)) if s.name == "EX02")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", [_LDIF, _CSVDE, _CMDLET, _SEMICOLONS])
def test_every_tool_of_the_directory_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    server = _one(tmp_path, text, encoding)

    assert server.fqdn == "EX02.corp.example"
    assert str(server.build) == "15.1.2176.2"
    assert server.roles


def test_roles_are_read_from_the_bits(tmp_path: Path) -> None:
    servers = {server.name: server for server in read_directory(_written(tmp_path, _LDIF))}

    assert set(servers["EX02"].roles) == {
        "client-access", "mailbox", "unified-messaging", "hub-transport",
    }  # fmt: skip
    assert servers["EDGE01"].roles == ("edge-transport",)
    assert set(servers) == {"EX02", "EDGE01"}, "an object of another class is no server"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column cn or name"),
        ("Name,Fqdn\n", "no Exchange server is in this export; export the objects of class"),
        ("Host,Fqdn\nEX01,ex01\n", ":1: no column cn or name; give an export"),
        (_CMDLET + '"EX02","EX02.corp.example","",""\n', "stands in the export twice (also "),
        ("Name,Fqdn\nEX01;rm -rf,ex01\n", ":2: 'EX01;rm -rf' is no name of a server"),
        ("Name,Fqdn\nEX01,ex01{{ 7*7 }}\n", ":2: 'ex01{{ 7*7 }}' is no name of a host"),
        ("Name,Fqdn\nEX01,a,b,c\n", ":2: more fields than the line of column names has"),
        ("Name,networkAddress\nEX01,Microsoft.ActiveDirectory.Management.ADPropertyValueCollection\n",
         "holds no values but the name of their type"),
        ('Name,Fqdn\n"EX01,ex01\n', "no CSV"),
        ("dn: not a name\nobjectClass: x\n", "no LDIF"),
        ("dn: CN=a,DC=b\nnothing here\n", "no LDIF"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_place_and_the_cure(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read_directory(_written(tmp_path, text))

    assert message in str(error.value)
    assert str(tmp_path / "export") in str(error.value)


def test_an_export_in_another_encoding_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither UTF-8 nor UTF-16 .*-Encoding UTF8"):
        read_directory(_written(tmp_path, "Name,Fqdn\nEX\xe4,x\n", "latin-1"))


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_end_in_an_answer_or_a_named_refusal(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "export"
    path.write_bytes(data)
    message = ""
    try:
        assert read_directory(path)
    except ConfigError as error:
        message = str(error)
    assert not message or str(path) in message


def _server(name: str, fqdn: str | None, build: str | None = "15.1.2176.2") -> DirectoryServer:
    return DirectoryServer(
        name, fqdn, Build.parse(build) if build else None, build or "?", ("mailbox",), "export:2"
    )


@pytest.mark.parametrize(
    ("hosts", "server", "outcome"),
    [
        ({"ex01.corp.example": None}, ("EX01", "EX01.corp.example"), "matched"),
        ({"ex01.corp.example.": None}, ("EX01", "ex01.corp.example"), "matched"),
        ({"ex01": None}, ("EX01", "ex01.corp.example"), "matched"),
        ({"mail-a": "ex01.corp.example"}, ("EX01", "ex01.corp.example"), "matched"),
        ({"ex01.corp.example": None}, ("EX01", None), "matched"),
        # The same short name in another domain is another server.
        ({"ex01.other.example": None}, ("EX01", "ex01.corp.example"), "missing"),
        ({"192.0.2.1": None}, ("EX01", "ex01.corp.example"), "missing"),
        ({"ex010.corp.example": None}, ("EX01", "ex01.corp.example"), "missing"),
        ({"ex01.a.example": None, "ex01.b.example": None}, ("EX01", None), "ambiguous"),
        ({"ex01": None, "mail": "ex01.corp.example"}, ("EX01", "ex01.corp.example"), "matched"),
    ],
)
def test_a_server_is_found_by_its_names(
    hosts: dict[str, str | None], server: tuple[str, str | None], outcome: str
) -> None:
    found = compare([_server(*server)], hosts)

    assert (
        "matched" if found.matched else "ambiguous" if found.ambiguous else "missing"
    ) == outcome
    assert found.complete is (outcome == "matched")


def test_two_servers_are_never_one_host() -> None:
    found = compare(
        [_server("EX01", "ex01.a.example"), _server("EX01", "ex01.b.example")], {"ex01": None}
    )

    assert found.matched == {}
    assert set(found.ambiguous) == {"ex01.a.example", "ex01.b.example"}
    assert found.unlisted == ()


def test_versions_are_compared_by_cumulative_update() -> None:
    servers = [_server("EX01", "ex01.c.example"), _server("EX02", "ex02.c.example", None)]
    hosts: dict[str, str | None] = {"ex01.c.example": None, "ex02.c.example": None}

    assert compare(servers, hosts, {"ex01.c.example": "15.1.2176.9"}).complete
    other = compare(
        servers, hosts, {"ex01.c.example": "15.1.2106.13", "ex02.c.example": "15.1.2106.2"}
    )
    assert [entry.host for entry in other.conflicts] == ["ex01.c.example"]
    assert not other.complete
    assert other.unversioned == ("ex02.c.example",)
    assert coverage_dict(other)["version_conflicts"] == [
        {"host": "ex01.c.example", "directory": "15.1.2176.2", "assessed": "15.1.2106.13"}
    ]


def test_an_inventory_is_made_with_edge_servers_apart() -> None:
    edge = DirectoryServer("EDGE01", "edge01.dmz.example", None, "", ("edge-transport",), "x:3")
    text = inventory_yaml([_server("EX01", "EX01.corp.example"), edge], "export.csv")

    assert yaml.safe_load(text) == {
        "exchange": {
            "hosts": {"ex01.corp.example": None},
            "children": {"edge": {"hosts": {"edge01.dmz.example": None}}},
        }
    }


@pytest.mark.parametrize(
    "parts", ["top;server;{0}", "top, server, {0}", "top|{0}", "top\n{0}", "top {0}"]
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_class_is_found_among_several_whatever_parts_them(
    tmp_path: Path, parts: str, delimiter: str
) -> None:
    several = parts.format("msExchExchangeServer")
    rows = (
        ("cn", "objectClass", "x"),
        ("EX77", f'"{several}"', ""),
        ("EX01", "msExchExchangeServer", ""),
    )
    path = _written(tmp_path, "".join(f"{delimiter.join(row)}\n" for row in rows))

    assert [server.name for server in read_directory(path)] == ["EX01", "EX77"]


def test_a_full_name_is_found_among_several_in_a_file_of_semicolons(tmp_path: Path) -> None:
    text = 'cn;networkAddress\nEX02;"netbios:EX02;ncacn_ip_tcp:ex02.corp.example."\n'

    assert _one(tmp_path, text).fqdn == "ex02.corp.example"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_read(tmp_path: Path, encoding: str) -> None:
    assert _one(tmp_path, _CMDLET, encoding).name == "EX02"


def test_what_the_directory_has_deleted_is_no_server(tmp_path: Path) -> None:
    guid = "c0ffee00-1111-2222-3333-444455556666"
    name = base64.b64encode(f"EX55\nDEL:{guid}".encode()).decode()
    tomb = f"""
dn: CN=EX55\\0ADEL:{guid},CN=Deleted Objects,CN=Configuration,DC=corp,DC=example
objectClass: msExchExchangeServer
cn:: {name}
isDeleted: TRUE
"""
    assert len(read_directory(_written(tmp_path, _LDIF + tomb))) == 2
    assert (
        len(read_directory(_written(tmp_path, _LDIF + tomb.replace("isDeleted: TRUE\n", "")))) == 2
    )
    assert _one(tmp_path, "cn,isDeleted\nEX02,FALSE\nEX55,TRUE\n").name == "EX02"


def test_a_value_that_is_no_base64_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2: no base64 after '::'"):
        read_directory(_written(tmp_path, "dn: CN=EX01,DC=x\ncn:: !!!!\n"))


def test_the_name_of_an_export_adds_nothing_to_an_inventory(tmp_path: Path) -> None:
    server = _one(tmp_path, "cn\nEX02\n")
    for name in ("a.csv\nall: {vars: {x: 1}}\n#", "a\u2028all: 1", "a\x85b: 1"):
        assert yaml.safe_load(inventory_yaml([server], name)) == {
            "exchange": {"hosts": {"ex02": None}}
        }
