# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a package catalogue as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalogue import PackageCatalogue
    from .iis_module_records import ModuleRecord
    from .records import PackageRecord, Signature
    from .tool_records import ToolRecord


def package_lines(package: PackageRecord) -> list[str]:
    """Return what a package is, from which builds, and what proves it."""
    before = [str(build) for build in package.applies_to]
    shown = ", ".join(before) if len(before) <= 6 else f"{before[0]} to {before[-1]}"  # noqa: PLR2004 - fits a line
    signature = package.signature
    signed = _signed(signature) if signature else "no (an image)"
    lines = [
        f"{package.file}: {package.product} {package.cu} {package.kb or ''} -> {package.build}",
        f"  from       {shown}",
        f"  sha256     {package.sha256} ({package.size} bytes)",
        f"  signed by  {signed}",
    ]
    if package.content:
        lines.append(f"  content    {package.content.described}")
        lines.append(f"  proven     {', '.join(package.content.proven) or 'nothing'}")
    lines += [f"  evidence   {line}" for line in package.evidence]
    if package.refusal:
        return [*lines, f"  refused    {package.refusal}"]
    if package.vouched:
        return [*lines, f"  vouched    {package.vouched}"]
    return lines + ([f"  reason     {package.reason}"] if package.reason else [])


def module_lines(module: ModuleRecord) -> list[str]:
    """Return what a module is and what proves it."""
    title = f"{module.product_name} {module.version} {module.architecture} {module.language}"
    return [
        f"{module.file}: {title}",
        f"  product    {module.product_code}",
        f"  sha256     {module.sha256} ({module.size} bytes)",
        f"  signed by  {_signed(module.signature)}",
        *(f"  evidence   {line}" for line in module.evidence),
    ]


def tool_lines(tool: ToolRecord, days: int | None) -> list[str]:
    """Return what a detection tool's file is, what proves it, and until when it is good.

    ``days``: how old a file of the tool may be.
    """
    signed = _signed(tool.signature) if tool.signature else "not judged (a script)"
    expires = tool.expires(days)
    lines = [
        f"{tool.file}: {tool.tool} {tool.version}",
        f"  sha256     {tool.sha256} ({tool.size} bytes)",
        f"  signed by  {signed}",
        f"  pinned by  {tool.pinned_by}",
        *(f"  evidence   {line}" for line in tool.evidence),
    ]
    if expires:
        lines.append(f"  expires    {expires:%Y-%m-%d %H:%M} UTC")
    return lines + ([f"  reason     {tool.reason} ({tool.reason_by})"] if tool.reason else [])


def _signed(signature: Signature) -> str:
    tool = f" (checked with {signature.tool})" if signature.tool else ""
    return f"{signature.subject}, {signature.timestamp}{tool}"


def counts(catalogue: PackageCatalogue) -> str:
    """Return how much is in a catalogue."""
    modules = f", {len(catalogue.modules)} modules" if catalogue.modules else ""
    tools = f", {len(catalogue.tools)} tools" if catalogue.tools else ""
    return f"{len(catalogue.packages)} packages{modules}{tools}"


def validity(catalogue: PackageCatalogue) -> str:
    """Return version and expiry of a catalogue."""
    expires = f"{catalogue.expires:%Y-%m-%d %H:%M}"
    return f"catalogue version {catalogue.version}, expires {expires} UTC"
