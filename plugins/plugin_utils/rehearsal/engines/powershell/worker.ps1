# SPDX-License-Identifier: GPL-3.0-or-later
<#
.SYNOPSIS
    A worker of the rehearsal's PowerShell engine: compiles the shims, then answers requests.
.DESCRIPTION
    Started by engine.py, never by hand. Requests and answers are frames on stdin and stdout; the
    end of stdin ends the worker.
#>
param (
    # Where the compiled shims are, or go.
    [Parameter(Mandatory = $true)]
    [string]
    $Cache,

    # Compile and end; a worker never compiles itself, it would keep the compiler in memory.
    [switch]
    $CompileOnly,

    # The process that started this one; when it is gone, so is the worker.
    [int]
    $ParentId
)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# No [IO.File] and the like in here: the engine remembers what a type name means, and the shims come later.
$assembly = Join-Path -Path $Cache -ChildPath 'shims.dll'
if ($CompileOnly) {
    $usings = @{}
    $body = New-Object -TypeName Text.StringBuilder
    foreach ($file in Get-ChildItem -Path (Join-Path -Path $PSScriptRoot -ChildPath 'shims/*.cs')) {
        # One compilation unit: using clauses first, then each file under its own name and line numbers.
        [void]$body.AppendLine("#line 1 `"$($file.Name)`"")
        foreach ($line in Get-Content -LiteralPath $file.FullName) {
            $isUsing = $line -cmatch '^using [\w.]+;$'
            if ($isUsing) { $usings[$line] = $true }
            [void]$body.AppendLine($(if ($isUsing) { '' } else { $line }))
        }
    }
    $source = (@($usings.Keys) -join "`n") + "`n" + $body.ToString()
    $fresh = Join-Path -Path $Cache -ChildPath "shims-$PID.dll"
    Add-Type -TypeDefinition $source -OutputAssembly $fresh -IgnoreWarnings -WarningAction SilentlyContinue
    Move-Item -LiteralPath $fresh -Destination $assembly -Force
    exit 0
}
Add-Type -Path $assembly
Import-Module -Name Microsoft.PowerShell.Management, Microsoft.PowerShell.Security, Microsoft.PowerShell.Utility
$commands = [Management.Automation.CmdletInfo[]]@(Get-Command -CommandType Cmdlet | Where-Object { $_.ImplementingType })
[Rehearsal.SessionStates]::Prepare($commands, (Join-Path -Path $PSScriptRoot -ChildPath 'commands.json'))
[Rehearsal.Worker]::Run($ParentId)
