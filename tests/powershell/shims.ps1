# SPDX-License-Identifier: GPL-3.0-or-later
# What Windows has and the test engine has not, steered by environment variables.
function global:Get-Acl {
    param ($LiteralPath)
    $sddl = $env:TEST_SDDL
    if (-not $sddl) { $sddl = 'O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)' }
    New-Object psobject -Property @{Sddl = $sddl } |
        Add-Member -MemberType ScriptMethod -Name SetSecurityDescriptorSddlForm -Value { param ($s) $this.Sddl = $s } -PassThru
}
function global:Set-Acl {
    param ($LiteralPath, $AclObject)
    [IO.File]::AppendAllText("$env:ProgramData/acl.log", "$($AclObject.Sddl)`n")
}
function global:Get-ItemProperty {
    param ($LiteralPath, $Name)
    if (-not $env:TEST_BOOT) { throw "no $Name at $LiteralPath" }
    New-Object psobject -Property @{BootId = $env:TEST_BOOT }
}
function global:Get-Process {
    param ($Id, $Name, $ErrorAction)
    if ($Id -eq 4) { throw 'no process 4' }
    if ($Id) { return Microsoft.PowerShell.Management\Get-Process -Id $Id }
    if ($env:TEST_INSTALLER) { New-Object psobject -Property @{Name = $env:TEST_INSTALLER } }
}
function global:Get-Date {
    if ($env:TEST_NOW) { return [datetime]::Parse($env:TEST_NOW).ToUniversalTime() }
    [datetime]::UtcNow
}
