# verify for ex01.corp.example: disconnected; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -ComputerName 'hv01.corp.example' -Id '6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10'
if ($vm.Name -ne 'EX01 mail') { throw "6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10 is $($vm.Name), not EX01 mail: correct the Id" }
$vm | Format-List -Property Name, Id, State, CheckpointType
Get-VMNetworkAdapter -VM $vm | Format-List -Property Name, Id, MacAddress, SwitchName, Connected
Get-VMNetworkAdapterVlan -VM $vm | Format-List
