#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Notes, before the URL Rewrite module is installed, that it was not there and which MSI and job will
#   bring it; so "installed by us" survives whatever happens to the controller. Refused with
#   ModulePresent when it is there and nothing was noted: then it is not ours. A record of an attempt
#   that brought nothing gives way.
# .RESULT
#   changed, record.
# .FAILS
#   RequestInvalid: ModulePresent. ScriptFailed: UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}\z')]
    [string]
    $ProductCode,

    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[0-9.]{1,40}\z')]
    [string]
    $Version,

    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[0-9a-f]{64}\z')]
    [string]
    $Sha256,

    # the job that will install it, and the run that orders it
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[a-z0-9][a-z0-9-]{0,63}\z')]
    [string]
    $Job,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 200)]
    [string]
    $Run,

    [ValidateCount(0, 100)]
    [string[]]
    $ProductCodes = @(),

    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 10)]
    [string[]]
    $Words,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$record = Read-ModuleRecord
$presence = Get-ModulePresence (@($ProductCodes) + $ProductCode) $Words
if (Test-ModulePresence $presence) {
    if (-not $record) {
        Stop-Operation 'RequestInvalid' 'ModulePresent' 'the URL Rewrite module is on this server and nothing was noted before: it is not ours to install or to remove' $presence
    }
    return [ordered]@{ changed = $false; record = $record }
}
$wanted = [ordered]@{
    product_code = $ProductCode
    version = $Version
    sha256 = $Sha256
    job = $Job
    run = $Run
}
$changed = -not $record
if ($record) {
    foreach ($name in $wanted.get_Keys()) {
        if (-not (Test-SameText $record[$name] $wanted[$name])) { $changed = $true }
    }
}
if ($changed) {
    $record = [ordered]@{ schema = 1; module = 'url-rewrite'; recorded = ConvertTo-IsoDate (Get-Date) }
    foreach ($name in $wanted.get_Keys()) { $record[$name] = $wanted[$name] }
    $record['before'] = $presence
    if (-not $Check) {
        $folder = Get-StateFolder 'modules' -Create
        Write-FileDurably (Join-Path $folder 'url-rewrite.json') (ConvertTo-SafeJson $record)
    }
}
[ordered]@{ changed = $changed; record = $record }
