# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators' keys: Ed25519, one private file each, and the public ones that are trusted.

A key folder holds ``<name>.pem`` (private: mode 0600, PKCS#8, encrypted when a passphrase was
given) and ``<name>.pub`` (public). Every ``.pub`` in it is trusted: keep the folder apart from the
packages, or whoever swaps those swaps the trust with them.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey

from ...base.errors import ConfigError

PASSPHRASE_VARIABLE = "EXCHANGE_REMEDIATION_KEY_PASSPHRASE"  # noqa: S105 - the name, not the secret
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key whose signature counts, and the name of its file."""

    name: str
    key: Key
    private: bool  # whether the private half lies beside it

    @property
    def keyid(self) -> str:
        return str(self.key.keyid)


def default_folder() -> Path:
    """Return where keys are kept when the operator names no other place."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "exchange-remediation" / "keys"


def passphrase(file: Path | None) -> bytes | None:
    """Return the passphrase from a file (its first line) or the environment; never an argument."""
    if file is None:
        value = os.environ.get(PASSPHRASE_VARIABLE)
        return value.encode() if value else None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"passphrase file {file}: {error}") from error
    if not lines or not lines[0]:
        raise ConfigError(f"passphrase file {file}: its first line is empty; write it there")
    return lines[0].encode()


def create(folder: Path, name: str, secret: bytes | None) -> TrustedKey:
    """Create a key pair; never overwrites one."""
    if not _NAME.match(name):
        raise ConfigError(f"key name {name!r}: use small letters, digits, '.', '_' and '-'")
    if secret is not None and len(secret) < _SHORTEST:
        raise ConfigError(f"the passphrase has {len(secret)} bytes; use {_SHORTEST} or more")
    private = Ed25519PrivateKey.generate()
    encryption: KeySerializationEncryption = NoEncryption()
    if secret is not None:
        encryption = BestAvailableEncryption(secret)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_new(
        folder / f"{name}.pem",
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption),
        0o600,
    )
    public = private.public_key()
    _write_new(folder / f"{name}.pub", public_pem(public), 0o644)
    return TrustedKey(name, SSlibKey.from_crypto(public), private=True)


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return the text of a ``.pub`` file."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def trusted(folder: Path) -> tuple[TrustedKey, ...]:
    """Return every public key of the folder, by name; raises when there is none."""
    found = tuple(
        TrustedKey(path.stem, _public(path), path.with_suffix(".pem").is_file())
        for path in sorted(folder.glob("*.pub"))
    )
    if not found:
        raise ConfigError(
            f"no public key in {folder}; make one with 'exchange-remediation package keys init', "
            "or put the .pub file of the operator who signed there"
        )
    return found


def signer(folder: Path, name: str | None, secret: bytes | None) -> Signer:
    """Return the private key of that name, or the only one of the folder."""
    path = _private_path(folder, name)
    status = path.stat()
    if status.st_mode & _OTHERS:
        raise ConfigError(
            f"{path}: its mode is {stat.S_IMODE(status.st_mode):04o}, so others can read it; "
            "chmod 600 it, or make a new key if others could log on here"
        )
    data = path.read_bytes()
    encrypted = b"ENCRYPTED" in data.partition(b"\n")[0]
    if encrypted and secret is None:
        raise ConfigError(
            f"{path} is encrypted; give its passphrase with --passphrase-file or in "
            f"{PASSPHRASE_VARIABLE}"
        )
    try:
        private = load_pem_private_key(data, secret if encrypted else None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: the passphrase is wrong or the file is damaged") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError(f"{path}: not an Ed25519 key; make one with 'package keys init'")
    return CryptoSigner(private)


def signer_name(folder: Path, name: str | None) -> str:
    """Return the name of the key that :func:`signer` takes."""
    return _private_path(folder, name).stem


def _private_path(folder: Path, name: str | None) -> Path:
    if name is not None:
        path = folder / f"{name}.pem"
        if not path.is_file():
            raise ConfigError(f"{path} does not exist; see 'package keys list'")
        return path
    found = sorted(folder.glob("*.pem"))
    if len(found) != 1:
        names = ", ".join(path.stem for path in found) or "none"
        raise ConfigError(
            f"{folder} has {len(found)} private keys ({names}); name one with --key, or make one "
            "with 'package keys init'"
        )
    return found[0]


def _public(path: Path) -> Key:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path}: not a public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path}: not an Ed25519 public key")
    return SSlibKey.from_crypto(key)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} exists already; a key is never replaced, use another name"
        ) from error
    with os.fdopen(number, "wb") as stream:
        stream.write(data)
