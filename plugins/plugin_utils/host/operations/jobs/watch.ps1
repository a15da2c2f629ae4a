# SPDX-License-Identifier: GPL-3.0-or-later
# The runner's watch over the program: output, heartbeat, progress, deadline.

function Watch-JobProcess {
    # Returns when the program has ended, however long that takes: an installer is never ended by us.
    param ([string]$Folder, $Job, $State, $Process)
    $log = [IO.File]::Open((Resolve-NativePath (Join-Path $Folder 'output.log')), 'Append', 'Write', 'ReadWrite, Delete')
    try {
        $pumps = foreach ($reader in $Process.StandardOutput, $Process.StandardError) {
            @{ stream = $reader.BaseStream; buffer = New-Object byte[] 16384; pending = $null; ended = $false }
        }
        $State['progress'] = ConvertTo-IsoDate (Get-Date)
        $mark = ''
        $wait = 100
        Write-JobState $Folder $State
        while (-not $Process.WaitForExit($wait)) {
            # Short waits only while it talks: a full pipe stops the program.
            $wait = [Math]::Min(15000, $wait * 2)
            if ((Receive-JobOutput $pumps $log $Job $State) -gt 0) {
                $wait = 20
            }
            $mark = Update-JobState $Folder $Job $State $Process $mark
        }
        $State['finished'] = ConvertTo-IsoDate (Get-Date)
        # A child that inherited the pipe may keep it open; what arrives within two seconds is taken.
        for ($try = 1; $try -le 20 -and (Receive-JobOutput $pumps $log $Job $State) -ge 0; $try++) {
            $open = @($pumps | Where-Object { -not $_.ended })
            if ($open.Count -eq 0) {
                break
            }
            [void]$open[0].pending.AsyncWaitHandle.WaitOne(100)
        }
        $log.Flush($true)
    } finally {
        $log.Dispose()
    }
}

function Update-JobState {
    # Notes progress, the lack of it and the deadline; writes state.json every 15 seconds and on a change.
    # Returns the new mark of progress.
    param ([string]$Folder, $Job, $State, $Process, [string]$Mark)
    $culture = [Globalization.CultureInfo]::InvariantCulture
    $style = [Globalization.DateTimeStyles]::RoundtripKind
    $now = (Get-Date).ToUniversalTime()
    $before = $State['state']
    $new = Get-ProgressMark $Job $State $Process
    if (-not (Test-SameText $new $Mark)) {
        $State['progress'] = ConvertTo-IsoDate $now
    }
    $silent = ($now - [datetime]::Parse($State['progress'], $culture, $style).ToUniversalTime()).TotalSeconds
    $State['state'] = 'running'
    if ($silent -ge $Job.progress_timeout_seconds) {
        $State['state'] = 'stalled'
        $State['was_stalled'] = $true
    }
    if ((ConvertTo-IsoDate $now) -ge (ConvertTo-IsoDate $Job.deadline_utc)) {
        $State['state'] = 'deadline'
        $State['was_late'] = $true
    }
    $age = ($now - [datetime]::Parse($State['heartbeat'], $culture, $style).ToUniversalTime()).TotalSeconds
    # A clock that was set back must not silence the heartbeat.
    if ($age -ge 15 -or $age -lt 0 -or $State['state'] -ne $before) {
        try {
            Write-JobState $Folder $State
        } catch {
            # A full disk must not end the watch.
            $State['missed_writes'] = $State['missed_writes'] + 1
        }
    }
    $new
}

function Receive-JobOutput {
    # Takes what the program printed; keeps it up to the cap, counts all of it. Returns the new bytes.
    param ($Pumps, $Log, $Job, $State)
    $new = 0
    foreach ($pump in $Pumps) {
        while (-not $pump.ended) {
            if (-not $pump.pending) {
                $pump.pending = $pump.stream.BeginRead($pump.buffer, 0, $pump.buffer.Length, $null, $null)
            }
            if (-not $pump.pending.IsCompleted) {
                break
            }
            $count = $pump.stream.EndRead($pump.pending)
            $pump.pending = $null
            $pump.ended = $count -eq 0
            $new += $count
            $room = [Math]::Max(0, $Job.output_cap_bytes - $State['output_bytes'])
            $Log.Write($pump.buffer, 0, [Math]::Min($count, $room))
            $State['output_bytes'] = $State['output_bytes'] + $count
        }
    }
    $Log.Flush()
    $new
}

function Get-ProgressMark {
    # A text that changes while work is done: output, growth of the named paths, processor time of the
    # program and of the installers of Windows.
    param ($Job, $State, $Process)
    $parts = @([string]$State['output_bytes'])
    foreach ($path in @($Job.progress_paths)) {
        $parts += Get-PathSize $path
    }
    $names = @('msiexec', 'ExSetup', 'ExSetupUI', 'Setup', 'TiWorker', 'mscorsvw')
    $workers = @(Get-Process -Name $names -ErrorAction SilentlyContinue) + $Process
    foreach ($worker in $workers) {
        try {
            $parts += [string][Math]::Floor($worker.TotalProcessorTime.TotalSeconds)
        } catch {
            $parts += 'gone'
        }
    }
    $parts -join ';'
}

function Get-PathSize {
    # Bytes of a file, or bytes and number of the files directly in a folder; a missing one is "-".
    param ([string]$Path)
    try {
        $items = @(Get-Item -LiteralPath $Path -Force)
        if ($items[0].PSIsContainer) {
            $items = @(Get-ChildItem -LiteralPath $Path -Force | Where-Object { -not $_.PSIsContainer } | Select-Object -First 2000)
        }
        $bytes = 0
        foreach ($item in $items) {
            $bytes += $item.Length
        }
        "$($items.Count):$bytes"
    } catch {
        '-'
    }
}

function Write-JobState {
    param ([string]$Folder, $State)
    $State['heartbeat'] = ConvertTo-IsoDate (Get-Date)
    Write-FileDurably (Join-Path $Folder 'state.json') (ConvertTo-SafeJson $State)
}

function Complete-Job {
    # The last word: kept trying for ten minutes (a full disk), then the task goes.
    param ([string]$Folder, $Job, $State)
    for ($try = 1; $try -le 120; $try++) {
        try {
            Write-JobState $Folder $State
            break
        } catch {
            $State['missed_writes'] = $State['missed_writes'] + 1
            Start-Sleep -Seconds 5
        }
    }
    [void](Unregister-JobTask $Job.job)
}
