#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   What an update may change (services, pools, applications, hashes of web.config, versions of files)
#   and what is at work (installers), with the record of the state before the first attempt. Changes
#   nothing.
# .RESULT
#   now, recorded (null: no record), begun (names of all updates with a record), lock (of the host,
#   null: free).
# .FAILS
#   RequestInvalid: ConfigurationUnreadable, Update. ScriptFailed: UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Update,

    [ValidateCount(0, 100)]
    [string[]]
    $Binaries = @()
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-UpdateName $Update
[ordered]@{ now = Get-UpdateState $Binaries; recorded = Read-UpdateRecord $Update; begun = @(Get-BegunUpdate); lock = Read-HostLock }
