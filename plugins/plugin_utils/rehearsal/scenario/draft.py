# SPDX-License-Identifier: GPL-3.0-or-later
"""The world under construction: what every part of the builder reads and adds to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from ..world.paths import file_path, format_time
from .tables import OPERATING_SYSTEMS, PRODUCTS, OperatingSystem, SimulatedProduct

if TYPE_CHECKING:
    from datetime import datetime

HKLM = "HKLM"
SOFTWARE = f"{HKLM}\\SOFTWARE"
MICROSOFT = f"{SOFTWARE}\\Microsoft"
CONTROL = f"{HKLM}\\SYSTEM\\CurrentControlSet\\Control"
SERVICES = f"{HKLM}\\SYSTEM\\CurrentControlSet\\Services"
WINDOWS = f"{MICROSOFT}\\Windows\\CurrentVersion"

_NETBIOS_LENGTH = 15
START_CODES = {"boot": 0, "system": 1, "auto": 2, "delayed": 2, "manual": 3, "disabled": 4}


def registry_kind(value: Any) -> str:
    """Return the registry type that a plain Python value stands for."""
    if isinstance(value, int):
        return "DWord"  # signed 32 bits, as .NET hands it out
    if isinstance(value, list):
        return "MultiString"
    return "ExpandString" if "%" in str(value) else "String"


@dataclass(slots=True)
class Draft:
    """Everything known about the host so far."""

    name: str
    spec: dict[str, Any]
    at: datetime  # the host's clock while building; logs end here
    registry: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    iis_runtime: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"sites": {}, "app_pools": {}}
    )

    programs: list[dict[str, Any]] = field(default_factory=list)  # after those of the scenario

    @property
    def exchange(self) -> dict[str, Any] | None:
        """The scenario's ``exchange`` member; ``None`` = a server without Exchange."""
        found: dict[str, Any] | None = self.spec.get("exchange")
        return found

    @property
    def product(self) -> SimulatedProduct | None:
        return PRODUCTS[self.exchange["product"]] if self.exchange else None

    @property
    def role(self) -> str:
        return str(self.spec.get("role", "Mailbox"))

    @property
    def os(self) -> OperatingSystem:
        default = self.product.os if self.product else "2019"
        return OPERATING_SYSTEMS[str(self.spec.get("os", default))]

    @property
    def build(self) -> str:
        """The build that the files have; the registry's may differ (``registry_build``)."""
        if self.exchange is None:
            raise ConfigError(f"{self.name}: no Exchange here, so no build either")
        return str(self.exchange["build"])

    @property
    def install_path(self) -> str:
        r"""Exchange's root with the closing back slash, as setup writes it."""
        if self.exchange is None or self.product is None:
            raise ConfigError(f"{self.name}: no Exchange here, so no install path either")
        default = f"C:\\Program Files\\Microsoft\\Exchange Server\\{self.product.key.upper()}\\"
        return str(self.exchange.get("install_path", default))

    @property
    def has_iis(self) -> bool:
        return self.product is not None and self.role in ("Mailbox", "ClientAccess", "MailboxOnly")

    def key(self, path: str) -> dict[str, Any]:
        """Create a registry key if it is missing and return its values."""
        return self.registry.setdefault(path, {})

    def value(self, path: str, name: str, value: Any, kind: str | None = None) -> None:
        """Set one registry value."""
        self.key(path)[name] = {"type": kind or registry_kind(value), "value": value}

    def values(self, path: str, **values: Any) -> None:
        """Set several registry values; ``None`` is left out."""
        self.key(path)
        for name, value in values.items():
            if value is not None:
                self.value(path, name, value)

    def text_file(self, path: str, text: str) -> None:
        """Put a text file with the build time as its date."""
        self.files[file_path(path)] = {"text": text, "mtime": format_time(self.at)}

    def service(self, name: str, start: str, image: str, *, status: str | None = None) -> None:
        """Register a service: start type in the registry, state at run time."""
        started = "Running" if start in ("auto", "delayed") else "Stopped"
        path = f"{SERVICES}\\{name}"
        self.values(path, Start=START_CODES[start], Type=16, ObjectName="LocalSystem")
        self.value(path, "ImagePath", image, "ExpandString")
        if start == "delayed":
            self.value(path, "DelayedAutostart", 1)
        self.services[name] = {"status": status or started, "display_name": display_name(name)}


def computer_name(spec: dict[str, Any], name: str) -> str:
    """Return the NetBIOS name: capitals, cut to its length."""
    return str(spec.get("computer_name", name.partition(".")[0])).upper()[:_NETBIOS_LENGTH]


def display_name(service: str) -> str:
    """Return a display name; no rule of ours reads it (it is localised)."""
    if service.startswith("MSExchange"):
        return f"Microsoft Exchange {service.removeprefix('MSExchange')}"
    return service
