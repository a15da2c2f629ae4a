# SPDX-License-Identifier: GPL-3.0-or-later
# A Hyper-V host with one machine. Each function takes the documented parameters that a template may use and no other.
# Its variables are called $its_...: functions see those of the text that calls them, too.
$its_machine = [pscustomobject]@{ Name = 'EX01 mail'; Id = [guid]'6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10'; State = 'Running'; CheckpointType = 'Production' }
$its_adapters = @(
    [pscustomobject]@{ Name = 'Network Adapter'; MacAddress = '00155D010203'; SwitchName = 'External Switch' }
    [pscustomobject]@{ Name = 'Network Adapter'; MacAddress = '00155D010204'; SwitchName = 'Replication' }
    [pscustomobject]@{ Name = 'Network Adapter'; MacAddress = '00155D010205'; SwitchName = '' }
)
$its_snapshots = [Collections.ArrayList]@()
$its_questions = [Collections.ArrayList]@()
function State { @{ state = $its_machine.State; type = $its_machine.CheckpointType; switches = @($its_adapters.SwitchName); snapshots = @($its_snapshots); asked = @($its_questions) } }
function Get-VM { [CmdletBinding()] param([string]$ComputerName, [guid]$Id) if ($ComputerName -ne 'hv01.corp.example' -or $Id -ne $its_machine.Id) { Write-Error 'Hyper-V was unable to find a virtual machine' } else { $its_machine } }
function Get-VMNetworkAdapter { [CmdletBinding()] param([Parameter(Mandatory)]$VM) $its_adapters }
function Get-VMNetworkAdapterVlan { [CmdletBinding()] param([Parameter(Mandatory)]$VM) }
function Disconnect-VMNetworkAdapter { [CmdletBinding()] param([Parameter(Mandatory, ValueFromPipeline)]$VMNetworkAdapter) process { $VMNetworkAdapter.SwitchName = '' } }
function Connect-VMNetworkAdapter { [CmdletBinding()] param([Parameter(Mandatory)]$VMNetworkAdapter, [Parameter(Mandatory)][string]$SwitchName) $VMNetworkAdapter.SwitchName = $SwitchName }
function Suspend-VM { [CmdletBinding()] param([Parameter(Mandatory)]$VM) $VM.State = 'Paused' }
function Resume-VM { [CmdletBinding()] param([Parameter(Mandatory)]$VM) $VM.State = 'Running' }
function Set-VM { [CmdletBinding()] param([Parameter(Mandatory)]$VM, [ValidateSet('Disabled', 'Standard', 'Production', 'ProductionOnly')][string]$CheckpointType) $VM.CheckpointType = $CheckpointType }
function Checkpoint-VM { [CmdletBinding()] param([Parameter(Mandatory)]$VM, [string]$SnapshotName) [void]$its_snapshots.Add([pscustomobject]@{ Name = $SnapshotName; Memory = ($VM.CheckpointType -eq 'Standard') }) }
function Get-VMSnapshot { [CmdletBinding()] param([Parameter(Mandatory)]$VM) $its_snapshots }
function Remove-VMSnapshot { [CmdletBinding()] param([Parameter(Mandatory)]$VMSnapshot, [switch]$Confirm) [void]$its_questions.Add([bool]$Confirm); $its_snapshots.Remove($VMSnapshot) }
