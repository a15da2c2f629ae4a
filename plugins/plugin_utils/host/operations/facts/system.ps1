# SPDX-License-Identifier: GPL-3.0-or-later
# Windows itself: names, versions, session, clock, pending reboot, disks.

function Get-ComputerFact {
    $control = 'HKLM:\SYSTEM\CurrentControlSet'
    [ordered]@{
        name = Get-RegistryText "$control\Control\ComputerName\ActiveComputerName" 'ComputerName'
        domain = Get-RegistryText "$control\Services\Tcpip\Parameters" 'Domain'
        machine_guid = Get-RegistryText 'HKLM:\SOFTWARE\Microsoft\Cryptography' 'MachineGuid'
    }
}

function Get-SystemVersion {
    # Since Windows 10 CurrentVersion stays at 6.3 for ever.
    param ([string]$Path)
    $major = Get-RegistryNumber $Path 'CurrentMajorVersionNumber'
    if ($null -ne $major) {
        '{0}.{1}' -f $major, (Get-RegistryPart $Path 'CurrentMinorVersionNumber')
    } else {
        Get-RegistryPart $Path 'CurrentVersion'
    }
}

function Get-SystemFact {
    $path = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $zone = 'HKLM:\SYSTEM\CurrentControlSet\Control\TimeZoneInformation'
    $fact = [ordered]@{}
    Add-Fact $fact 'version' { '{0}.{1}' -f (Get-SystemVersion $path), (Get-RegistryPart $path 'CurrentBuildNumber') } -Source 'os.version'
    Add-Fact $fact 'build' { [int](Get-RegistryPart $path 'CurrentBuildNumber') } -Source 'os.build'
    Add-Fact $fact 'ubr' { Get-RegistryNumber $path 'UBR' } -Source 'os.ubr'
    Add-Fact $fact 'product_name' { Get-RegistryText $path 'ProductName' } -Source 'os.product_name'
    Add-Fact $fact 'installation_type' { Get-RegistryText $path 'InstallationType' } -Source 'os.installation_type'
    Add-Fact $fact 'install_date' {
        $seconds = Get-RegistryNumber $path 'InstallDate'
        if ($null -ne $seconds) {
            ConvertTo-IsoDate ([DateTime]'1970-01-01Z').ToUniversalTime().AddSeconds($seconds)
        }
    } -Source 'os.install_date'
    Add-Fact $fact 'locale' {
        $code = Get-RegistryText 'HKLM:\SYSTEM\CurrentControlSet\Control\Nls\Language' 'Default'
        if ($code) { [Globalization.CultureInfo]::GetCultureInfo([Convert]::ToInt32($code, 16)).Name }
    } -Source 'os.locale'
    Add-Fact $fact 'time_zone' { Get-RegistryText $zone 'TimeZoneKeyName' } -Source 'os.time_zone'
    Add-Fact $fact 'utc_offset_minutes' {
        $bias = Get-RegistryNumber $zone 'ActiveTimeBias'
        if ($bias -gt 2147483647) { $bias -= 4294967296 }
        if ($null -ne $bias) { -$bias }
    } -Source 'os.utc_offset_minutes'
    $fact
}

function Get-ScriptPolicy {
    # What a group policy says of scripts: null where none is defined, 'Disabled' where none may run.
    $path = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows\PowerShell'
    $enabled = Get-RegistryNumber $path 'EnableScripts'
    if ($null -eq $enabled) { return $null }
    if ($enabled -eq 0) { return 'Disabled' }
    $policy = Get-RegistryText $path 'ExecutionPolicy'
    if ($policy) { $policy } else { 'Unknown' }
}

function Get-EngineFact {
    $clr = $PSVersionTable['CLRVersion']
    if ($null -eq $clr) { $clr = [Environment]::Version }
    [ordered]@{
        version = [string]$PSVersionTable['PSVersion']
        language_mode = [string]$ExecutionContext.SessionState.LanguageMode
        clr = [string]$clr
        script_policy = Get-ScriptPolicy
    }
}

function Get-FrameworkFact {
    Assert-NativeProcess
    $path = 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full'
    [ordered]@{
        release = Get-RegistryNumber $path 'Release'
        version = Get-RegistryText $path 'Version'
    }
}

function Get-SessionFact {
    # Groups holds what the token really grants; a group that UAC took away is a deny-only claim.
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $fact = [ordered]@{}
    Add-Fact $fact 'user_sid' { [string]$identity.User.Value } -Source 'session.user_sid'
    Add-Fact $fact 'elevated' {
        ($identity.User.Value -eq 'S-1-5-18') -or (@($identity.Groups | ForEach-Object { $_.Value }) -contains 'S-1-5-32-544')
    } -Source 'session.elevated'
    Add-Fact $fact 'administrator' {
        if ($fact['elevated']) { return $true }
        [bool]@($identity.Claims | Where-Object { $_.Type -like '*/denyonlysid' -and $_.Value -eq 'S-1-5-32-544' })
    } -Source 'session.administrator'
    Add-Fact $fact 'process_64bit' { $env:PROCESSOR_ARCHITECTURE -ne 'x86' } -Source 'session.process_64bit'
    $fact
}

function Get-PendingRebootFact {
    Assert-NativeProcess
    $windows = 'SOFTWARE\Microsoft\Windows\CurrentVersion'
    $keys = @(
        @('ComponentBasedServicing', "$windows\Component Based Servicing\RebootPending"),
        @('WindowsUpdate', "$windows\WindowsUpdate\Auto Update\RebootRequired"),
        @('CcmClient', 'SOFTWARE\Microsoft\SMS\Mobile Client\Reboot Management\RebootData')
    )
    $renames = Get-RegistryValue 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager' 'PendingFileRenameOperations'
    $count = @($renames | Where-Object { $_ }).Count
    if ($count) {
        [ordered]@{ source = 'PendingFileRenameOperations'; detail = "$count entries" }
    }
    foreach ($row in $keys) {
        if (Test-RegistryKey ('HKLM:\' + $row[1])) {
            [ordered]@{ source = $row[0]; detail = 'HKLM\' + $row[1] }
        }
    }
    $flags = Get-RegistryNumber 'HKLM:\SOFTWARE\Microsoft\Updates\UpdateExeVolatile' 'Flags'
    if ($flags) {
        [ordered]@{ source = 'UpdateExeVolatile'; detail = "Flags=$flags" }
    }
}

function Get-DiskFact {
    # Purposes by drive letter; a folder on a mount point counts for the drive that it hangs on.
    param ($Context)
    $purposes = [ordered]@{}
    $temp = Get-RegistryText 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment' 'TEMP'
    $folders = @(@('system', $env:SystemDrive), @('exchange', $Context['install_path']), @('temp', (Expand-Environment $temp)))
    foreach ($folder in $Context['iis_logs'].Values) { $folders += , @('iis-logs', $folder) }
    foreach ($row in $folders) {
        if (-not $row[1]) { continue }
        if ($row[1] -notmatch '^[A-Za-z]:') {
            Add-PartError 'disks' "no drive letter: $($row[1])"
            continue
        }
        $letter = $row[1].Substring(0, 1).ToUpperInvariant()
        if (@($purposes[$letter]) -notcontains $row[0]) { $purposes[$letter] = @($purposes[$letter]) + $row[0] }
    }
    foreach ($letter in Get-SortedText @($purposes.Keys)) {
        $fact = [ordered]@{ root = "${letter}:\"; purposes = @($purposes[$letter] | Where-Object { $_ }); free_bytes = $null; total_bytes = $null }
        try {
            $drive = Get-PSDrive -Name $letter -PSProvider FileSystem -ErrorAction Stop
            if (-not $drive.Free -and -not $drive.Used) { throw "drive $letter does not tell its size" }
            $fact['free_bytes'] = [long]$drive.Free
            $fact['total_bytes'] = [long]$drive.Free + [long]$drive.Used
        } catch {
            Add-PartError "disks.$letter" $_
        }
        $fact
    }
}
