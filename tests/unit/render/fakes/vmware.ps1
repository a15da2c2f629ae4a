# SPDX-License-Identifier: GPL-3.0-or-later
# A vCenter Server with one machine. Each function takes the documented parameters that a template may use and no other.
# Its variables are called $its_...: functions see those of the text that calls them, too.
$its_machine = [pscustomobject]@{ Name = 'EX01 mail'; Id = 'VirtualMachine-vm-1024'; PowerState = 'PoweredOn' }
function Adapter($name, $connected, $start) { [pscustomobject]@{ Name = $name; Connected = $connected; StartConnected = $start } }
$its_adapters = @((Adapter 'Network adapter 1' $true $true), (Adapter 'Network adapter 2' $true $false), (Adapter 'Network adapter 3' $false $false))
$its_snapshots = [Collections.ArrayList]@()
$its_questions = [Collections.ArrayList]@()
function State { @{ state = $its_machine.PowerState; connected = @($its_adapters.Connected); start = @($its_adapters.StartConnected); snapshots = @($its_snapshots); asked = @($its_questions) } }
function Get-VM { [CmdletBinding()] param([string]$Server, [Parameter(Mandatory)][string]$Id) if ($Server -ne 'vcenter.corp.example' -or $Id -ne $its_machine.Id) { Write-Error 'VM with id was not found' } else { $its_machine } }
function Get-NetworkAdapter { [CmdletBinding()] param([Parameter(Mandatory)]$VM, [string]$Name = '*') $its_adapters | Where-Object { $_.Name -like $Name } }
function Set-NetworkAdapter { [CmdletBinding()] param([Parameter(Mandatory, ValueFromPipeline)]$NetworkAdapter, [bool]$Connected, [bool]$StartConnected, [switch]$Confirm) process { $NetworkAdapter.Connected = $Connected; $NetworkAdapter.StartConnected = $StartConnected } }
function Suspend-VM { [CmdletBinding()] param([Parameter(Mandatory)]$VM, [switch]$Confirm) $VM.PowerState = 'Suspended' }
function Start-VM { [CmdletBinding()] param([Parameter(Mandatory)]$VM, [switch]$Confirm) $VM.PowerState = 'PoweredOn' }
function New-Snapshot { [CmdletBinding()] param([Parameter(Mandatory)]$VM, [Parameter(Mandatory)][string]$Name, [string]$Description, [switch]$Memory, [switch]$Quiesce) [void]$its_snapshots.Add([pscustomobject]@{ Name = $Name; Memory = [bool]$Memory; Quiesce = [bool]$Quiesce }) }
function Get-Snapshot { [CmdletBinding()] param([Parameter(Mandatory)]$VM) $its_snapshots }
function Remove-Snapshot { [CmdletBinding()] param([Parameter(Mandatory)]$Snapshot, [switch]$Confirm) [void]$its_questions.Add([bool]$Confirm); $its_snapshots.Remove($Snapshot) }
