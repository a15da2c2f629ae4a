# verify for ex01.corp.example: paused; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -ComputerName 'hv01.corp.example' -Id '6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10'
$vm | Format-List -Property Name, Id, State, CheckpointType
Get-VMNetworkAdapter -VM $vm | Format-List -Property Name, Id, MacAddress, SwitchName, Connected
Get-VMNetworkAdapterVlan -VM $vm | Format-List
