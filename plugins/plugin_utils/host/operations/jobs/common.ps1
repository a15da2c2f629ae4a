# SPDX-License-Identifier: GPL-3.0-or-later
# Host jobs: their folder, their files, and what their state means now.

function Assert-JobName {
    # The name becomes part of a folder, of a task and of a script text.
    param ([string]$Job)
    if ($Job -cnotmatch '\A[a-z0-9][a-z0-9-]{0,63}\z') {
        Stop-Operation 'RequestInvalid' 'Job' "the job's name '$Job' is not of a-z, 0-9 and -, 64 at most"
    }
}

function Get-JobFolder {
    # Null when it does not exist and -Create is not given.
    param ([string]$Job, [switch]$Create)
    Get-StateFolder 'jobs', $Job -Create:$Create
}

function Read-JobFile {
    # job.json or state.json as it was written; null when it does not exist.
    param ([string]$Folder, [string]$Name)
    $text = Read-StateFile (Join-Path $Folder $Name)
    if ($null -eq $text) {
        return $null
    }
    try {
        $found = $text | ConvertFrom-Json
        $null = $found.job
        $found
    } catch {
        Stop-Operation 'ScriptFailed' 'JobDamaged' "$Name in $Folder is damaged; what the job did is not known. Keep the folder as evidence"
    }
}

function Read-JobState {
    # state.json with its members in order and dates as text; null when there is none.
    param ([string]$Folder)
    $stored = Read-JobFile $Folder 'state.json'
    if (-not $stored) {
        return $null
    }
    $state = [ordered]@{}
    foreach ($member in $stored.PSObject.Properties) {
        $state[$member.Name] = $member.Value
        if ($member.Value -is [datetime]) {
            $state[$member.Name] = ConvertTo-IsoDate $member.Value
        }
    }
    $state
}

function Test-SameProcess {
    # Is this process still the one that was noted? A start that may not be read counts as the same.
    param ($Id, $Started)
    if (-not $Id) {
        return $false
    }
    try {
        $process = Get-Process -Id $Id
    } catch {
        return $false
    }
    try {
        (ConvertTo-IsoDate $process.StartTime) -eq (ConvertTo-IsoDate $Started)
    } catch {
        $true
    }
}

function Get-JobView {
    # The state as it is now: a runner that is gone cannot say so itself.
    param ([string]$Folder)
    $view = Read-JobState $Folder
    if (-not $view) {
        return $null
    }
    $view['program_running'] = $false
    if (@('running', 'stalled', 'deadline') -notcontains $view['state']) {
        return $view
    }
    if (Test-OtherBoot $view['boot_id'] (Get-BootId)) {
        if ($view['relaunch_after_reboot']) {
            $view['reason'] = 'awaiting-relaunch'
        } else {
            $view['state'] = 'interrupted'
            $view['reason'] = 'reboot'
        }
        return $view
    }
    $view['program_running'] = Test-SameProcess $view['pid'] $view['program_started']
    if (-not (Test-SameProcess $view['runner_pid'] $view['runner_started'])) {
        $view['state'] = 'interrupted'
        $view['reason'] = 'runner'
    }
    $view
}

function Test-JobActive {
    # Is something of this job at work, or about to be?
    param ($View)
    if (-not $View) {
        return $false
    }
    $View['program_running'] -or @('staged', 'running', 'stalled', 'deadline') -contains $View['state']
}

function Assert-NoActiveJob {
    # One job at a time on a host, whoever holds the lock: an installer outlives its controller.
    param ([string]$Except)
    $parent = Get-StateFolder 'jobs'
    if (-not $parent) {
        return
    }
    foreach ($item in @(Get-ChildItem -LiteralPath $parent -Force)) {
        if ($item.Name -eq $Except -or -not $item.PSIsContainer -or $item.Name -cnotmatch '\A[a-z0-9][a-z0-9-]{0,63}\z') {
            continue
        }
        $folder = Get-JobFolder $item.Name
        $view = Get-JobView $folder
        if (Test-JobActive $view) {
            $job = Read-JobFile $folder 'job.json'
            $message = "locked by job '{0}' of '{1}' since {2}, state {3}, for: {4}" -f $item.Name, $job.owner, (ConvertTo-IsoDate $job.created), $view['state'], (Split-Path $job.file -Leaf)
            $details = [ordered]@{
                owner = $job.owner
                run = $null
                purpose = "job $($item.Name)"
                acquired = ConvertTo-IsoDate $job.created
                renewed = $view['heartbeat']
            }
            Stop-Operation 'Locked' 'JobActive' $message $details
        }
    }
}

function Assert-Idle {
    # Nothing is at work that a restart would cut off, or that would still change the server.
    Assert-NoActiveJob
    if (Test-InstallerRunning) {
        Stop-Operation 'Locked' 'InstallerRunning' 'an installer is at work; it is not interrupted. Wait for it'
    }
}
