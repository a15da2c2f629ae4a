#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Who holds the host lock. Changes nothing.
# .RESULT
#   state (free, held, stale), reason (boot, heartbeat or null), lock, installer_running.
[CmdletBinding()]
param ()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$lock = Read-HostLock
$state = 'free'
$reason = $null
if ($lock) {
    $state = 'held'
    $reason = Get-StaleReason $lock
    if ($reason) {
        $state = 'stale'
    }
}
[ordered]@{
    state = $state
    reason = $reason
    lock = $lock
    installer_running = Test-InstallerRunning
}
