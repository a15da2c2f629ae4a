# SPDX-License-Identifier: GPL-3.0-or-later
"""What Windows and Exchange versions look like: tables only, no logic.

Sources: registry and file properties as in facts of March 2021 and later (Exchange setup
keys, service names of Microsoft's CSS-Exchange scripts); operating systems per product as
Microsoft's supportability matrix pairs them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """One Windows Server version as its registry shows it."""

    version: str  # kernel, "10.0"
    build: int
    ubr: int | None  # None: the value does not exist there
    name: str
    powershell: str
    iis: tuple[int, int]
    clr: str
    defender: bool


OPERATING_SYSTEMS = {
    "2008R2": OperatingSystem(
        "6.1",
        7601,
        None,
        "Windows Server 2008 R2 Enterprise",
        "3.0",
        (7, 5),
        "4.0.30319.42000",
        defender=False,
    ),
    "2012": OperatingSystem(
        "6.2",
        9200,
        None,
        "Windows Server 2012 Standard",
        "3.0",
        (8, 0),
        "4.0.30319.42000",
        defender=False,
    ),
    "2012R2": OperatingSystem(
        "6.3",
        9600,
        19939,
        "Windows Server 2012 R2 Standard",
        "4.0",
        (8, 5),
        "4.0.30319.42000",
        defender=False,
    ),
    "2016": OperatingSystem(
        "10.0",
        14393,
        4225,
        "Windows Server 2016 Standard",
        "5.1.14393.4225",
        (10, 0),
        "4.0.30319.42000",
        defender=True,
    ),
    "2019": OperatingSystem(
        "10.0",
        17763,
        1757,
        "Windows Server 2019 Standard",
        "5.1.17763.1757",
        (10, 0),
        "4.0.30319.42000",
        defender=True,
    ),
    "2022": OperatingSystem(
        "10.0",
        20348,
        4773,
        "Windows Server 2022 Standard",
        "5.1.20348.4773",
        (10, 0),
        "4.0.30319.42000",
        defender=True,
    ),
    "2025": OperatingSystem(
        "10.0",
        26100,
        32230,
        "Windows Server 2025 Standard",
        "5.1.26100.32230",
        (10, 0),
        "4.0.30319.42000",
        defender=True,
    ),
}


@dataclass(frozen=True, slots=True)
class SimulatedProduct:
    """One Exchange generation."""

    key: str  # below HKLM\SOFTWARE\Microsoft\ExchangeServer
    title: str  # as in "Microsoft Exchange Server 2016"
    updates_key: str | None  # below HKLM\SOFTWARE\Microsoft\Updates
    os: str
    dotnet: tuple[int, str]
    roles: tuple[str, ...]  # role keys of a full server
    back_end: bool  # has a site "Exchange Back End" and HttpProxy logs
    pools: tuple[str, ...]


_POOLS_2013 = (
    "DefaultAppPool",
    "MSExchangeAutodiscoverAppPool",
    "MSExchangeECPAppPool",
    "MSExchangeMapiFrontEndAppPool",
    "MSExchangeMapiMailboxAppPool",
    "MSExchangeOABAppPool",
    "MSExchangeOWAAppPool",
    "MSExchangeOWACalendarAppPool",
    "MSExchangePowerShellAppPool",
    "MSExchangePowerShellFrontEndAppPool",
    "MSExchangePushNotificationsAppPool",
    "MSExchangeRpcProxyAppPool",
    "MSExchangeRpcProxyFrontEndAppPool",
    "MSExchangeServicesAppPool",
    "MSExchangeSyncAppPool",
)
_POOLS_2016 = (
    *_POOLS_2013,
    "MSExchangeMapiAddressBookAppPool",
    "MSExchangeRestAppPool",
    "MSExchangeRestFrontEndAppPool",
)
_POOLS_2010 = (
    "DefaultAppPool",
    "MSExchangeAutodiscoverAppPool",
    "MSExchangeECPAppPool",
    "MSExchangeOABAppPool",
    "MSExchangeOWAAppPool",
    "MSExchangePowerShellAppPool",
    "MSExchangeServicesAppPool",
    "MSExchangeSyncAppPool",
)
_ROLES_2013 = (
    "MailboxRole",
    "ClientAccessRole",
    "HubTransportRole",
    "UnifiedMessagingRole",
    "CafeRole",
    "FrontendTransportRole",
    "AdminTools",
)
_ROLES_2019 = tuple(role for role in _ROLES_2013 if role != "UnifiedMessagingRole")

PRODUCTS = {
    "Exchange2010": SimulatedProduct(
        "v14", "2010", None, "2008R2", (394271, "4.6.01055"),
        ("MailboxRole", "ClientAccessRole", "HubTransportRole", "AdminTools"), back_end=False, pools=_POOLS_2010,
    ),
    "Exchange2013": SimulatedProduct(
        "v15", "2013", "Exchange 2013", "2012R2", (528049, "4.8.03761"), _ROLES_2013, back_end=True, pools=_POOLS_2013
    ),
    "Exchange2016": SimulatedProduct(
        "v15", "2016", "Exchange 2016", "2016", (528049, "4.8.03761"), _ROLES_2013, back_end=True, pools=_POOLS_2016
    ),
    "Exchange2019": SimulatedProduct(
        "v15", "2019", "Exchange 2019", "2019", (528049, "4.8.03761"), _ROLES_2019, back_end=True, pools=_POOLS_2016
    ),
    # SE writes its updates below "Exchange 2019".
    "ExchangeSE": SimulatedProduct(
        "v15", "Subscription Edition", "Exchange 2019", "2022", (528449, "4.8.04161"), _ROLES_2019, back_end=True, pools=_POOLS_2016
    ),
}  # fmt: skip

# Role keys by what the scenario calls the server's role.
ROLE_KEYS = {
    "Edge": ("EdgeTransportRole", "AdminTools"),
    "ClientAccess": ("CafeRole", "FrontendTransportRole", "AdminTools"),
    "ManagementTools": ("AdminTools",),
    # Exchange 2013 apart from its Client Access servers.
    "MailboxOnly": (
        "MailboxRole",
        "ClientAccessRole",
        "HubTransportRole",
        "UnifiedMessagingRole",
        "AdminTools",
    ),
}

LCIDS = {
    "en-US": "0409",
    "de-DE": "0407",
    "ja-JP": "0411",
    "tr-TR": "041F",
    "fr-FR": "040C",
    "ru-RU": "0419",
}

# Windows time zone key -> (Bias in minutes as the registry counts: west is positive, daylight).
TIME_ZONES = {
    "UTC": (0, 0),
    "W. Europe Standard Time": (-60, -60),
    "Tokyo Standard Time": (-540, 0),
    "Turkey Standard Time": (-180, 0),
    "Eastern Standard Time": (300, -60),
    "Pacific Standard Time": (480, -60),
}
LOCALE_ZONES = {
    "de-DE": "W. Europe Standard Time",
    "fr-FR": "W. Europe Standard Time",
    "ja-JP": "Tokyo Standard Time",
    "tr-TR": "Turkey Standard Time",
}
