# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a simulated host, by role and product.

Names after Microsoft's list of services that Exchange depends on; image paths are those of
a default installation below the install path.
"""

from __future__ import annotations

from .draft import SERVICES, START_CODES, Draft

# name, start, image below C:\Windows\System32
_WINDOWS = (
    ("Winmgmt", "auto", "svchost.exe -k netsvcs"),
    ("WinRM", "auto", "svchost.exe -k NetworkService"),
    ("EventLog", "auto", "svchost.exe -k LocalServiceNetworkRestricted"),
    ("RpcEptMapper", "auto", "svchost.exe -k RPCSS"),
    ("MpsSvc", "auto", "svchost.exe -k LocalServiceNoNetwork"),
    ("BITS", "manual", "svchost.exe -k netsvcs"),
    ("pla", "manual", "svchost.exe -k LocalServiceNoNetwork"),
    ("TrustedInstaller", "manual", "..\\servicing\\TrustedInstaller.exe"),
    ("msiserver", "manual", "msiexec.exe /V"),
)
_IIS = (
    ("W3SVC", "auto", "svchost.exe -k iissvcs"),
    ("WAS", "manual", "svchost.exe -k iissvcs"),
    ("IISADMIN", "auto", "inetsrv\\inetinfo.exe"),
    ("AppHostSvc", "auto", "svchost.exe -k apphost"),
)
# name, start, image below the install path's Bin folder
_TRANSPORT = (
    ("MSExchangeTransport", "auto", "MSExchangeTransport.exe"),
    ("MSExchangeTransportLogSearch", "auto", "MSExchangeTransportLogSearch.exe"),
    ("MSExchangeAntispamUpdate", "auto", "Microsoft.Exchange.AntispamUpdateSvc.exe"),
)
_COMMON_15 = (
    ("MSExchangeADTopology", "auto", "Microsoft.Exchange.Directory.TopologyService.exe"),
    ("MSExchangeDiagnostics", "auto", "Microsoft.Exchange.Diagnostics.Service.exe"),
    ("MSExchangeHM", "auto", "MSExchangeHMHost.exe"),
    ("MSExchangeServiceHost", "auto", "Microsoft.Exchange.ServiceHost.exe"),
)
_CLIENT_ACCESS = (
    ("MSExchangeFrontEndTransport", "auto", "MSExchangeFrontendTransport.exe"),
    ("MSExchangeIMAP4", "manual", "..\\FrontEnd\\PopImap\\Microsoft.Exchange.Imap4Service.exe"),
    ("MSExchangePOP3", "manual", "..\\FrontEnd\\PopImap\\Microsoft.Exchange.Pop3Service.exe"),
)
_MAILBOX = (
    ("MSExchangeDagMgmt", "auto", "MSExchangeDagMgmt.exe"),
    ("MSExchangeDelivery", "auto", "MSExchangeDelivery.exe"),
    ("MSExchangeEdgeSync", "auto", "Microsoft.Exchange.EdgeSyncSvc.exe"),
    ("MSExchangeFastSearch", "auto", "Microsoft.Exchange.Search.Service.exe"),
    (
        "MSExchangeIMAP4BE",
        "manual",
        "..\\ClientAccess\\PopImap\\Microsoft.Exchange.Imap4Service.exe",
    ),
    ("MSExchangeIS", "auto", "Microsoft.Exchange.Store.Service.exe"),
    ("MSExchangeMailboxAssistants", "auto", "MSExchangeMailboxAssistants.exe"),
    ("MSExchangeMailboxReplication", "auto", "MSExchangeMailboxReplication.exe"),
    ("MSExchangePOP3BE", "manual", "..\\ClientAccess\\PopImap\\Microsoft.Exchange.Pop3Service.exe"),
    ("MSExchangeRepl", "auto", "msexchangerepl.exe"),
    ("MSExchangeRPC", "auto", "Microsoft.Exchange.RpcClientAccess.Service.exe"),
    ("MSExchangeSubmission", "auto", "MSExchangeSubmission.exe"),
    ("MSExchangeThrottling", "auto", "MSExchangeThrottling.exe"),
    ("HostControllerService", "auto", "Search\\Ceres\\HostController\\hostcontrollerservice.exe"),
)
_UNIFIED_MESSAGING = (
    ("MSExchangeUM", "auto", "umservice.exe"),
    ("MSExchangeUMCR", "auto", "..\\FrontEnd\\CallRouter\\Microsoft.Exchange.UM.CallRouter.exe"),
)
_FROM_2016 = (
    ("MSExchangeHMRecovery", "auto", "MSExchangeHMRecovery.exe"),
    ("MSExchangeCompliance", "auto", "MSExchangeCompliance.exe"),
    ("MSComplianceAudit", "auto", "ComplianceAuditService.exe"),
    ("MSExchangeNotificationsBroker", "manual", "Microsoft.Exchange.Notifications.Broker.exe"),
)
_2010 = (
    ("MSExchangeADTopology", "auto", "MSExchangeADTopologyService.exe"),
    ("MSExchangeAB", "auto", "Microsoft.Exchange.AddressBook.Service.exe"),
    ("MSExchangeFBA", "auto", "exfba.exe"),
    ("MSExchangeFDS", "auto", "MSExchangeFDS.exe"),
    ("MSExchangeIS", "auto", "store.exe"),
    ("MSExchangeMailboxAssistants", "auto", "MSExchangeMailboxAssistants.exe"),
    ("MSExchangeMailSubmission", "auto", "MSExchangeMailSubmission.exe"),
    ("MSExchangeRepl", "auto", "msexchangerepl.exe"),
    ("MSExchangeRPC", "auto", "Microsoft.Exchange.RpcClientAccess.Service.exe"),
    ("MSExchangeSA", "auto", "mad.exe"),
    ("MSExchangeSearch", "auto", "Microsoft.Exchange.Search.ExSearch.exe"),
    ("MSExchangeServiceHost", "auto", "Microsoft.Exchange.ServiceHost.exe"),
    ("MSExchangeThrottling", "auto", "MSExchangeThrottling.exe"),
)
_EDGE = (
    ("ADAM_MSExchange", "auto", "dsamain.exe -sn:MSExchange"),
    ("MSExchangeEdgeCredential", "auto", "EdgeCredentialSvc.exe"),
    ("MSExchangeDiagnostics", "auto", "Microsoft.Exchange.Diagnostics.Service.exe"),
    ("MSExchangeHM", "auto", "MSExchangeHMHost.exe"),
    ("MSExchangeServiceHost", "auto", "Microsoft.Exchange.ServiceHost.exe"),
)
# The emergency mitigation service came with the September 2021 cumulative updates.
_MITIGATION = (("MSExchangeMitigation", "auto", "MSExchangeMitigation.exe"),)
_HAS_MITIGATION = {"Exchange2016": 2375, "Exchange2019": 986, "ExchangeSE": 0}

_Row = tuple[str, str, str]


def exchange_services(draft: Draft) -> tuple[_Row, ...]:
    """Return the Exchange services of this product, build and role."""
    if draft.exchange is None or draft.role == "ManagementTools":
        return ()
    product = draft.exchange["product"]
    if product == "Exchange2010":
        return _2010 + _TRANSPORT
    if draft.role == "Edge":
        return _EDGE + _TRANSPORT
    rows: tuple[_Row, ...] = _COMMON_15
    if draft.role != "MailboxOnly":
        rows += _CLIENT_ACCESS
    if draft.role != "ClientAccess":
        rows += _MAILBOX + _TRANSPORT
    if product in ("Exchange2013", "Exchange2016"):
        rows += _UNIFIED_MESSAGING
    if product != "Exchange2013":
        rows += _FROM_2016
    if int(draft.build.split(".")[2]) >= _HAS_MITIGATION.get(product, 1 << 30):
        rows += _MITIGATION
    return rows


def add_services(draft: Draft) -> None:
    """Register every service, then apply what the scenario says about some of them."""
    system = "%SystemRoot%\\System32\\"
    rows = _WINDOWS + (_IIS if draft.has_iis else ())
    for name, start, image in rows:
        status = "Running" if name == "WAS" else None
        draft.service(name, start, system + image, status=status)
    if draft.exchange is not None:
        folder = f"{draft.install_path}Bin\\"
        for name, start, image in exchange_services(draft):
            program, _, arguments = image.partition(" ")
            folder_image = _image(folder, program)
            draft.service(name, start, f'"{folder_image}"{" " + arguments if arguments else ""}')
    if draft.spec.get("dag"):
        draft.service("ClusSvc", "auto", "%SystemRoot%\\Cluster\\clussvc.exe")
    if draft.os.defender:
        draft.service("WinDefend", "auto", '"C:\\Program Files\\Windows Defender\\MsMpEng.exe"')
    for name in draft.spec.get("antimalware", []):
        draft.service(name, "auto", f'"C:\\Program Files\\{name}\\{name}.exe"')
    _exceptions(draft)


def _image(folder: str, program: str) -> str:
    if program.startswith("..\\"):
        return folder.removesuffix("Bin\\") + program.removeprefix("..\\")
    return folder + program


def _exceptions(draft: Draft) -> None:
    for name in draft.spec.get("services_disabled", []):
        set_start(draft, name, "disabled")
    for name in draft.spec.get("services_stopped", []):
        draft.services[name] = {**draft.services[name], "status": "Stopped"}
    for name, start in (draft.spec.get("service_start") or {}).items():
        draft.value(f"{SERVICES}\\{name}", "Start", START_CODES[start])


def set_start(draft: Draft, name: str, start: str) -> None:
    """Give a service another start type; a disabled one is stopped as well."""
    draft.value(f"{SERVICES}\\{name}", "Start", START_CODES[start])
    if start == "disabled":
        draft.services[name] = {**draft.services[name], "status": "Stopped"}
