# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsed server that gets the URL Rewrite module or loses it, on either engine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.delivery import (
    push,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.models import (
    IisModuleOutcome,
    IisModuleRuntime,
    IisModuleStatus,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.run import (
    ensure,
    remove,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.iis_module import (
    KEY,
    LIBRARY,
    install_effects,
    installer_rules,
    product_code,
    remove_effects,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import effects
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.iis_module_records import (
    ModuleRecord,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    Signature,
)
from mitigated_host import MitigatedHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transfer.order import (
        Delivered,
        Delivery,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
        ExecResult,
    )

KNOWN = load().module("url-rewrite")
UNINSTALL = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
MSI = "*msiexec.exe /i *rewrite_amd64_*"
SIGNATURE = Signature("CN=x", "CN=y", "a" * 64, "1", "b" * 64, "now", "SHA256")


def content(language: str) -> bytes:
    return f"the bytes of the MSI in {language}".encode()


def msi(language: str = "en-US", version: str = "7.2.1993") -> ModuleRecord:
    """The MSI of a language as the signed catalogue has it."""
    data = content(language)
    return ModuleRecord(
        hashlib.sha256(data).hexdigest(),
        len(data),
        f"rewrite_amd64_{language}.msi",
        "url-rewrite",
        "IIS URL Rewrite Module 2",
        version,
        product_code(language),
        "x64",
        language,
        SIGNATURE,
        ("ProductCode",),
        "2021-03-05T00:00:00Z",
    )


@dataclass
class ModuledHost(MitigatedHost):
    """Without the module unless ``spec`` says otherwise; ``behaviour`` is that of its installer."""

    folder: Path = Path()
    behaviour: list[dict[str, Any]] = field(default_factory=list)
    on_delivery: Callable[[], None] = lambda: None
    die_behind: str = ""  # the controller dies when the host has done this

    def __post_init__(self) -> None:
        self.spec = {"url_rewrite": None, **self.spec}
        super().__post_init__()
        self.installers(*self.behaviour)

    def installers(self, *behaviours: dict[str, Any], act: str = "") -> None:
        """The first launches behave so, each once but the last; behind them as usual."""
        usual = installer_rules(str(self.spec.get("locale", "en-US")))
        rules = [
            {"match": f"{MSI}{act}*", "times": 1, "behaviour": {"duration_seconds": 20, **one}}
            for one in behaviours
        ]
        self.world.data["programs"] = [*rules, *usual]

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        answer = super().execute(command, stdin)
        if json.loads(stdin)["operation"] == self.die_behind:
            self.die_behind = ""
            raise Killed
        return answer

    def tools(self, *modules: ModuleRecord, **changes: Any) -> IisModuleRuntime:
        def deliver(delivery: Delivery) -> Delivered:
            path = self.folder / delivery.package.file
            path.write_bytes(content(delivery.package.file[14:19]))
            delivered = push(delivery, path, clock=self.clock)
            self.on_delivery()
            return delivered

        return IisModuleRuntime(
            "ex01",
            KNOWN,
            modules or (msi(),),
            deliver,
            clock=self.clock,
            now=self.now,
            spread=lambda: 0.5,
            token=self.token,
            **changes,
        )

    def ensure(
        self, *modules: ModuleRecord, run: str = "run-1", **changes: Any
    ) -> IisModuleOutcome:
        return self.act(ensure, *modules, run=run, **changes)

    def take_off(
        self, *modules: ModuleRecord, run: str = "run-1", **changes: Any
    ) -> IisModuleOutcome:
        return self.act(remove, *modules, run=run, **changes)

    def act(self, do: Any, *modules: ModuleRecord, run: str, **changes: Any) -> IisModuleOutcome:
        """Under the lock, which is kept only where something may be at work."""
        session = self.session(run)
        if changes.get("check"):
            done: IisModuleOutcome = do(session, self.tools(*modules, **changes))
            return done
        session.lock("mitigate")
        done = do(session, self.tools(*modules, **changes))
        if done.status is not IisModuleStatus.UNKNOWN:
            session.unlock()
        return done

    @property
    def there(self) -> bool:
        """Whether all of the module is there; half of it is a failure of the test."""
        parts = {self.world.key(KEY) is not None, self.world.file(LIBRARY) is not None}
        assert len(parts) == 1
        return parts.pop()

    @property
    def source(self) -> str | None:
        """From where Windows Installer says that it was installed."""
        code = product_code("en-US")
        value: str | None = self.world.value(f"{UNINSTALL}\\{code}", "InstallSource")
        return value

    def somebody(self, source: str = "D:\\Tools\\") -> None:
        """Somebody else installs it by hand."""
        listed = [
            {**one, "value": source} if one.get("value") == "%SourceDir%" else one
            for one in install_effects("en-US")
        ]
        effects.apply(self.world, listed, by="somebody")


BRINGS = {"exit_code": 0, "effects": install_effects("en-US")}
TAKES = {"exit_code": 0, "effects": remove_effects("en-US")}
