#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   What became of keyed operations, for a controller that lost the connection. Changes nothing.
# .RESULT
#   per key state (unknown, started, finished), reply (as it was stored), started (who and when, and
#   whether that process still runs).
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 100)]
    [object[]]
    $Keys
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$folder = Get-StateFolder 'operations'
$states = [ordered]@{}
foreach ($key in $Keys) {
    Assert-Key $key
    $entry = [ordered]@{ state = 'unknown'; reply = $null; started = $null }
    if ($folder) {
        $entry['started'] = Read-StartedMarker $folder $key
        $reply = Read-StoredReply $folder $key
        if ($reply) {
            $entry['state'] = 'finished'
            $entry['reply'] = New-Object Text.StringBuilder($reply)
        } elseif ($entry['started']) {
            $entry['state'] = 'started'
        }
    }
    $states[$key] = $entry
}
$states
