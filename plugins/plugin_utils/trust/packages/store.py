# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of packages with its signed catalogue.

::

    STORE/catalogue.json            the signed catalogue
    STORE/<sha256>/<file name>      the packages: one folder each, for many share one name
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from filelock import FileLock

from ...base import disk
from ...base.errors import ConfigError, RefusedError
from ..signing.envelope import countersign, digest_of, seal, unseal
from .catalogue import KIND, PackageCatalogue, check_fresh, from_document
from .seen import check_and_remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import Signer

    from ...host.transfer.order import RemoteFile
    from ..signing.keys import TrustedKey
    from .iis_module_records import ModuleRecord
    from .records import PackageRecord
    from .tool_records import ToolRecord

BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose catalogues count here, and what was seen before."""

    keys: tuple[TrustedKey, ...]
    seen: Path
    threshold: int = 1


@dataclass(frozen=True, slots=True)
class Staged:
    """A private copy of a file that is being examined."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PackageStore:
    """One store; every reading verifies signature, version and expiry."""

    root: Path
    trust: Trust
    clock: Callable[[], datetime]

    @property
    def file(self) -> Path:
        return self.root / "catalogue.json"

    def path(self, package: RemoteFile) -> Path:
        """Return where the bytes of a package lie."""
        return self.root / package.sha256 / package.file

    def load(self, *, expired: bool = False, threshold: int | None = None) -> PackageCatalogue:
        """Return the verified catalogue.

        Who is about to change it may accept an expired one, or one that still lacks signatures.
        """
        try:
            raw = self.file.read_bytes()
        except FileNotFoundError as error:
            raise ConfigError(
                f"{self.file} does not exist; 'exchange-remediation package add' makes it"
            ) from error
        trust = self.trust
        wanted = threshold or trust.threshold
        document, names = unseal(raw, KIND, trust.keys, where=str(self.file), threshold=wanted)
        catalogue = from_document(document, names, where=str(self.file))
        if not expired:
            check_fresh(catalogue, self.clock(), where=str(self.file))
        # The signed text, not the envelope: a second signature does not make another version.
        check_and_remember(trust.seen, catalogue.id, catalogue.version, digest_of(document))
        return catalogue

    def change(
        self,
        edit: Callable[[tuple[PackageRecord, ...]], tuple[PackageRecord, ...]],
        signer: Signer,
        *,
        days: int,
        modules: Callable[[tuple[ModuleRecord, ...]], tuple[ModuleRecord, ...]] = tuple,
        tools: Callable[[tuple[ToolRecord, ...]], tuple[ToolRecord, ...]] = tuple,
    ) -> PackageCatalogue:
        """Write the next version of the catalogue with the edited packages, modules and tools."""
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".lock"):
            now = self.clock().replace(microsecond=0)
            if self.file.exists():
                old = self.load(expired=True, threshold=1)
            else:
                old = PackageCatalogue(secrets.token_hex(16), 0, now, now, ())
            new = replace(
                old,
                version=old.version + 1,
                issued=now,
                expires=now + timedelta(days=days),
                packages=edit(old.packages),
                modules=modules(old.modules),
                tools=tools(old.tools),
            )
            _write(self.file, seal(new.to_json(), KIND, signer))
            return self.load(threshold=1)

    def countersign(self, signer: Signer) -> PackageCatalogue:
        """Add a signature to the catalogue as it is; its version stays."""
        with FileLock(self.root / ".lock"):
            self.load(threshold=1)
            raw = self.file.read_bytes()
            _write(self.file, countersign(raw, signer, where=str(self.file)))
            return self.load(threshold=1)

    @contextmanager
    def staged(self, source: Path) -> Iterator[Staged]:
        """Copy a file into the store under a private name; it is gone afterwards unless published.

        What is verified is this copy, so that the file cannot change between check and storing.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        copy = self.root / f".{secrets.token_hex(8)}.new"
        digest, size = hashlib.sha256(), 0
        try:
            with source.open("rb") as read, copy.open("xb") as write:
                while block := read.read(BLOCK):
                    digest.update(block)
                    size += len(block)
                    write.write(block)
                write.flush()
                os.fsync(write.fileno())
            yield Staged(copy, size, digest.hexdigest())
        finally:
            with suppress(FileNotFoundError):
                copy.unlink()

    def publish(self, staged: Staged, package: RemoteFile) -> Path:
        """Give a staged file that passed its place."""
        target = self.path(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.path.replace(target)
        return target

    def verified_path(self, package: RemoteFile) -> Path:
        """Return the bytes of a package after hashing them again; refuses others (I10)."""
        path = self.path(package)
        try:
            size, digest = measure(path)
        except FileNotFoundError as error:
            raise RefusedError(
                f"{path} is missing; bring the file again with 'exchange-remediation package add'"
            ) from error
        if (size, digest) != (package.size, package.sha256):
            raise RefusedError(
                f"{path}: {size} bytes with SHA-256 {digest}, the catalogue says {package.size} "
                f"bytes with {package.sha256}; the file was changed. Keep it as evidence, bring "
                "the package again"
            )
        return path


def measure(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file, read once."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _write(file: Path, data: bytes) -> None:
    """Put the signed catalogue in place: whoever may read the store reads it."""
    disk.replace_by_parts(file, (data,), disk.PUBLIC_MODE)
