# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.tls import (
    Authority,
)
from cryptography import x509

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create()


def _handshake(authority: Authority, folder: Path, name: str) -> None:
    """Shake hands in memory; raises what a client would raise."""
    server_context, _ = authority.context("ex01", "127.77.0.1", folder)
    client_context = ssl.create_default_context(cadata=authority.pem().decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", ["ex01", "127.77.0.1"])
def test_clients_that_trust_the_authority_accept_name_and_address(
    authority: Authority, tmp_path: Path, name: str
) -> None:
    _handshake(authority, tmp_path, name)


@pytest.mark.parametrize("name", ["ex02", "127.77.0.2"])
def test_clients_refuse_another_host_of_the_same_authority(
    authority: Authority, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority, tmp_path, name)


def test_no_private_key_stays_on_disk(authority: Authority, tmp_path: Path) -> None:
    authority.context("ex01", "127.77.0.1", tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert b"PRIVATE" not in authority.pem()


def test_certificates_end_within_a_week() -> None:
    authority = Authority.create(NOW)
    host = x509.load_pem_x509_certificate(authority.issue("ex01", "127.77.0.1", NOW))
    assert (host.not_valid_after_utc - NOW).days == 7
    assert host.issuer == authority.certificate.subject
