# SPDX-License-Identifier: GPL-3.0-or-later
# The scheduled task of a job, through schtasks.exe: on every Windows, and no WMI, which Exchange
# setup stops and through which Register-ScheduledTask works. docs/host-operations.md says more.

function Get-JobTaskName {
    param ([string]$Job)
    # At the root: a folder of the Task Scheduler would stay behind.
    "ExchangeRemediation-$Job"
}

function Invoke-Schtasks {
    # Its exit code and, for people only, what it printed in the language of the server.
    param ([string[]]$Words)
    # Under Stop, 3.0-5.1 make an exception of the first line on stderr.
    $ErrorActionPreference = 'Continue'
    $program = "$env:SystemRoot\System32\schtasks.exe"
    $lines = & $program @Words 2>&1
    [ordered]@{ code = $LASTEXITCODE; text = (@($lines | ForEach-Object { [string]$_ }) -join ' ').Trim() }
}

function Get-JobTaskXml {
    # SYSTEM, started by hand and at each start of Windows, without the limits of the scheduler: no
    # battery, no 72 hours, no hard end, no second instance.
    param ([string]$Job, [string]$Folder)
    $runner = (Join-Path $Folder 'runner.ps1').Replace("'", "''")
    # -Command: a policy for script files (AllSigned) does not reach it.
    $script = "& ([ScriptBlock]::Create([IO.File]::ReadAllText('$runner')))"
    $arguments = "-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -Command `"$script`""
    $format = @'
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
<RegistrationInfo><Author>exchange.remediation</Author><Description>Job {0}; removes itself when it has ended.</Description></RegistrationInfo>
<Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>
<Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
<Settings>
<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
<AllowHardTerminate>false</AllowHardTerminate>
<StartWhenAvailable>true</StartWhenAvailable>
<IdleSettings><StopOnIdleEnd>false</StopOnIdleEnd><RestartOnIdle>false</RestartOnIdle></IdleSettings>
<AllowStartOnDemand>true</AllowStartOnDemand>
<Enabled>true</Enabled>
<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
<Priority>5</Priority>
</Settings>
<Actions Context="Author"><Exec><Command>{1}</Command><Arguments>{2}</Arguments></Exec></Actions>
</Task>
'@
    $powershell = '%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe'
    $format -f $Job, $powershell, [Security.SecurityElement]::Escape($arguments)
}

function Register-JobTask {
    param ([string]$Job, [string]$Folder)
    $file = Join-Path $Folder 'task.xml'
    $encoding = [Text.Encoding]::Unicode
    Write-ByteDurably $file ($encoding.GetPreamble() + $encoding.GetBytes((Get-JobTaskXml $Job $Folder)))
    try {
        $done = Invoke-Schtasks '/Create', '/TN', (Get-JobTaskName $Job), '/XML', $file, '/F'
    } finally {
        [IO.File]::Delete((Resolve-NativePath $file))
    }
    Assert-Schtasks $Job 'create' $done
}

function Start-JobTask {
    param ([string]$Job)
    Assert-Schtasks $Job 'start' (Invoke-Schtasks '/Run', '/TN', (Get-JobTaskName $Job))
}

function Assert-Schtasks {
    param ([string]$Job, [string]$What, $Done)
    if ($Done['code'] -ne 0) {
        Stop-Operation 'ScriptFailed' 'TaskRefused' "the Task Scheduler did not $What the task $(Get-JobTaskName $Job) (exit code $($Done['code'])): $($Done['text'])"
    }
}

function Unregister-JobTask {
    # True when there is no such task afterwards. A running instance goes on: /Delete does not end it.
    param ([string]$Job)
    $name = Get-JobTaskName $Job
    if ((Invoke-Schtasks '/Delete', '/TN', $name, '/F')['code'] -eq 0) {
        return $true
    }
    # Not there, or a scheduler that does not answer: then it lists nothing either.
    (Invoke-Schtasks '/Query', '/TN', $name)['code'] -ne 0 -and (Invoke-Schtasks '/Query', '/FO', 'CSV')['code'] -eq 0
}

function Remove-JobFolder {
    # The runner's last breath or a virus scanner may hold a file for a moment.
    param ([string]$Folder)
    $native = Resolve-NativePath $Folder
    for ($try = 1; $try -le 25; $try++) {
        try {
            [IO.Directory]::Delete($native, $true)
            return
        } catch {
            if ($try -eq 25) {
                throw
            }
            Start-Sleep -Milliseconds 200
        }
    }
}
