# SPDX-License-Identifier: GPL-3.0-or-later
# Services: state and start type as they are, as they shall be, and back.

function Get-ServiceState {
    # Null where the service does not exist. delayed: the value DelayedAutostart, null where it is missing.
    param ([string]$Name)
    $service = @(Get-Service -Name $Name -ErrorAction SilentlyContinue)
    if ($service.Count -ne 1) { return $null }
    $key = "HKLM:\SYSTEM\CurrentControlSet\Services\$($service[0].ServiceName)"
    [ordered]@{
        name = $service[0].ServiceName
        status = [string]$service[0].Status
        start_type = Get-StartType $service[0].ServiceName
        delayed = Get-RegistryNumber $key 'DelayedAutostart'
    }
}

function Select-ByRank {
    # Managed availability starts what it finds stopped: it goes first, HMRecovery (which starts HM)
    # before HM; -Back: it comes last, HMRecovery at the very end. Not Sort-Object, which mixes equals.
    param ($Rows, [scriptblock]$Name, [switch]$Back)
    $ranks = 'MSExchangeHMRecovery', 'MSExchangeHM', ''
    if ($Back) { $ranks = '', 'MSExchangeHM', 'MSExchangeHMRecovery' }
    foreach ($rank in $ranks) {
        foreach ($row in $Rows) {
            $own = [string](& $Name $row)
            if (@($ranks | Where-Object { $_ }) -notcontains $own) { $own = '' }
            if ($own -eq $rank) { $row }
        }
    }
}

function Test-Running {
    param ([string]$Status)
    'Stopped', 'StopPending' -cnotcontains $Status
}

function Set-DelayedStart {
    # Set-Service of 3.0-5.1 knows no delayed start. The value is read at the next start of Windows,
    # which is the only moment at which it means anything.
    param ([string]$Name, $Delayed)
    $key = "HKLM:\SYSTEM\CurrentControlSet\Services\$Name"
    $now = Get-RegistryNumber $key 'DelayedAutostart'
    if ($now -eq $Delayed) { return }
    if ($null -eq $Delayed) {
        Remove-ItemProperty -LiteralPath $key -Name 'DelayedAutostart'
    } else {
        [void](New-ItemProperty -LiteralPath $key -Name 'DelayedAutostart' -PropertyType DWord -Value $Delayed -Force)
    }
}

function Set-StartType {
    # -StartType as in the facts. Boot and System can only be what they were before: Set-Service refuses them.
    param ([string]$Name, $StartType, $Delayed)
    if ((Get-StartType $Name) -ne $StartType) {
        if ('Boot', 'System' -contains $StartType) {
            Set-ItemProperty -LiteralPath "HKLM:\SYSTEM\CurrentControlSet\Services\$Name" -Name 'Start' -Value ([int]($StartType -eq 'System'))
        } elseif ('Automatic', 'AutomaticDelayed', 'Manual', 'Disabled' -contains $StartType) {
            Set-Service -Name $Name -StartupType ($StartType -replace 'Delayed')
        }
    }
    Set-DelayedStart $Name $Delayed
}

function Set-ServiceState {
    # Puts a service into a state. Disabled before it is stopped, so that nothing starts it in between;
    # one that ran although it is disabled is made startable for the moment.
    param ([string]$Name, $Wanted)
    $run = Test-Running $Wanted['status']
    $now = Get-ServiceState $Name
    if ($run -and -not (Test-Running $now['status'])) {
        if ($Wanted['start_type'] -eq 'Disabled') { Set-Service -Name $Name -StartupType Manual } else { Set-StartType $Name $Wanted['start_type'] $Wanted['delayed'] }
        Start-Service -Name $Name -WarningAction SilentlyContinue
    }
    Set-StartType $Name $Wanted['start_type'] $Wanted['delayed']
    if (-not $run -and (Test-Running $now['status'])) {
        Stop-Service -Name $Name -Force -WarningAction SilentlyContinue
    }
}

function Test-ServiceState {
    # Whether a service is as wanted: start type, delay and running or not.
    param ($Now, $Wanted)
    $Now['start_type'] -eq $Wanted['start_type'] -and $Now['delayed'] -eq $Wanted['delayed'] -and
    (Test-Running $Now['status']) -eq (Test-Running $Wanted['status'])
}
