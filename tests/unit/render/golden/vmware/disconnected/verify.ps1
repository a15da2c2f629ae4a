# verify for ex01.corp.example: disconnected; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
if ($vm.Name -ne 'EX01 mail') { throw "VirtualMachine-vm-1024 is $($vm.Name), not EX01 mail: correct the Id" }
$vm | Format-List -Property Name, Id, PowerState
Get-NetworkAdapter -VM $vm | Format-List -Property Name, Id, MacAddress, NetworkName, ConnectionState
