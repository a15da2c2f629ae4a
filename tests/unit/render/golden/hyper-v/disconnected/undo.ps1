# undo for ex01.corp.example: disconnected; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -ComputerName 'hv01.corp.example' -Id '6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10'
if ($vm.Name -ne 'EX01 mail') { throw "6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10 is $($vm.Name), not EX01 mail: correct the Id" }
$adapters = @(Get-VMNetworkAdapter -VM $vm | Where-Object { $_.MacAddress -eq '00155D010203' })
if ($adapters.Count -ne 1) { throw "00155D010203: $($adapters.Count) adapters have this address, not 1: read verify again" }
Connect-VMNetworkAdapter -VMNetworkAdapter $adapters[0] -SwitchName 'External Switch'
$adapters = @(Get-VMNetworkAdapter -VM $vm | Where-Object { $_.MacAddress -eq '00155D010204' })
if ($adapters.Count -ne 1) { throw "00155D010204: $($adapters.Count) adapters have this address, not 1: read verify again" }
Connect-VMNetworkAdapter -VMNetworkAdapter $adapters[0] -SwitchName 'Replication'
