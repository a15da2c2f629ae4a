# SPDX-License-Identifier: GPL-3.0-or-later
"""The script text of a PSRP pipeline: commands, parameters and statements written out."""

from __future__ import annotations

from typing import Any


def script_text(pipeline: Any) -> str:
    """Return a psrpcore PowerShell pipeline as PowerShell source.

    A script stays as it is; a command gets its parameters; commands of one statement are
    joined by ``|``, statements by new lines.
    """
    statements: list[list[str]] = [[]]
    for command in pipeline.commands:
        statements[-1].append(_command(command))
        if command.end_of_statement:
            statements.append([])
    return "\n".join(" | ".join(parts) for parts in statements if parts)


def _command(command: Any) -> str:
    if command.is_script and not command.parameters:
        return str(command.command_text)
    words = [f"& {{ {command.command_text} }}" if command.is_script else str(command.command_text)]
    for name, value in command.parameters:
        if name:
            words.append(f"-{str(name).lstrip('-').rstrip(':')}")
        if value is not None or not name:
            words.append(_literal(value))
    return " ".join(words)


def _literal(value: Any) -> str:
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int | float):
        return str(value)
    # PowerShell takes the typographic single quotes for quotes as well.
    text = str(value)
    for quote in "'\u2018\u2019\u201a\u201b":
        text = text.replace(quote, quote * 2)
    return f"'{text}'"
