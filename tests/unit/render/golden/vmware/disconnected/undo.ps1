# undo for ex01.corp.example: disconnected; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
if ($vm.Name -ne 'EX01 mail') { throw "VirtualMachine-vm-1024 is $($vm.Name), not EX01 mail: correct the Id" }
$adapters = @(Get-NetworkAdapter -VM $vm -Name 'Network adapter 1')
if ($adapters.Count -ne 1) { throw "Network adapter 1: $($adapters.Count) adapters have this name, not 1: read verify again" }
Set-NetworkAdapter -NetworkAdapter $adapters[0] -Connected:$true -StartConnected:$true -Confirm:$false
$adapters = @(Get-NetworkAdapter -VM $vm -Name 'Network adapter 2')
if ($adapters.Count -ne 1) { throw "Network adapter 2: $($adapters.Count) adapters have this name, not 1: read verify again" }
Set-NetworkAdapter -NetworkAdapter $adapters[0] -Connected:$true -StartConnected:$false -Confirm:$false
