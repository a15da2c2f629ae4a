#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   What the three profiles of the Windows firewall are set to, from the registry: for each setting
#   the value of a policy where one stands, else the local one. What stands in neither is null and
#   never guessed. Needs no module, and works while the firewall service is stopped. Changes nothing.
# .RESULT
#   profiles: rows of name (domain, private, public), enabled (true, false), inbound and outbound (the
#   default action: allow, block), local_rules (true, false: whether rules count that no policy made);
#   each of these four has value, source (policy, local or null) and reason (why value is null).
#   service: status and start_type of MpsSvc, without which nothing filters; null: it does not exist.
[CmdletBinding()]
param ()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-FirewallSetting {
    # One setting of a profile; Meanings has what 0 and what 1 say.
    param ($Keys, [string]$Name, $Meanings)
    $setting = [ordered]@{ value = $null; source = $null; reason = "$Name is not set" }
    foreach ($source in $Keys.get_Keys()) {
        $value = Get-RegistryValue $Keys[$source] $Name
        if ($null -eq $value) { continue }
        $setting['source'] = $source
        $setting['reason'] = "$Name is neither 0 nor 1"
        if (($value -is [int] -or $value -is [long]) -and 0, 1 -contains $value) {
            $setting['value'] = $Meanings[$value]
            $setting['reason'] = $null
        }
        break
    }
    $setting
}

function Get-FirewallRow {
    # The local store calls the private profile Standard, its name of before Windows Vista.
    param ([string]$Name, [string]$PolicyName, [string]$LocalName)
    $policy = [ordered]@{ policy = "HKLM:\SOFTWARE\Policies\Microsoft\WindowsFirewall\$PolicyName" }
    $both = [ordered]@{
        policy = $policy['policy']
        local = "HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\$LocalName"
    }
    [ordered]@{
        name = $Name
        enabled = Get-FirewallSetting $both 'EnableFirewall' @($false, $true)
        inbound = Get-FirewallSetting $both 'DefaultInboundAction' @('allow', 'block')
        outbound = Get-FirewallSetting $both 'DefaultOutboundAction' @('allow', 'block')
        # Only a policy can say this.
        local_rules = Get-FirewallSetting $policy 'AllowLocalPolicyMerge' @($false, $true)
    }
}

function Get-FirewallService {
    $state = Get-ServiceState 'MpsSvc'
    if ($state) {
        [ordered]@{ status = $state['status']; start_type = $state['start_type'] }
    }
}

[ordered]@{
    profiles = Invoke-Part -Name 'profiles' -List {
        Get-FirewallRow 'domain' 'DomainProfile' 'DomainProfile'
        Get-FirewallRow 'private' 'PrivateProfile' 'StandardProfile'
        Get-FirewallRow 'public' 'PublicProfile' 'PublicProfile'
    }
    service = Invoke-Part -Name 'service' { Get-FirewallService }
}
