# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's package store as the options of an action name it: what is in it, how it gets there.

Options: ``store`` (folder), ``keys`` (folder of trusted keys), ``seen`` (file against roll-back),
``threshold`` (signatures), ``source`` (share or address from which servers fetch).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.clock import utc_now
from ..base.errors import ConfigError, RefusedError
from ..host.transfer.delivery import pull, push
from ..trust.packages.records import PackageRecord
from ..trust.packages.seen import default_file
from ..trust.packages.store import PackageStore, Trust
from ..trust.signing import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.transfer.order import Delivered, Delivery
    from ..trust.packages.catalogue import PackageCatalogue
    from ..trust.packages.tool_records import ToolRecord


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A verified store, or none: then things can be planned and nothing can be delivered."""

    store: PackageStore | None = None
    catalogue: PackageCatalogue | None = None
    source: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PackageSource:
        """Open and verify the store; raises :class:`ConfigError` and :class:`RefusedError`."""
        if not options.get("store"):
            return cls()
        folder = Path(options["keys"]) if options.get("keys") else keys.default_folder()
        seen = Path(options["seen"]) if options.get("seen") else default_file()
        trust = Trust(keys.trusted(folder), seen, options["threshold"])
        store = PackageStore(Path(options["store"]), trust, utc_now)
        return cls(store, store.load(), options.get("source"))

    @property
    def operation(self) -> str:
        """The operation that `deliver` asks of a host."""
        return "Receive-Package" if self.source else "Add-PackageChunk"

    def local(self, package: ToolRecord) -> Path:
        """Return where the bytes of a package lie here, hashed again; refuses others (I10)."""
        if self.store is None:
            raise ConfigError("store: no package store is given, so nothing can be run from it")
        return self.store.verified_path(package)

    def deliver(self, delivery: Delivery) -> Delivered:
        """Push the verified bytes, or let the host fetch what it then hashes itself."""
        if self.store is None or self.catalogue is None:
            raise ConfigError("store: no package store is given, so nothing can be delivered")
        wanted = delivery.package.sha256
        package = next((p for p in self.catalogue.stored if p.sha256 == wanted), None)
        if package is None:
            raise RefusedError(
                f"{delivery.package.file} ({wanted}) is not in the package catalogue"
            )
        if isinstance(package, PackageRecord) and package.refusal:
            raise RefusedError(package.refusal)
        if self.source:
            slash = "\\" if self.source.startswith("\\\\") else "/"
            parts = [self.source.rstrip("/\\"), package.sha256, package.file]
            return pull(delivery, slash.join(parts))
        return push(delivery, self.store.verified_path(package))
