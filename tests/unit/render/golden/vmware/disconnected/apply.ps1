# apply for ex01.corp.example: disconnected; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
if ($vm.Name -ne 'EX01 mail') { throw "VirtualMachine-vm-1024 is $($vm.Name), not EX01 mail: correct the Id" }
Get-NetworkAdapter -VM $vm | Set-NetworkAdapter -Connected:$false -StartConnected:$false -Confirm:$false
