# SPDX-License-Identifier: GPL-3.0-or-later
# Keyed operations: at most one effect per key.

function Assert-Key {
    param ($Key)
    if ($Key -isnot [string] -or $Key -cnotmatch '\A[0-9a-f]{64}\z') {
        Stop-Operation 'RequestInvalid' 'Key' "the key '$Key' is not 64 hex digits"
    }
}

function Read-StoredReply {
    # The stored reply as JSON text; null when there is none.
    param ([string]$Folder, [string]$Key)
    $text = Read-StateFile (Join-Path $Folder "$Key.json")
    if ($null -eq $text) {
        return $null
    }
    $readable = $false
    try {
        $stored = $text | ConvertFrom-Json
        $readable = $stored.key -eq $Key -and $text -match '\A[\x20-\x7e]+\z'
    } catch {
        $null = $_
    }
    if (-not $readable) {
        Stop-Operation 'ScriptFailed' 'StoredReplyUnreadable' "the stored reply of $Key is damaged; what the operation did is not known"
    }
    # The first match is the field itself: nothing before it holds text that varies.
    $text -replace '\A(\{"schema":1,"operation":"[\w-]+","status":"\w+","replayed":)false', '$1true'
}

function Read-StartedMarker {
    # Who started it; null when nobody did. "running": its process still exists.
    param ([string]$Folder, [string]$Key)
    $text = Read-StateFile (Join-Path $Folder "$Key.started")
    if ($null -eq $text) {
        return $null
    }
    $marker = [ordered]@{ started = $null; process_id = $null; running = $false }
    try {
        $stored = $text | ConvertFrom-Json
        $marker['started'] = ConvertTo-IsoDate $stored.started
        $marker['process_id'] = [int]$stored.process_id
        $process = Get-Process -Id $marker['process_id']
        $marker['running'] = (ConvertTo-IsoDate $process.StartTime) -eq (ConvertTo-IsoDate $stored.process_started)
    } catch {
        $null = $_
    }
    $marker
}

function Find-RunningOperation {
    # A change that another command is carrying out at this moment; null when there is none.
    $folder = Get-StateFolder 'operations'
    if (-not $folder) {
        return $null
    }
    $names = @(Get-ChildItem -LiteralPath $folder -Force | ForEach-Object { $_.Name })
    foreach ($name in $names) {
        $key = $name -replace '\.started\z'
        if ($key -eq $name -or $names -contains "$key.json") {
            continue
        }
        $marker = Read-StartedMarker $folder $key
        if ($marker -and $marker['running'] -and $marker['process_id'] -ne $PID) {
            return $marker
        }
    }
}

function Start-KeyedOperation {
    # Returns the stored reply, or null after it marked the key as started. Throws when it must not run.
    param ([string]$Folder, [string]$Key)
    $stored = Read-StoredReply $Folder $Key
    if ($stored) {
        return $stored
    }
    $marker = ConvertTo-SafeJson ([ordered]@{
            started = Get-Date
            process_id = $PID
            process_started = (Get-Process -Id $PID).StartTime
        })
    try {
        Write-FileDurably (Join-Path $Folder "$Key.started") $marker -New
    } catch {
        $earlier = Read-StartedMarker $Folder $Key
        if (-not $earlier) {
            throw
        }
        if ($earlier['running']) {
            Stop-Operation 'ScriptFailed' 'OperationRunning' "it runs since $($earlier['started']) in process $($earlier['process_id']); ask Get-OperationStatus for its end" $earlier
        }
        Stop-Operation 'ScriptFailed' 'OperationInterrupted' "it was started at $($earlier['started']) and its process is gone without a result; find out what it did, then use a new key" $earlier
    }
}

function Complete-KeyedOperation {
    # Stores the reply before it is sent; the marker stays, so no other command can slip in between.
    # What was refused changed nothing: it may be asked again with the same key.
    param ([string]$Folder, [string]$Key, $Reply)
    $refused = @('Locked', 'RequestInvalid')
    if ($Reply['status'] -eq 'error' -and $refused -contains $Reply['errors'][0]['class']) {
        [IO.File]::Delete((Resolve-NativePath (Join-Path $Folder "$Key.started")))
        return
    }
    Write-FileDurably (Join-Path $Folder "$Key.json") (ConvertTo-SafeJson $Reply) -New
}

function Invoke-KeyedOperation {
    # Runs a changing operation; returns the reply as JSON text. -Ahead: see Invoke-Operation.
    param ($Request, [scriptblock]$Ahead)
    Set-StrictMode -Version 2.0
    $ErrorActionPreference = 'Stop'
    $script:LockTicket = $Request.lock
    if ($null -eq $Request.key) {
        return ConvertTo-SafeJson (Invoke-Operation $Request $Ahead)
    }
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $script:PartErrors = New-Object Collections.ArrayList
    try {
        Assert-Key $Request.key
        $folder = Get-StateFolder 'operations' -Create
        $stored = Start-KeyedOperation $folder $Request.key
    } catch {
        $failure = ConvertTo-FailureEntry $_
        return ConvertTo-SafeJson (New-Reply $Request (Get-HostStamp) $null $failure $watch)
    }
    if ($stored) {
        return $stored
    }
    $reply = Invoke-Operation $Request $Ahead
    try {
        Complete-KeyedOperation $folder $Request.key $reply
    } catch {
        # It acted; the reply must go out although a repetition will not find it.
        Add-PartError 'operation.store' $_
    }
    ConvertTo-SafeJson $reply
}
