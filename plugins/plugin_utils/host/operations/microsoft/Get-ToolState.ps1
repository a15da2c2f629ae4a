#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   What a script of Microsoft left on the host, for a run by SYSTEM. Changes nothing.
# .RESULT
#   registry (key, exists, values: name, text), log (path, exists, size, from, encoding, data,
#   truncated: its end since a byte that the caller knows), downloads (names and sizes in its folder),
#   file (path, size, sha256).
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateSet('eomt', 'exchange_mitigations')]
    [string]
    $Tool,

    # bytes of the log that were there before
    [ValidateRange(0, 1099511627776)]
    [long]
    $LogFrom = 0,

    # the script, or nothing
    [ValidateLength(0, 1000)]
    [string]
    $File = ''
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

# SYSTEM takes this one; a session of WinRM would answer with its own.
$temp = Get-RegistryText 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment' 'TEMP'
if (-not $temp) {
    $temp = '%SystemRoot%\TEMP'
}
$names = @{ eomt = 'msert'; exchange_mitigations = 'IISUrlRewrite' }
$folder = Join-Path (Expand-Environment $temp) $names[$Tool]

$result = [ordered]@{
    tool = $Tool
    folder = $folder
    registry = $null
    log = $null
    downloads = $null
    file = $null
}
if ($Tool -eq 'eomt') {
    Add-Fact $result 'registry' { Get-PatchState }
    Add-Fact $result 'log' { Get-ToolLog (Join-Path $folder 'EOMT.log') $LogFrom }
}
Add-Fact $result 'downloads' -List { Get-ToolDownload $folder }
if ($File) {
    Add-Fact $result 'file' { Get-ToolFile $File }
}
$result
