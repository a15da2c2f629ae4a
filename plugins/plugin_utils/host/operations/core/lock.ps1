# SPDX-License-Identifier: GPL-3.0-or-later
# The host lock: one mutator per host across controllers.

function Use-LockGuard {
    # Runs the block while no other command can read and change the lock. The handle is exclusive and
    # closes with the process, so a crash leaves nothing behind.
    param ([scriptblock]$GuardedAction)
    $guard = Resolve-NativePath (Join-Path (Get-StateFolder -Create) 'host.lock.guard')
    $stream = $null
    for ($try = 1; -not $stream; $try++) {
        try {
            $stream = [IO.File]::Open($guard, 'OpenOrCreate', 'ReadWrite', 'None')
        } catch {
            if ($try -ge 50) {
                Stop-Operation 'ScriptFailed' 'LockBusy' "the lock's guard file $guard cannot be opened for 5 s: $($_.Exception.Message)"
            }
            Start-Sleep -Milliseconds 100
        }
    }
    try {
        & $GuardedAction
    } finally {
        $stream.Dispose()
    }
}

function Read-HostLock {
    # The lock as it stands; null when the host is free. A damaged file is a lock held by nobody known.
    $folder = Get-StateFolder
    if (-not $folder) {
        return $null
    }
    $path = Join-Path $folder 'host.lock'
    $text = Read-StateFile $path
    if ($null -eq $text) {
        return $null
    }
    $lock = [ordered]@{}
    try {
        $stored = $text | ConvertFrom-Json
        foreach ($name in 'owner', 'run', 'purpose', 'boot_id') {
            $lock[$name] = $stored.$name
        }
        foreach ($name in 'acquired', 'renewed') {
            $lock[$name] = ConvertTo-IsoDate $stored.$name
        }
        $lock['ttl_seconds'] = [int]$stored.ttl_seconds
        foreach ($name in 'controller', 'takeover', 'life', 'token') {
            # Locks of older versions have none of them.
            $member = $stored.PSObject.Properties[$name]
            $lock[$name] = if ($member) { $member.Value }
        }
        $lock['token'] = [long]$lock['token']
    } catch {
        $lock = New-UnreadableLock $path
    }
    $lock
}

function New-UnreadableLock {
    param ([string]$Path)
    $written = ConvertTo-IsoDate ([IO.File]::GetLastWriteTimeUtc((Resolve-NativePath $Path)))
    [ordered]@{
        owner = $null
        run = $null
        purpose = 'unreadable lock file'
        boot_id = $null
        acquired = $written
        renewed = $written
        ttl_seconds = 3600
        controller = $null
        takeover = $null
        life = $null
        token = [long]0
    }
}

function Write-HostLock {
    param ($Lock, [switch]$New)
    Write-FileDurably (Join-Path (Get-StateFolder -Create) 'host.lock') (ConvertTo-SafeJson $Lock) -New:$New
}

function Read-LockHistory {
    # The last acquisition (token, life, owner, run, acquired), also after the lock was given back;
    # null when none is known. What is damaged is not known: the clock makes the next token then.
    $folder = Get-StateFolder
    if (-not $folder) {
        return $null
    }
    $text = Read-StateFile (Join-Path $folder 'host.lock.last')
    if ($null -eq $text) {
        return $null
    }
    $last = [ordered]@{}
    try {
        $stored = $text | ConvertFrom-Json
        $last['token'] = [long]$stored.token
        foreach ($name in 'life', 'owner', 'run') {
            $last[$name] = $stored.$name
        }
        $last['acquired'] = ConvertTo-IsoDate $stored.acquired
    } catch {
        return $null
    }
    $last
}

function New-LockToken {
    # A number above each that was ever given: above those that are known, and never below the seconds
    # of the clock, so that it grows even where both files were deleted.
    param ($Lock)
    $seconds = [long][Math]::Floor(((Get-Date).ToUniversalTime() - [datetime]'1970-01-01').TotalSeconds)
    $known = [long]0
    foreach ($one in @($Lock, (Read-LockHistory))) {
        if ($one) {
            $known = [Math]::Max($known, [long]$one['token'])
        }
    }
    [Math]::Max($known + 1, $seconds)
}

function Write-LockHistory {
    # Ahead of the lock: a token that was noted and never given does no harm, the other way round would.
    param ($Lock)
    $last = [ordered]@{}
    foreach ($name in 'token', 'life', 'owner', 'run', 'acquired') {
        $last[$name] = $Lock[$name]
    }
    Write-FileDurably (Join-Path (Get-StateFolder -Create) 'host.lock.last') (ConvertTo-SafeJson $last)
}

function Test-OtherBoot {
    # Two boot identities are of different boots when a part that both have differs.
    param ($One, $Two)
    $parts = @{}
    foreach ($part in ([string]$One) -split ';') {
        $parts[($part -split ':')[0]] = $part
    }
    foreach ($part in ([string]$Two) -split ';') {
        $name = ($part -split ':')[0]
        if ($part -and $parts.ContainsKey($name) -and $parts[$name] -ne $part) {
            return $true
        }
    }
    $false
}

function Test-InstallerRunning {
    # Setup.exe and the update's own .exe unpack and then call msiexec or ExSetup; any of them counts.
    $names = @('msiexec', 'ExSetup', 'ExSetupUI', 'Setup', 'Exchange*-KB*')
    @(Get-Process -Name $names -ErrorAction SilentlyContinue).Count -gt 0
}

function Get-LockSilence {
    # Seconds since the last heartbeat.
    param ($Lock)
    $renewed = [datetime]::Parse($Lock['renewed'], [Globalization.CultureInfo]::InvariantCulture, [Globalization.DateTimeStyles]::RoundtripKind)
    ((Get-Date).ToUniversalTime() - $renewed.ToUniversalTime()).TotalSeconds
}

function Get-StaleReason {
    # Proof that the holder is dead: "boot", or "heartbeat" while no installer runs. Null: it lives.
    param ($Lock)
    if (Test-OtherBoot $Lock['boot_id'] (Get-BootId)) {
        return 'boot'
    }
    if ((Get-LockSilence $Lock) -gt $Lock['ttl_seconds'] -and -not (Test-InstallerRunning)) {
        return 'heartbeat'
    }
}

function Test-SameRun {
    # Is the lock of this owner and run, whichever life of the run took it?
    param ($Lock, [string]$Owner, [string]$Run)
    $Lock -and (Test-SameText $Lock['owner'] $Owner) -and (Test-SameText $Lock['run'] $Run)
}

function Stop-Locked {
    param ($Lock)
    $message = "locked by '{0}' (run {1}) since {2}, last heartbeat {3}, for: {4}" -f $Lock['owner'], $Lock['run'], $Lock['acquired'], $Lock['renewed'], $Lock['purpose']
    Stop-Operation 'Locked' 'HostLocked' $message $Lock
}
