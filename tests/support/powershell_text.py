# SPDX-License-Identifier: GPL-3.0-or-later
"""What PowerShell itself makes of a rendered text: its commands, and what it does to a fake machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FAKES = Path(__file__).parents[1] / "unit" / "render" / "fakes"
_PARSE = r"""
$all = foreach ($path in [IO.File]::ReadAllLines($args[0])) {
    $tokens = $null; $errors = $null
    $ast = [Management.Automation.Language.Parser]::ParseFile($path, [ref]$tokens, [ref]$errors)
    $commands = foreach ($one in $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)) {
        $parameters = $one.CommandElements | Where-Object { $_ -is [Management.Automation.Language.CommandParameterAst] }
        (@($one.GetCommandName()) + @($parameters | ForEach-Object { '-' + $_.ParameterName })) -join ' '
    }
    $calls = $ast.FindAll({ $args[0] -is [Management.Automation.Language.InvokeMemberExpressionAst] }, $true)
    @{ errors = @($errors | ForEach-Object Message); commands = @($commands); calls = @($calls).Count }
}
ConvertTo-Json -Depth 4 -InputObject @($all)
"""
_RUN = r"""
. $args[0]
foreach ($path in [IO.File]::ReadAllLines($args[1])) {
    $failure = ''
    try { $null = & { . $path } 2>&1 } catch { $failure = [string]$_ }
    $ErrorActionPreference = 'Continue'
    ConvertTo-Json -Depth 6 -Compress -InputObject @{ failure = $failure; state = State }
}
"""


def parsed(pwsh: str, folder: Path, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Of each text ``{"errors": [...], "commands": ["Get-VM -Id", ...], "calls": int}``."""
    found: list[dict[str, Any]] = json.loads(_script(pwsh, folder, _PARSE, [_list(folder, texts)]))
    assert len(found) == len(texts)
    return found


def done_to(pwsh: str, folder: Path, fake: str, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    """What a fake machine is like after each text, ``{"failure": str, "state": {...}}``."""
    names = [str(_FAKES / f"{fake}.ps1"), _list(folder, texts)]
    found = [json.loads(line) for line in _script(pwsh, folder, _RUN, names).splitlines()]
    assert len(found) == len(texts)
    return found


def _list(folder: Path, texts: Sequence[str]) -> str:
    paths = [folder / f"{number}.ps1" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    names = folder / "names.txt"
    names.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return str(names)


def _script(pwsh: str, folder: Path, script: str, arguments: list[str]) -> str:
    path = folder / "script.ps1"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [pwsh, "-NoProfile", "-NonInteractive", "-File", str(path), *arguments],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "POWERSHELL_TELEMETRY_OPTOUT": "1", "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
