# SPDX-License-Identifier: GPL-3.0-or-later
# What Start-HostJob puts on the host.

function Assert-JobOrder {
    param ($Order)
    if ($Order['sha256'] -cnotmatch '\A[0-9a-f]{64}\z') {
        Stop-Operation 'RequestInvalid' 'Sha256' "'$($Order['sha256'])' is not a SHA-256"
    }
    if ($Order['file'] -notmatch '\A[a-z]:\\[^"*?<>|]+\.(exe|iso|msi|msp|ps1)\z' -or $Order['file'] -match '\\\.\.\\|[\x00-\x1f]') {
        Stop-Operation 'RequestInvalid' 'File' "'$($Order['file'])' is not the full path of an .exe, .iso, .msi, .msp or .ps1 on a drive of the host"
    }
    if ($Order['deadline_utc'] -cnotmatch '\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z\z') {
        Stop-Operation 'RequestInvalid' 'DeadlineUtc' "'$($Order['deadline_utc'])' is not a UTC time (2021-03-05T10:00:00Z)"
    }
    $Order['deadline_utc'] = ConvertTo-IsoDate $Order['deadline_utc']
    if ($Order['kind'] -eq 'proxylogon-objects' -and ($Order['file'] -notmatch '\.ps1\z' -or $Order['arguments'].Count)) {
        Stop-Operation 'RequestInvalid' 'Kind' "a job of the kind '$($Order['kind'])' is a .ps1 and takes no arguments"
    }
}

function Add-JobOutput {
    # The folder that a program is told to write to, and the launcher that tells it.
    param ($Order, [string]$Folder)
    $objects = $Order['kind'] -eq 'proxylogon-objects'
    if (-not $objects -and -not (@($Order['arguments']) -clike '*{output}*')) {
        return
    }
    # It takes the access rights of the job's folder.
    [void][IO.Directory]::CreateDirectory((Resolve-NativePath (Join-Path $Folder 'output')))
    if ($objects) {
        Write-FileDurably (Join-Path $Folder 'launch.ps1') (Get-LauncherText $Folder $Order['file'])
    }
}

function Get-KnownJob {
    # The state of the job of this name, null when there is none; refused when it has another order.
    param ($Order)
    $folder = Get-JobFolder $Order['job']
    if (-not $folder) {
        return $null
    }
    $known = Read-JobFile $folder 'job.json'
    $view = Get-JobView $folder
    if (-not $known -or -not $view) {
        # A start that was cut off before anything could run.
        return $null
    }
    foreach ($name in @($Order.Keys)) {
        # A job of an earlier release has fewer members; what it lacks was off.
        $stored = $false
        if ($known.PSObject.Properties[$name]) {
            $stored = $known.$name
        }
        if ($stored -is [datetime]) {
            $stored = ConvertTo-IsoDate $stored
        }
        if (-not (Test-SameText (ConvertTo-SafeJson $stored) (ConvertTo-SafeJson $Order[$name]))) {
            Stop-Operation 'RequestInvalid' 'JobConflict' "job '$($Order['job'])' exists with another $name; use another name, or remove it first"
        }
    }
    $view
}

function New-JobState {
    # What a job has before its program runs.
    param ($Order)
    [ordered]@{
        schema = 1
        job = $Order['job']
        state = 'staged'
        reason = $null
        message = $null
        boot_id = Get-BootId
        attempt = 0
        started = $null
        heartbeat = $null
        progress = $null
        finished = $null
        exit_code = $null
        pid = $null
        program_started = $null
        runner_pid = $null
        runner_started = $null
        image = $null
        output_bytes = 0
        sha256_at_launch = $null
        was_stalled = $false
        was_late = $false
        missed_writes = 0
        relaunch_after_reboot = $Order['relaunch_after_reboot']
    }
}

function Start-StagedJob {
    # The files in the order in which they are needed, state.json last: with it the job exists.
    param ($Order, $Before)
    $folder = Get-JobFolder $Order['job'] -Create
    $record = [ordered]@{}
    foreach ($name in @($Order.Keys)) {
        $record[$name] = $Order[$name]
    }
    $record['owner'] = $script:HeldLock['owner']
    $record['created'] = ConvertTo-IsoDate (Get-Date)
    if (-not $Before) {
        Add-JobOutput $Order $folder
        Write-FileDurably (Join-Path $folder 'runner.ps1') (Get-RunnerText $folder)
        Write-FileDurably (Join-Path $folder 'job.json') (ConvertTo-SafeJson $record)
        Write-JobState $folder (New-JobState $Order)
    }
    # What this call put there goes again when nothing can run: a restart must not start it.
    try {
        Register-JobTask $Order['job'] $folder
    } catch {
        if (-not $Before) {
            Remove-JobFolder $folder
        }
        throw
    }
    try {
        Start-JobTask $Order['job']
    } catch {
        if (-not $Before -and (Unregister-JobTask $Order['job'])) {
            Remove-JobFolder $folder
        }
        throw
    }
    Get-JobView $folder
}
