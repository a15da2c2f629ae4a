# SPDX-License-Identifier: GPL-3.0-or-later
# The runner: these functions are written into the job's folder and run there by the task, in a
# process of their own. It starts the program at most once and watches it; it never ends it.

function Get-RunnerText {
    # The runner as a script of its own: Start-JobRunner with every function that it needs.
    param ([string]$Folder)
    # The loader puts the names in.
    $text = Join-FunctionText '<functions of Start-JobRunner>'
    "${text}Start-JobRunner '$($Folder.Replace("'", "''"))'`n"
}

function Join-FunctionText {
    # The functions of these names as the text of a script that carries them itself.
    param ([string]$Names)
    $text = New-Object Text.StringBuilder
    foreach ($name in $Names -split ' ') {
        $body = (Get-Command -Name $name -CommandType Function).Definition
        [void]$text.Append("function $name {`n").Append($body).Append("`n}`n")
    }
    $text.ToString()
}

function Start-JobRunner {
    param ([string]$Folder)
    Set-StrictMode -Version 2.0
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $script:PartErrors = New-Object Collections.ArrayList
    try {
        $guard = [IO.File]::Open((Resolve-NativePath (Join-Path $Folder 'runner.lock')), 'OpenOrCreate', 'ReadWrite', 'None')
    } catch {
        # Another runner of this job is at work.
        return
    }
    try {
        $job = Read-JobFile $Folder 'job.json'
        $state = Read-JobState $Folder
        if (Resolve-JobStart $Folder $job $state) {
            Invoke-JobProgram $Folder $job $state
        }
    } finally {
        $guard.Dispose()
    }
}

function Resolve-JobStart {
    # True: launch now. Whatever was launched before and has no known end is never launched again,
    # unless the job says that it may.
    param ([string]$Folder, $Job, $State)
    if ($State['state'] -eq 'staged') {
        return $true
    }
    if (@('running', 'stalled', 'deadline') -contains $State['state']) {
        $reason = 'runner'
        if (Test-OtherBoot $State['boot_id'] (Get-BootId)) {
            $reason = 'reboot'
            # What was attached is not any more.
            $State['image'] = $null
            if ($Job.relaunch_after_reboot -and $State['attempt'] -lt 5) {
                return $true
            }
        }
        $State['state'] = 'interrupted'
        $State['reason'] = $reason
        $State['finished'] = ConvertTo-IsoDate (Get-Date)
    }
    Complete-Job $Folder $Job $State
    $false
}

function Invoke-JobProgram {
    param ([string]$Folder, $Job, $State)
    $held = $null
    try {
        $held = Open-JobFile $Job $State
        if ($held -and (Mount-JobImage $Job $State)) {
            $State['state'] = 'running'
            $State['reason'] = $null
            $State['message'] = $null
            $State['boot_id'] = Get-BootId
            $State['attempt'] = $State['attempt'] + 1
            $State['started'] = ConvertTo-IsoDate (Get-Date)
            $State['pid'] = $null
            $State['runner_pid'] = $PID
            $State['runner_started'] = ConvertTo-IsoDate (Get-Process -Id $PID).StartTime
            # On the disk before anything runs: from here on nothing may launch it a second time.
            Write-JobState $Folder $State
            $process = Start-JobProcess $Folder $Job $State
            if ($process) {
                Watch-JobProcess $Folder $Job $State $process
                Wait-ImageProgram $Folder $Job $State $process
                $State['exit_code'] = $process.ExitCode
                $State['state'] = 'finished'
            }
            # Not in the finally: an image is not taken from a program that may still run.
            Clear-JobImage $Job $State
        }
    } finally {
        if ($held) {
            $held.Dispose()
        }
    }
    if (-not $State['finished']) {
        $State['finished'] = ConvertTo-IsoDate (Get-Date)
    }
    Complete-Job $Folder $Job $State
}

function Open-JobFile {
    # The file, opened so that nobody can write it, when its bytes are the ordered ones (I10); else null.
    param ($Job, $State)
    $State['state'] = 'refused'
    if ((ConvertTo-IsoDate (Get-Date)) -ge (ConvertTo-IsoDate $Job.deadline_utc)) {
        $State['reason'] = 'deadline'
        return $null
    }
    try {
        $stream = [IO.File]::Open((Resolve-NativePath $Job.file), 'Open', 'Read', 'Read')
    } catch {
        $State['reason'] = 'file'
        $State['message'] = $_.Exception.GetBaseException().Message
        return $null
    }
    $bytes = (New-Object Security.Cryptography.SHA256CryptoServiceProvider).ComputeHash($stream)
    $State['sha256_at_launch'] = ([BitConverter]::ToString($bytes) -replace '-').ToLowerInvariant()
    if (-not [string]::Equals($State['sha256_at_launch'], $Job.sha256)) {
        $stream.Dispose()
        $State['reason'] = 'sha256'
        return $null
    }
    # The comma: a stream that a pipeline sees could be taken apart.
    , $stream
}

function ConvertTo-Argument {
    # One argument as programs take command lines apart: quotes around what has blanks or quotes.
    param ([string]$Text)
    if ($Text -match '\A([A-Za-z_]\w*)=(.*\s.*)\z' -and $Text -notmatch '"') {
        # A property of msiexec: it wants the quotes around the value.
        return '{0}="{1}"' -f $Matches[1], $Matches[2]
    }
    if ($Text -and $Text -notmatch '[\s"]') {
        return $Text
    }
    $escaped = [regex]::Replace($Text, '(\\*)"', { param ($m) $m.Groups[1].Value * 2 + '\"' })
    '"' + [regex]::Replace($escaped, '\\+\z', { param ($m) $m.Value * 2 }) + '"'
}

function Get-JobCommandLine {
    # Program and arguments; what is started is the file itself or, for it, a program of Windows.
    param ([string]$Folder, $Job, [string]$Image)
    $system = "$env:SystemRoot\System32"
    $program = $Job.file
    $before = @()
    switch -regex ($Job.file) {
        '\.msp\z' { $program = "$system\msiexec.exe"; $before = @('/update', $Job.file) }
        '\.msi\z' { $program = "$system\msiexec.exe"; $before = @('/i', $Job.file) }
        '\.iso\z' { $program = "$Image\setup.exe" }
        '\.ps1\z' {
            $program = "$system\WindowsPowerShell\v1.0\powershell.exe"
            $script = $Job.file
            if ($Job.kind -eq 'proxylogon-objects') {
                $script = "$Folder\launch.ps1"
            }
            $before = @('-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', $script)
        }
    }
    $words = foreach ($word in @($before) + @($Job.arguments)) {
        ConvertTo-Argument $word.Replace('{output}', "$Folder\output")
    }
    [ordered]@{ program = $program; arguments = @($words) -join ' ' }
}

function Start-JobProcess {
    param ([string]$Folder, $Job, $State)
    $line = Get-JobCommandLine $Folder $Job $State['image']
    $info = New-Object Diagnostics.ProcessStartInfo
    $info.FileName = $line['program']
    $info.Arguments = $line['arguments']
    $info.WorkingDirectory = Resolve-NativePath $Folder
    $info.UseShellExecute = $false
    $info.CreateNoWindow = $true
    $info.RedirectStandardInput = $true
    $info.RedirectStandardOutput = $true
    $info.RedirectStandardError = $true
    try {
        $process = [Diagnostics.Process]::Start($info)
    } catch {
        $State['state'] = 'refused'
        $State['reason'] = 'launch'
        $State['message'] = $_.Exception.GetBaseException().Message
        return $null
    }
    # A question on the console gets the end of the input.
    $process.StandardInput.Close()
    Set-JobPriority $Job $process
    $State['pid'] = $process.Id
    try {
        $State['program_started'] = ConvertTo-IsoDate $process.StartTime
    } catch {
        # It has ended already.
        $State['program_started'] = ConvertTo-IsoDate (Get-Date)
    }
    , $process
}

function Set-JobPriority {
    # A scan that takes hours leaves the processor to the mail. One that has ended already has none.
    param ($Job, $Process)
    if ($Job.PSObject.Properties['low_priority'] -and $Job.low_priority) {
        try {
            $Process.PriorityClass = 'BelowNormal'
        } catch {
            # The priority stays as it is.
            return
        }
    }
}
