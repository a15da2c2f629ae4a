# apply for ex01.corp.example: paused; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
if ($vm.PowerState -ne 'PoweredOn') { throw "$($vm.Name) is $($vm.PowerState), not PoweredOn: there is nothing to do" }
Suspend-VM -VM $vm -Confirm:$false
