# undo for ex01.corp.example: paused; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
if ($vm.PowerState -ne 'Suspended') { throw "$($vm.Name) is $($vm.PowerState), not Suspended: there is nothing to take back" }
Start-VM -VM $vm -Confirm:$false
