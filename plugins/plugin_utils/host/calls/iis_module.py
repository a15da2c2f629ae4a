# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about the URL Rewrite module, checked: a reply is a claim of a host that may lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from ...base.errors import ReplySchemaError
from .asking import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..transport.reply import Reply
    from .asking import Asks, Changes

_MOST = 10_000
_LONGEST = 1000  # characters of a text; a path that is longer is none of ours


@dataclass(frozen=True, slots=True)
class InstalledProduct:
    """A product of Windows Installer that is the module."""

    code: str
    name: str | None
    version: str | None
    source: str | None  # the folder from which it was installed


@dataclass(frozen=True, slots=True)
class Noted:
    """What was written on the host before we installed it: it was not there."""

    product_code: str
    version: str
    sha256: str
    job: str
    run: str


@dataclass(frozen=True, slots=True)
class ModuleState:
    """The module on one host; ``None`` is what could not be read, ``problems`` says why."""

    iis: str | None = None  # version; None without problem: no IIS
    shared: bool = False  # IIS takes its configuration from elsewhere
    registered: bool | None = None
    registry_version: str | None = None
    library: bool | None = None
    library_version: str | None = None
    products: tuple[InstalledProduct, ...] = ()
    ucrt: str | None = None
    language: str | None = None
    uses: tuple[str, ...] | None = None  # files with a <rewrite> section
    exchange_needs_it: bool | None = None  # it has the service for emergency mitigations
    noted: Noted | None = None
    problems: tuple[tuple[str, str], ...] = field(default=())  # part, why it could not be read

    @property
    def present(self) -> bool | None:
        """Whether anything of it is there; ``None``: not known."""
        if self.registered is None or self.library is None:
            return None
        return self.registered or self.library or bool(self.products)

    def why(self, part: str) -> str:
        """Why a part could not be read."""
        return "; ".join(text for name, text in self.problems if name == part) or "no reason given"

    def shown(self) -> dict[str, Any]:
        """For plans, journals and people."""
        return {
            "present": self.present,
            "registered": self.registered,
            "library_version": self.library_version,
            "products": [{"code": one.code, "version": one.version} for one in self.products],
            "noted": self.noted.product_code if self.noted else None,
        }


def ask(host: Asks, words: Sequence[str], product_codes: Sequence[str] = ()) -> Reply:
    """Ask for the module: by the codes of its products, or by the words of their names."""
    asked = {"product_codes": list(product_codes), "words": list(words)}
    return host.ask("Get-RewriteModule", asked)


def products(host: Asks, words: Sequence[str]) -> list[Any]:
    """Return the rows of installed products whose names have the words; none that is unreadable."""
    presence = mapping(mapping(ask(host, words).result).get("presence"))
    listed = presence.get("products")
    return listed if isinstance(listed, list) else []


def save_record(host: Changes, parameters: Mapping[str, Any], step: str) -> bool:
    """Note on the host that the module is not there, and what will bring it; whether it was new."""
    return host.change("Save-RewriteRecord", dict(parameters), step).get("changed") is True


def remove_record(host: Changes, words: Sequence[str], step: str) -> bool:
    """Delete what was noted; whether there was anything."""
    answer = host.change("Remove-RewriteRecord", {"words": list(words)}, step)
    return answer.get("changed") is True


def read_module_state(reply: Reply) -> ModuleState:
    """Read an answer of Get-RewriteModule; raises ``ReplySchemaError``."""
    result = reply.result
    if not isinstance(result, dict):
        _refuse("result", result)
    web, presence = _table(result, "iis"), _table(result, "presence")
    library = _table(presence, "library") if presence is not None else None
    ucrt, noted = _table(result, "ucrt"), _table(result, "record")
    return ModuleState(
        iis=_text(web, "version") if web else None,
        shared=bool(web and web.get("shared")),
        registered=None if presence is None else _flag(presence, "registered"),
        registry_version=_text(presence, "registry_version") if presence else None,
        library=None if presence is None else library is not None,
        library_version=_text(library, "file_version") if library else None,
        products=tuple(_product(row) for row in _rows(presence or {}, "products")),
        ucrt=_text(ucrt, "file_version") if ucrt else None,
        language=_text(result, "language"),
        uses=_uses(result),
        exchange_needs_it=None
        if result.get("exchange_needs_it") is None
        else _flag(result, "exchange_needs_it"),
        noted=_noted(noted) if noted is not None else None,
        problems=tuple((error.source, error.message) for error in reply.errors),
    )


def _noted(row: Mapping[str, Any]) -> Noted:
    values = {name: row.get(name) for name in ("product_code", "version", "sha256", "job", "run")}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            _refuse(f"record.{name}", value)
    return Noted(**values)  # type: ignore[arg-type]  # each was just found to be text


def _product(row: Any) -> InstalledProduct:
    if not isinstance(row, dict) or not isinstance(row.get("product_code"), str):
        _refuse("products", row)
    code = row["product_code"].upper()
    return InstalledProduct(
        code, _text(row, "name"), _text(row, "version"), _text(row, "install_source")
    )


def _table(parent: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = parent.get(name)
    if value is not None and not isinstance(value, dict):
        _refuse(name, value)
    return value


def _rows(parent: Mapping[str, Any], name: str) -> list[Any]:
    value = parent.get(name, [])
    if not isinstance(value, list) or len(value) > _MOST:
        _refuse(name, value)
    return value


def _uses(result: Mapping[str, Any]) -> tuple[str, ...] | None:
    if result.get("uses") is None:
        return None
    rows = _rows(result, "uses")
    if not all(isinstance(row, str) for row in rows):
        _refuse("uses", rows)
    return tuple(row[:_LONGEST] for row in rows)


def _text(parent: Mapping[str, Any], name: str) -> str | None:
    value = parent.get(name)
    if value is not None and not isinstance(value, str):
        _refuse(name, value)
    return value[:_LONGEST] if value else None


def _flag(parent: Mapping[str, Any], name: str) -> bool:
    value = parent.get(name)
    if not isinstance(value, bool):
        _refuse(name, value)
    return value


def _refuse(name: str, value: object) -> NoReturn:
    raise ReplySchemaError(
        f"the host's answer about the URL Rewrite module has {name} {value!r:.100}"
    )
