# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exchange part of a simulated host: setup keys, roles, ExSetup.exe, updates, DAG."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from typing import Any

from ..world.paths import format_time
from .draft import MICROSOFT, SERVICES, SOFTWARE, WINDOWS, Draft
from .tables import ROLE_KEYS

_USUAL = ["updates-key", "uninstall"]
# A few of the some 1,500 files of Bin; an update gives all of these another version.
_BINARIES = {
    "Bin\\ExSetup.exe": 35_208,
    "Bin\\Microsoft.Exchange.Common.dll": 302_480,
    "Bin\\Microsoft.Exchange.Data.dll": 2_163_600,
    "Bin\\Microsoft.Exchange.Management.dll": 13_246_352,
    "Bin\\MSExchangeFrontendTransport.exe": 71_056,
}
_PRODUCTS = f"{WINDOWS}\\Installer\\UserData\\S-1-5-18\\Products"
# Short dates as Windows prints them: what the updates key holds is localised text.
_SHORT_DATE = {
    "en-US": "{0.month}/{0.day}/{0.year}",
    "de-DE": "{0.day:02}.{0.month:02}.{0.year}",
    "ja-JP": "{0.year}/{0.month:02}/{0.day:02}",
    "tr-TR": "{0.day}.{0.month:02}.{0.year}",
    "fr-FR": "{0.day:02}/{0.month:02}/{0.year}",
    "ru-RU": "{0.day:02}.{0.month:02}.{0.year}",
}


def add_exchange(draft: Draft) -> None:
    """Add everything that setup and the updates leave; nothing without ``exchange``."""
    _runtimes(draft)
    if draft.exchange is None:
        return
    _setup_key(draft)
    _role_keys(draft)
    _exsetup(draft)
    _product_entry(draft)
    for update in draft.spec.get("updates", []):
        _update(draft, {"kb": update} if isinstance(update, str) else update)
    if draft.spec.get("dag"):
        _dag(draft)


def base_build(draft: Draft) -> str:
    """Return the build that setup wrote: the scenario's ``registry_build`` or the file's."""
    return str(draft.spec.get("registry_build", draft.build))


def file_version(build: str) -> str:
    """``15.1.2176.9`` as the file shows it: ``15.01.2176.009``."""
    major, minor, number, revision = (int(part) for part in build.split("."))
    return f"{major:02}.{minor:02}.{number:04}.{revision:03}"


def _setup_path(draft: Draft) -> str:
    key = draft.product.key if draft.product else "v15"
    return f"{MICROSOFT}\\ExchangeServer\\{key}"


def _setup_key(draft: Draft) -> None:
    major, minor, number, revision = (int(part) for part in base_build(draft).split("."))
    full = draft.role != "ManagementTools"
    draft.values(
        f"{_setup_path(draft)}\\Setup",
        MsiInstallPath=draft.install_path,
        MsiProductMajor=major,
        MsiProductMinor=minor,
        MsiBuildMajor=number,
        MsiBuildMinor=revision,
        OwaVersion=base_build(draft),
        Services=draft.install_path.rstrip("\\") if full else None,
        NewestBuild=number,
    )


def _role_keys(draft: Draft) -> None:
    roles = ROLE_KEYS.get(draft.role, draft.product.roles if draft.product else ())
    for role in roles:
        draft.values(
            f"{_setup_path(draft)}\\{role}",
            ConfiguredVersion=base_build(draft),
            UnpackedVersion=base_build(draft),
        )


def _exsetup(draft: Draft) -> None:
    if draft.spec.get("exsetup_missing"):
        return
    version = str((draft.exchange or {}).get("file_version", file_version(draft.build)))
    for name, size in _BINARIES.items():
        draft.files[f"{draft.install_path}{name}"] = {
            "size": size,
            "mtime": format_time(draft.at - timedelta(days=20)),
            "version": {"file": version, "product": version},
        }


def _guid(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest().upper()
    return (
        "{"
        + "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        + "}"
    )


def _cu_title(draft: Draft) -> str:
    cu = str((draft.exchange or {}).get("cu", ""))
    words = {"CU": "Cumulative Update ", "SP": "Service Pack "}
    number = words[cu[:2]] + cu[2:] if cu[:2] in words else cu
    title = f"Exchange Server {draft.product.title if draft.product else ''}"
    return f"{title} {number}".strip()


def _product_entry(draft: Draft) -> None:
    draft.values(
        f"{WINDOWS}\\Uninstall\\{_guid(_cu_title(draft))}",
        DisplayName=f"Microsoft {_cu_title(draft)}",
        DisplayVersion=base_build(draft),
        InstallDate=f"{draft.at - timedelta(days=90):%Y%m%d}",
        Publisher="Microsoft Corporation",
    )


def _runtimes(draft: Draft) -> None:
    """Entries of other software, one a view, so that a filter has something to leave out."""
    for root, name in (
        (WINDOWS, "Microsoft Visual C++ 2013 x64 Minimum Runtime - 12.0.40664"),
        (f"{SOFTWARE}\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion", "Microsoft Silverlight"),
    ):
        draft.values(f"{root}\\Uninstall\\{_guid(name)}", DisplayName=name, InstallDate="20201103")


def _update(draft: Draft, update: dict[str, Any]) -> None:
    """Add one installed update to the updates key, the Uninstall list, or both."""
    kb = str(update["kb"])
    kind = update.get("kind", "Security Update")
    name = str(update.get("name", f"{kind} for {_cu_title(draft)} ({kb})"))
    day = date.fromisoformat(str(update.get("date", draft.at.date() - timedelta(days=20))))
    # Rollups of Exchange 2010 stand with Windows Installer only.
    usual = ["installer-patch"] if draft.product and not draft.product.updates_key else _USUAL
    sources = update.get("sources", usual)
    updates_key = draft.product.updates_key if draft.product else None
    if "updates-key" in sources and updates_key:
        short = _SHORT_DATE[draft.spec.get("locale", "en-US")].format(day)
        draft.values(
            f"{MICROSOFT}\\Updates\\{updates_key}\\{kb}",
            PackageName=name,
            PackageVersion=draft.build,
            InstalledDate=short,
            InstalledBy="REHEARSAL\\administrator",
        )
    if "installer-patch" in sources:
        draft.values(
            f"{_PRODUCTS}\\{_packed(_cu_title(draft))}\\Patches\\{_packed(name)}",
            DisplayName=name,
            Installed=f"{day:%Y%m%d}",
            State=1,
        )
    view = "WOW6432Node\\" if update.get("view") == "32" else ""
    if "uninstall" in sources:
        root = f"{SOFTWARE}\\{view}Microsoft\\Windows\\CurrentVersion\\Uninstall"
        draft.values(
            f"{root}\\{_guid(_cu_title(draft))}.{kb}",
            DisplayName=name,
            InstallDate=f"{day:%Y%m%d}",
            Publisher="Microsoft Corporation",
            SystemComponent=0,
        )


def _packed(text: str) -> str:
    """A name such as Windows Installer gives its keys: 32 hexadecimal digits."""
    return re.sub("[{}-]", "", _guid(text))


def _dag(draft: Draft) -> None:
    name = str(draft.spec["dag"])
    draft.values("HKLM\\Cluster", ClusterName=name, ClusterInstanceID=_guid(name).lower()[1:-1])
    draft.values(f"{SERVICES}\\ClusSvc\\Parameters", ClusterName=name)
